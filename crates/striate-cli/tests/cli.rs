//! The program as other programs see it: exit codes, stdout, stderr, JSON.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

fn striate(args: &[&str]) -> Output {
    command(args).output().expect("the program starts")
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_striate"));
    command.args(args).stdin(Stdio::null()).current_dir(scratch());
    command
}

/// One folder for all tests of this process.
fn scratch() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a scratch folder");
        folder
    })
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("stderr is UTF-8")
}

/// The whole of stdout as one JSON value.
fn json(output: &Output) -> Value {
    let text = stdout(output);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}\n{}", stderr(output)))
}

/// An error of the user: code 2, nothing on stdout, one paragraph that names every one of `parts`.
fn assert_refused(args: &[&str], parts: &[&str]) {
    let output = striate(args);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {told}");
    assert_eq!(stdout(&output), "", "{args:?}");
    assert!(!told.contains("panicked") && !told.contains("bug of its own"), "{args:?}: {told}");
    let error = told.lines().find(|line| line.contains("error: ")).unwrap_or_default();
    for part in parts {
        assert!(told.contains(part), "{args:?}: {part:?} is not in {told}");
    }
    assert!(!error.is_empty(), "{args:?}: {told}");
}

/// An 8x8 gray picture as BMP: a vertical bar at `bar`.
fn bmp(bar: usize) -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    bytes.extend((54_u32 + 192).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(54_u32.to_le_bytes());
    bytes.extend(40_u32.to_le_bytes());
    bytes.extend(8_i32.to_le_bytes());
    bytes.extend(8_i32.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(24_u16.to_le_bytes());
    bytes.extend([0; 24]);
    for _ in 0..8 {
        (0..8).for_each(|x| bytes.extend([if x == bar { 255 } else { 0 }; 3]));
    }
    bytes
}

/// A run on the built-in digits, trained once for all tests.
fn run() -> &'static str {
    static RUN: OnceLock<()> = OnceLock::new();
    RUN.get_or_init(|| {
        let args = ["train", "@digits", "--model", "linear", "--epochs", "2", "--lr", "0.05", "--out", "run", "--json"];
        let output = striate(&args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let report = json(&output);
        for field in ["run", "model", "rungs", "skipped", "chosen", "selected", "test", "leaks", "seconds"] {
            assert!(report.get(field).is_some(), "{field}: {report}");
        }
        assert_eq!(report["rungs"], Value::Array(vec![]));
        assert_eq!(stderr(&output), "", "--json tells no progress");
    });
    "run"
}

#[test]
fn help_is_an_answer_and_has_examples() {
    let output = striate(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    for verb in ["train", "eval", "predict", "filter", "inspect", "models", "bench", "completions", "man"] {
        assert!(stdout(&output).contains(verb), "{verb}");
    }
    for verb in ["train", "eval", "predict", "filter", "inspect", "models", "bench", "completions"] {
        let output = striate(&[verb, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{verb}");
        assert!(stdout(&output).contains("Examples:"), "{verb}");
    }
    assert!(stdout(&striate(&["--version"])).starts_with("striate "));
}

#[test]
fn slips_on_the_command_line_are_answered_with_what_was_meant() {
    assert_eq!(striate(&[]).status.code(), Some(2));
    assert_refused(&["trian", "@digits"], &["train"]);
    assert_refused(&["train", "@digits", "--epoch", "3"], &["--epochs"]);
    assert_refused(&["train"], &["DATA"]);
    assert_refused(&["train", "@digits", "--epochs", "0"], &["1 or more"]);
    assert_refused(&["train", "@digits", "--lr", "-1"], &["--lr"]);
    assert_refused(&["train", "@digits", "--budget", "soon"], &["90s"]);
    assert_refused(&["train", "@digits", "--resume", "run"], &["--resume"]);
    assert_refused(&["train", "@digits", "--model", "resent20"], &["resnet20"]);
    assert_refused(&["train", "@digits", "--recipe", "mnist-lenet"], &["mnist-lenet5"]);
    assert_refused(&["models", "--recipe", "mnist-lenet"], &["mnist-lenet5"]);
    assert_refused(&["models", "--threads", "0"], &["--threads"]);
    assert_refused(&["eval", "m", "d", "--at-least", "900"], &["0.9"]);
    assert_refused(&["models", "--device", "abacus"], &["cpu"]);
    assert_refused(&["inspect", "@digits", "--augment"], &["--out"]);
}

#[test]
fn files_that_are_no_models_are_named_with_what_to_do() {
    let scratch = scratch();
    std::fs::write(scratch.join("empty.safetensors"), b"").expect("writes");
    std::fs::write(scratch.join("foreign.safetensors"), b"\x02\0\0\0\0\0\0\0{}").expect("writes");
    std::fs::write(scratch.join("lying.safetensors"), b"\xff\xff\xff\xff\xff\xff\xff\x7f{}").expect("writes");
    assert_refused(&["predict", "no-such-model", "x.png"], &["no-such-model", "check its name"]);
    assert_refused(&["predict", ".", "x.png"], &["model.safetensors", "run"]);
    for model in ["empty.safetensors", "foreign.safetensors", "lying.safetensors"] {
        assert_refused(&["predict", model, "x.png"], &[model]);
        assert_refused(&["eval", model, "@digits"], &[model]);
        assert_refused(&["inspect", model], &[model]);
    }
}

#[test]
fn models_lists_nets_and_recipes() {
    let output = striate(&["models", "--json"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    let catalogue = json(&output);
    let models = catalogue["models"].as_array().expect("models");
    let resnet18 = models.iter().find(|model| model["name"] == "resnet18").expect("resnet18 is listed");
    assert_eq!(resnet18["parameters"], 11_689_512);
    assert!(stdout(&striate(&["models"])).contains("11,689,512"));
    assert!(stdout(&striate(&["models", "--recipe", "mnist-lenet5"])).contains("[train]"));
}

#[test]
fn shells_and_man_get_their_pages() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = striate(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("predict"), "{shell}");
    }
    assert!(stdout(&striate(&["man"])).contains(".TH striate"));
    assert!(json(&striate(&["man", "--json"]))["man"].is_string());
}

#[test]
fn data_is_inspected() {
    let data = json(&striate(&["inspect", "@digits", "--json"]));
    assert_eq!((&data["kind"], &data["pictures"]), (&"data".into(), &1797.into()));
    assert_eq!(data["classes"].as_array().map(Vec::len), Some(10));
    assert_refused(&["inspect", "no-such-folder"], &["no-such-folder"]);
    let sheet =
        striate(&["inspect", "@digits", "--augment", "--recipe", "digits-resnet20", "--out", "sheet.png", "--json"]);
    assert_eq!(json(&sheet)["sheet"], "sheet.png");
    assert!(std::fs::read(scratch().join("sheet.png")).expect("the sheet").starts_with(b"\x89PNG"));
    assert_refused(&["inspect", "@digits", "--augment", "--out", "sheet.png"], &["sheet.png", "--overwrite"]);
}

#[test]
fn a_run_and_its_model_are_inspected() {
    let info = json(&striate(&["inspect", run(), "--json"]));
    assert_eq!((&info["kind"], &info["finished"]), (&"run".into(), &true.into()));
    assert!(info["recipe"].as_str().is_some_and(|recipe| recipe.contains("linear")), "{info}");
    let info = json(&striate(&["inspect", "run/model.safetensors", "--json"]));
    assert_eq!((&info["kind"], &info["manifest"]["net"]["name"]), (&"model".into(), &"linear".into()));
    let parameters: u64 =
        info["layers"].as_array().into_iter().flatten().filter_map(|l| l["parameters"].as_u64()).sum();
    assert_eq!(info["parameters"], parameters);
    let text = stdout(&striate(&["inspect", "run/model.safetensors"]));
    assert!(text.contains("linear to classify") && text.contains("fc"), "{text}");
}

#[test]
fn a_score_that_misses_its_mark_exits_with_1() {
    let reached = striate(&["eval", run(), "@digits", "--at-least", "0.2", "--json"]);
    assert_eq!(reached.status.code(), Some(0), "{}", stderr(&reached));
    let report = json(&reached);
    for field in ["metric", "value", "ci95", "n", "per_class", "confusion"] {
        assert!(report.get(field).is_some(), "{field}: {report}");
    }
    assert_eq!(report["n"], 1797);
    let missed = striate(&["eval", run(), "@digits", "--at-least", "1"]);
    assert_eq!(missed.status.code(), Some(1));
    assert!(stdout(&missed).contains("--at-least 1: missed"), "{}", stdout(&missed));
    assert!(stderr(&missed).contains("learned from these very pictures"), "{}", stderr(&missed));
    assert_refused(&["eval", run(), "@digits", "--split", "test"], &["test", "--split"]);
}

#[test]
fn classes_that_the_model_does_not_know_are_refused() {
    for class in ["seven", "9"] {
        let folder = scratch().join("strange").join(class);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("1.bmp"), bmp(2)).expect("writes");
    }
    assert_refused(&["eval", run(), "strange"], &["strange", "\"seven\"", "its classes are"]);
}

#[test]
fn every_copy_across_given_splits_is_a_leak_and_few_are_told() {
    let save = |place: String, bar: usize| {
        let path = scratch().join("leaky").join(place);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, bmp(bar)).expect("writes");
    };
    for bar in 0..8 {
        let class = if bar < 4 { "left" } else { "right" };
        save(format!("train/{class}/{bar}.bmp"), bar);
        (0..3).for_each(|copy| save(format!("test/{class}/{bar}-{copy}.bmp"), bar));
    }
    let args = ["train", "leaky", "--model", "linear", "--epochs", "1", "--out"];
    let output = striate(&[&args[..], &["leaky-run", "--json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let report = json(&output);
    assert_eq!((report["leaks"].as_array().map(Vec::len), report["test"].is_null()), (Some(24), true), "{report}");
    assert!(report["verdict"][0].as_str().is_some_and(|first| first.contains("no honest figure")), "{report}");
    assert_eq!(stderr(&output).matches("warning: leak: ").count(), 10);
    assert!(stderr(&output).contains("and 14 more leaks, see report.html"), "{}", stderr(&output));
    let output = striate(&[&args[..], &["leaky-scored", "--allow-leaks", "--json", "--quiet"]].concat());
    assert_eq!((output.status.code(), json(&output)["test"]["n"].as_u64()), (Some(0), Some(24)));
}

#[test]
fn data_that_teaches_nothing_is_refused_and_leaves_no_run() {
    let save = |place: &str, bytes: &[u8]| {
        let path = scratch().join(place);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, bytes).expect("writes");
    };
    (0..4).for_each(|bar| save(&format!("one-class/only/{bar}.bmp"), &bmp(bar)));
    (0..4).for_each(|bar| save(&format!("damaged/good/{bar}.bmp"), &bmp(bar)));
    save("damaged/broken/1.bmp", b"BM");
    (0..4).for_each(|bar| save(&format!("grouped/a/x{bar}.bmp"), &bmp(bar)));
    (4..8).for_each(|bar| save(&format!("grouped/b/x{bar}.bmp"), &bmp(bar)));
    for flags in [&["--model", "linear"][..], &[]] {
        let refused = |data: &[&str], parts: &[&str]| {
            assert_refused(&[&["train", "--out", "no-run"], data, flags].concat(), parts);
            assert!(!scratch().join("no-run").exists(), "{data:?}");
        };
        refused(&["one-class"], &["one class only, \"only\""]);
        refused(&["damaged"], &["no picture of broken can be read"]);
        refused(&["grouped", "--group-by", "x"], &["8 pictures in one group are too few", "--group-by"]);
    }
    let linear = ["train", "@digits", "--model", "linear", "--out", "no-run", "--image-size", "2048"];
    assert_refused(&[&linear[..], &["--batch", "2000"]].concat(), &["values", "--batch or --image-size"]);
    assert_refused(
        &["train", "@digits", "--out", "no-run", "--model", "lenet5", "--image-size", "2048"],
        &["parameters"],
    );
    assert!(!scratch().join("no-run").exists());
}

#[cfg(unix)]
#[test]
fn pipes_and_folders_are_not_waited_for() {
    let run = scratch().join("pipes");
    std::fs::create_dir_all(run.join("recipe.toml")).expect("a folder in place of a file");
    assert_refused(&["train", "--resume", "pipes"], &["pipes", "recipe.toml", "striate train"]);
    assert_refused(&["train", "@digits", "--quiet", "--overwrite", "--out", "pipes"], &["pipes", "not a run's"]);
    let fifo = run.join("fifo");
    let Ok(true) = Command::new("mkfifo").arg(&fifo).status().map(|made| made.success()) else {
        println!("skipped: no mkfifo here");
        return;
    };
    std::fs::remove_dir(run.join("recipe.toml")).expect("removes");
    std::fs::rename(&fifo, run.join("recipe.toml")).expect("renames");
    for args in [
        &["train", "--resume", "pipes"][..],
        &["train", "pipes/recipe.toml"],
        &["train", "@digits", "--recipe", "pipes/recipe.toml"],
        &["predict", "pipes/recipe.toml", "@digits"],
        &["eval", "pipes/recipe.toml", "@digits"],
        &["inspect", "pipes/recipe.toml"],
    ] {
        assert_refused(args, &["pipes"]);
    }
}

#[test]
fn pictures_are_labelled_and_damaged_ones_counted() {
    let folder = scratch().join("new");
    std::fs::create_dir_all(folder.join("deep")).expect("folders");
    std::fs::write(folder.join("a.bmp"), bmp(1)).expect("writes");
    std::fs::write(folder.join("deep/b.bmp"), bmp(5)).expect("writes");
    std::fs::write(folder.join("cut.png"), b"\x89PNG\r\n\x1a\n").expect("writes");
    std::fs::write(folder.join("notes.txt"), b"not a picture").expect("writes");
    let output = striate(&["predict", run(), "new", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    for line in &lines {
        if line.get("error").is_some() {
            assert_eq!(line["file"], "new/cut.png");
        } else {
            assert_eq!(line["top"].as_array().map(Vec::len), Some(5), "{line}");
            assert_eq!((&line["top"][0][0], &line["top"][0][1]), (&line["label"], &line["probability"]));
        }
    }
    let output = striate(&["predict", run(), "new"]);
    assert_eq!(stdout(&output).lines().count(), 2);
    assert!(stderr(&output).contains("new/cut.png: ") && stderr(&output).contains("1 of 3"), "{}", stderr(&output));
    assert_refused(&["predict", run(), "new/cut.png"], &["cut.png", "none of 1 picture"]);
    assert_refused(&["predict", run(), "nowhere"], &["nowhere"]);
}

#[test]
fn a_spreadsheet_gets_its_labels_and_loses_none() {
    let folder = scratch().join("for-sheet");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("a.bmp"), bmp(1)).expect("writes");
    let args = ["predict", run(), "for-sheet", "--out", "labels.csv"];
    let output = striate(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("Labelled 1 of 1 picture in labels.csv"), "{}", stdout(&output));
    let csv = std::fs::read_to_string(scratch().join("labels.csv")).expect("the CSV");
    assert!(csv.starts_with("\u{feff}file,label,probability"), "{csv}");
    assert!(csv.lines().nth(1).is_some_and(|row| row.starts_with("for-sheet/a.bmp,")), "{csv}");
    assert_refused(&args, &["labels.csv", "--overwrite"]);
    assert_eq!(striate(&[&args[..], &["--overwrite"]].concat()).status.code(), Some(0));
    assert_refused(&["predict", run(), "for-sheet", "--out", "no/such/folder/l.csv"], &["no/such/folder/l.csv"]);
    assert_refused(&["predict", run(), "for-sheet", "--out", "."], &["folder", "labels.csv"]);
}

#[test]
fn an_existing_run_or_file_is_not_written_over() {
    std::fs::write(scratch().join("occupied"), b"mine").expect("writes");
    assert_refused(&["train", "@digits", "--model", "linear", "--out", "occupied"], &["occupied", "--out"]);
    assert_refused(&["train", "@digits", "--model", "linear", "--out", run()], &["run", "--overwrite"]);
    assert_eq!(std::fs::read(scratch().join("occupied")).expect("still there"), b"mine");
}

#[test]
fn a_checkpoint_of_another_training_is_not_gone_on_from() {
    let copy = scratch().join("tampered");
    std::fs::create_dir_all(copy.join("checkpoints")).expect("folders");
    let from = scratch().join(run());
    std::fs::copy(from.join("recipe.toml"), copy.join("recipe.toml")).expect("copies");
    let mut bytes = std::fs::read(from.join("checkpoints/linear.safetensors")).expect("a checkpoint");
    let epoch = br#"epoch\":2"#;
    let at = bytes.windows(epoch.len()).position(|window| window == epoch).expect("its epoch");
    bytes[at + epoch.len() - 1] = b'9';
    std::fs::write(copy.join("checkpoints/linear.safetensors"), bytes).expect("writes");
    assert_refused(&["train", "--resume", "tampered"], &["linear.safetensors", "beyond the end", "delete it"]);
}

#[test]
fn quiet_tells_nothing() {
    let output = striate(&["eval", run(), "@digits", "--quiet"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    let log = stderr(&striate(&["eval", run(), "@digits"]));
    assert!(log.lines().all(|line| line.starts_with('[')), "a log has the time in front: {log}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_named_and_a_closed_pipe_is_quiet() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let output = command(&["models"]).stdout(full).output().expect("starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("stdout"), "{}", stderr(&output));
    let mut child = command(&["man"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}
