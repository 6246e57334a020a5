//! `train --recipe pca`: codes without labels, from the command line to the vectors.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pca-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

fn striate(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_striate")).args(args).current_dir(folder).output().expect("the program starts")
}

fn answer(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn refused(output: &Output, part: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains(part) && !told.contains("bug of its own"), "{part:?} is not in {told}");
}

#[test]
fn components_are_learned_saved_drawn_and_used() {
    let folder = scratch("digits");
    let run = |args: &[&str]| striate(&folder, args);
    let report = answer(&run(&["train", "@digits", "--recipe", "pca", "--out", "run", "--json"]));
    // Digits have 8x8 values: as many components as values lose nothing.
    let code = &report["code"];
    assert_eq!((code["length"].as_u64(), code["values"].as_u64()), (Some(64), Some(64)));
    let psnr = |name: &str| code[name].as_f64().expect("a figure");
    assert!(psnr("psnr") > 60.0 && psnr("psnr_of_mean") < 20.0, "{code}");
    let page = std::fs::read_to_string(folder.join("run/report.html")).expect("a report");
    assert!(page.contains("component 1") && page.contains("Scree plot") && !page.contains("NaN"));

    let codes = answer(&run(&["embed", "@digits", "--with", "run", "--out", "x.npy", "--json"]));
    assert_eq!((codes["rows"].as_u64(), codes["columns"].as_u64()), (Some(1797), Some(64)));
    assert_eq!(answer(&run(&["inspect", "run/model.safetensors", "--json"]))["kind"], "coder");
    refused(&run(&["predict", "run", "@digits"]), "autoencoder");
    let eval = answer(&run(&["eval", "run", "@digits", "--json"]));
    assert!(eval["psnr"].as_f64() > Some(60.0) && eval["n"] == 1797, "{eval}");
    refused(&run(&["train", "@digits", "--recipe", "pca", "--epochs", "3"]), "--epochs");

    let again = ["train", "@digits", "--recipe", "pca", "--out", "again", "--threads", "1", "--quiet"];
    assert_eq!(run(&again).status.code(), Some(0));
    let model = |run: &str| std::fs::read(folder.join(run).join("model.safetensors")).expect("a model");
    assert_eq!(model("run"), model("again"), "the same bits for any number of threads");
    std::fs::remove_dir_all(folder).expect("removes");
}

#[test]
fn a_folder_without_labels_will_do_and_a_short_code_is_told() {
    let folder = scratch("flat");
    let pictures = folder.join("pictures");
    std::fs::create_dir(&pictures).expect("a folder");
    // Gray bitmaps of 24 bits.
    for i in 0..9_u32 {
        let mut bytes = b"BM".to_vec();
        for word in [54 + 192, 0, 54, 40, 8, 8, 1 | 24 << 16, 0, 192, 2835, 2835, 0, 0] {
            bytes.extend(u32::to_le_bytes(word));
        }
        bytes.extend((0..64_u32).flat_map(|at| [((at * (i + 3) * 37) % 251) as u8; 3]));
        std::fs::write(pictures.join(format!("{i}.bmp")), bytes).expect("writes");
    }
    let output = striate(&folder, &["train", "pictures", "--recipe", "pca", "--json", "--out", "run"]);
    let report = answer(&output);
    let length = report["code"]["length"].as_u64().expect("a length");
    assert!((2..8).contains(&length), "{report}");
    std::fs::remove_file(pictures.join("0.bmp")).expect("removes");
    (2..9).for_each(|i| std::fs::remove_file(pictures.join(format!("{i}.bmp"))).expect("removes"));
    refused(&striate(&folder, &["train", "pictures", "--recipe", "pca"]), "too few");
    std::fs::remove_dir_all(folder).expect("removes");
}
