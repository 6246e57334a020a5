//! Nets that give pictures, from the command line: `train`, `eval`, `restore`, `reconstruct`, and what they refuse.

mod common;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{answer, bytes, command, refused, scratch, striate};
use serde_json::Value;

const DENOISE: &str = "
model = { name = 'ffdnet', width = 8, depth = 1 }
input = { colour = 'gray' }
crops = { size = 24, scale = 0.5, per_epoch = 256 }
damage = { name = 'gaussian', sigma = [25.0, 25.0] }
train = { epochs = 3, batch = 16, ema_decay = 0.9 }
optimizer = { name = 'adam', lr = 0.004 }
";

fn recipe(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("writes");
}

/// The report without its pictures.
fn page(folder: &Path, run: &str) -> String {
    let page = std::fs::read_to_string(folder.join(run).join("report.html")).expect("a report");
    page.split("base64,").map(|part| part.split_once('"').map_or(part, |(_, rest)| rest)).collect()
}

/// A PNG of 24-bit colour as the program itself draws it, and the picture's size.
fn draw(folder: &Path, name: &str, shape: [usize; 3]) {
    let count = shape.iter().product::<usize>();
    let header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}, {}), }}", shape[0], shape[1], shape[2]);
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    let padded = format!("{header:<117}\n");
    npy.extend(u16::try_from(padded.len()).expect("short").to_le_bytes());
    npy.extend(padded.bytes());
    npy.extend((0..count).flat_map(|i| (((i * 37) % 101) as f32).to_le_bytes()));
    std::fs::write(folder.join("drawn.npy"), npy).expect("writes");
    let drawn = ["filter", "drawn.npy", "--kernel", "1", "--out", name, "--overwrite", "--quiet"];
    assert_eq!(striate(folder, &drawn).status.code(), Some(0));
}

/// A picture's values.
fn array(folder: &Path, name: &str) -> Vec<f32> {
    let kernel = ["filter", name, "--kernel", "1", "--out", "array.npy", "--overwrite", "--quiet"];
    assert_eq!(striate(folder, &kernel).status.code(), Some(0));
    let npy = bytes(folder, "array.npy");
    let header = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    npy[header..].as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect()
}

#[test]
fn noise_is_taken_away_and_what_does_not_fit_is_refused() {
    let folder = scratch("denoise");
    let run = |args: &[&str]| striate(&folder, args);
    recipe(&folder, "denoise.toml", DENOISE);
    let report = answer(&run(&["train", "@photos", "--recipe", "denoise.toml", "--out", "run", "--json"]));
    let restore = &report["restore"];
    let figure = |name: &str| restore[name].as_f64().expect("a figure");
    assert!(figure("psnr") > figure("psnr_of_damaged") + 1.0, "{restore}");
    let page = page(&folder, "run");
    assert!(page.contains("damaged") && page.contains("restored") && !page.contains("NaN"));

    let eval = answer(&run(&["eval", "run", "@photos", "--json"]));
    let psnr = |of: &Value| of["psnr"].as_f64().expect("a ratio");
    for way in ["noisy", "gaussian", "median", "nlm"] {
        assert!(psnr(&eval["baselines"][way]) > 15.0, "{eval}");
    }
    assert!(psnr(&eval) > psnr(&eval["baselines"]["noisy"]) && eval["ssim"].as_f64() > Some(0.5), "{eval}");
    assert_eq!(run(&["eval", "run", "@photos", "--at-least", "99", "--quiet"]).status.code(), Some(1));
    assert_eq!(answer(&run(&["inspect", "run/model.safetensors", "--json"]))["kind"], "restorer");

    // A net for gray restores each channel; a second run passes by what is there.
    draw(&folder, "colour.png", [41, 30, 3]);
    let restored = answer(&run(&["restore", "run", "colour.png", "--out", "out", "--sigma", "10", "--json"]));
    assert_eq!(restored["restored"].as_array().map(Vec::len), Some(1), "{restored}");
    let data = answer(&run(&["inspect", "out/colour.png", "--json"]));
    assert_eq!(data["pictures"], 1, "{data}");
    assert_eq!(answer(&run(&["restore", "run", "colour.png", "--out", "out", "--json"]))["known"], 1);
    draw(&folder, "one.png", [1, 1, 1]);
    assert_eq!(run(&["restore", "run", "one.png", "--out", "one-out.png", "--quiet"]).status.code(), Some(0));

    let see = ["see", "run", "--images", "@photos", "--channels", "1", "--budget", "15s", "--explain", "1", "--json"];
    let report = answer(&run(&see));
    assert!(report["layers"].as_array().map(Vec::len) >= Some(4) && report["explained"] == 1, "{report}");
    assert_eq!(report["filters"]["side"], 6, "3x3 squares of 2x2 pixels: {report}");
    refused(&run(&["see", "run", "--images", "@photos", "--classes", "1", "--overwrite"]), "tells no classes");

    refused(&run(&["restore", "run", "one.png", "--out", "one-out.png"]), "one-out.png");
    refused(&run(&["restore", "run", "colour.png", "--out", "x.png", "--mask", "one.png"]), "--mask");
    refused(&run(&["restore", "run", "colour.png", "--out", "x.png", "--sigma", "300"]), "--sigma");
    refused(&run(&["restore", "run", "@photos", "--out", "x.png"]), "--out");
    refused(&run(&["reconstruct", "run", "colour.png", "--out", "x.png"]), "has no code");
    refused(&run(&["predict", "run", "colour.png"]), "restore");
    refused(&run(&["embed", "colour.png", "--with", "run", "--out", "x.npy"]), "restores pictures");
    let small = DENOISE.replace("size = 24", "size = 64");
    recipe(&folder, "small.toml", &small);
    refused(&run(&["train", "@photos", "--recipe", "small.toml", "--out", "small"]), "crop of 64x64");
    recipe(&folder, "odd.toml", &DENOISE.replace("size = 24", "size = 25"));
    refused(&run(&["train", "@photos", "--recipe", "odd.toml", "--out", "odd"]), "multiples of 2");
    recipe(&folder, "wrong.toml", &DENOISE.replace("25.0, 25.0", "25.0, 5.0"));
    refused(&run(&["train", "@photos", "--recipe", "wrong.toml", "--out", "wrong"]), "sigma");
    std::fs::remove_dir_all(folder).expect("removes");
}

#[test]
fn holes_are_filled_and_known_pixels_stay() {
    let folder = scratch("inpaint");
    let run = |args: &[&str]| striate(&folder, args);
    let text = "
model = { name = 'unet', width = 6, depth = 1 }
input = { colour = 'rgb' }
crops = { size = 32, scale = 0.5, per_epoch = 64 }
damage = { name = 'holes', share = 0.25, side = 4, strokes = true }
train = { epochs = 2, batch = 8, loss = 'l1' }
optimizer = { name = 'adam', lr = 0.002 }
";
    recipe(&folder, "inpaint.toml", text);
    answer(&run(&["train", "@photos", "--recipe", "inpaint.toml", "--out", "run", "--json"]));
    let eval = answer(&run(&["eval", "run", "@photos", "--json"]));
    assert!(eval["baselines"]["mean"]["psnr"].as_f64() < eval["baselines"]["diffusion"]["psnr"].as_f64(), "{eval}");

    // Nothing is gone: every pixel comes back as it was, to the bit.
    draw(&folder, "picture.png", [37, 50, 3]);
    let black = |name: &str, size: &str| {
        let kernel = ["filter", name, "--kernel", "0", "--out", size, "--overwrite", "--quiet"];
        assert_eq!(run(&kernel).status.code(), Some(0));
    };
    black("picture.png", "nothing-gone.png");
    let restored = ["restore", "run", "picture.png", "--mask", "nothing-gone.png", "--out", "whole.png", "--quiet"];
    assert_eq!(run(&restored).status.code(), Some(0));
    assert_eq!(array(&folder, "picture.png"), array(&folder, "whole.png"), "known pixels stay");

    refused(&run(&["restore", "run", "picture.png", "--out", "x.png"]), "--mask");
    draw(&folder, "mask.png", [37, 51, 3]);
    refused(&run(&["restore", "run", "picture.png", "--mask", "mask.png", "--out", "x.png"]), "51x37");
    draw(&folder, "gray.png", [37, 50, 1]);
    refused(&run(&["restore", "run", "gray.png", "--mask", "nothing-gone.png", "--out", "x.png"]), "gray");
    std::fs::remove_dir_all(folder).expect("removes");
}

#[test]
fn autoencoders_learn_and_their_halves_are_used_apart() {
    let folder = scratch("coders");
    let run = |args: &[&str]| striate(&folder, args);
    let kinds = [
        ("linear", "model = { name = 'linear_autoencoder', code = 12, tied = true }\n", ""),
        ("dense", "model = { name = 'dense_autoencoder', code = 12, hidden = [40], decoder_hidden = [30, 50] }\n", ""),
        (
            "conv",
            "model = { name = 'conv_autoencoder', code = 32, width = 4 }\n",
            "crops = { size = 32, scale = 0.5, per_epoch = 64 }\n",
        ),
    ];
    for (name, model, crops) in kinds {
        let rest = "input = { colour = 'rgb', image_size = 16 }\ntrain = { epochs = 2, batch = 16 }\noptimizer = { name = 'adam', lr = 0.001 }\n";
        recipe(&folder, &format!("{name}.toml"), &format!("{model}{crops}{rest}"));
        let file = format!("{name}.toml");
        let report = answer(&run(&["train", "@photos", "--recipe", &file, "--out", name, "--json"]));
        assert!(report["code"]["psnr"].as_f64() > Some(5.0), "{name}: {report}");
        assert_eq!(report["code"]["of_crops"], name == "conv", "{report}");
        assert_eq!(report["code"]["explained_variance_ratio"].as_array().map(Vec::len), Some(0));
        let page = page(&folder, name);
        assert!(page.contains("number 1") && page.contains("of 6 steps") && !page.contains("NaN"), "{name}");
        let eval = answer(&run(&["eval", name, "@photos", "--json"]));
        assert!(eval["baselines"]["jpeg"]["psnr"].as_f64().is_some(), "{eval}");

        let (codes, drawn, back) = (format!("{name}.npy"), format!("{name}-drawn"), format!("{name}-back"));
        answer(&run(&["embed", "@photos", "--with", name, "--out", &codes, "--json"]));
        let report = answer(&run(&["reconstruct", name, "--from", &codes, "--out", &drawn, "--json"]));
        assert_eq!(report["pictures"].as_array().map(Vec::len), Some(196), "{name}");
        assert!(folder.join(drawn).join("000195.png").exists());
        draw(&folder, "picture.png", [70, 45, 3]);
        let report = answer(&run(&["reconstruct", name, "picture.png", "--out", &back, "--json"]));
        assert!(report["pictures"][0]["psnr"].as_f64().is_some(), "{report}");
    }
    let begun = "model = { name = 'dense_autoencoder', code = 12, hidden = [40], from_components = true }\ntrain = { epochs = 2, batch = 16 }\noptimizer = { name = 'adam', lr = 0.001 }\n";
    recipe(&folder, "begun.toml", begun);
    refused(&run(&["train", "@photos", "--recipe", "begun.toml", "--out", "begun"]), "without hidden layers");
    refused(&run(&["see", "dense", "--images", "@photos"]), "no convolutions");
    let see =
        ["see", "conv", "--images", "@photos", "--channels", "1", "--explain", "1", "--budget", "1h", "--classes", "3"];
    let report = answer(&run(&[&see[..], &["--json"]].concat()));
    assert_eq!(report["filters"]["side"], 16, "principal components of squares: {report}");
    let drawn = std::fs::read_to_string(folder.join("conv/atlas/drawn.html")).expect("a page");
    assert!(drawn.contains("Numbers of the code") && drawn.contains("number 3"), "{drawn}");
    assert!(page(&folder, "conv").contains("atlas/index.html"));

    // Filling in by projection: known pixels keep their bits, those that are gone change.
    draw(&folder, "mask.png", [70, 45, 1]);
    let restored = ["restore", "conv", "picture.png", "--mask", "mask.png", "--out", "filled.png", "--quiet"];
    assert_eq!(run(&restored).status.code(), Some(0));
    let [before, mask, after] = ["picture.png", "mask.png", "filled.png"].map(|name| array(&folder, name));
    let changed = |gone: bool| {
        let values = before.iter().zip(&after).enumerate();
        values.filter(|(i, (a, b))| (mask[i / 3] > 0.5) == gone && a != b).count()
    };
    assert_eq!(before.len(), 3 * mask.len());
    assert_eq!(changed(false), 0);
    assert!(changed(true) > 1000, "{}", changed(true));
    refused(&run(&["restore", "linear", "picture.png", "--mask", "mask.png", "--out", "x.png"]), "16x16");
    refused(&run(&["reconstruct", "linear", "--from", "conv.npy", "--out", "x"]), "codes have 12 numbers");
    refused(&run(&["reconstruct", "linear", "--out", "x"]), "required");
    refused(&run(&["restore", "linear", "picture.png", "--out", "x.png"]), "autoencoder");
    recipe(
        &folder,
        "bad.toml",
        "model = { name = 'conv_autoencoder', code = 33 }\ntrain = { epochs = 1, batch = 4 }\ninput = { image_size = 32 }\n",
    );
    refused(&run(&["train", "@photos", "--recipe", "bad.toml", "--out", "bad"]), "multiple of the 4 squares");
    std::fs::remove_dir_all(folder).expect("removes");
}

#[test]
fn a_classifier_is_no_restorer() {
    let folder = scratch("classifier");
    let train = ["train", "@digits", "--model", "linear", "--epochs", "1", "--out", "run", "--quiet"];
    assert_eq!(striate(&folder, &train).status.code(), Some(0));
    draw(&folder, "picture.png", [20, 20, 1]);
    refused(&striate(&folder, &["restore", "run", "picture.png", "--out", "x.png"]), "classifier");
    refused(&striate(&folder, &["reconstruct", "run", "picture.png", "--out", "x.png"]), "classifier");
    refused(&striate(&folder, &["eval", "run", "@digits", "--save", "x"]), "--save");
    std::fs::remove_dir_all(folder).expect("removes");
}

#[test]
fn the_same_bits_after_a_kill_and_on_one_thread() {
    let folder = scratch("killed");
    let long = DENOISE.replace("epochs = 3", "epochs = 12").replace("per_epoch = 256", "per_epoch = 512");
    recipe(&folder, "long.toml", &long);
    let train = |out: &str, threads: &str| {
        let args = ["train", "@photos", "--recipe", "long.toml", "--out", out, "--threads", threads, "--quiet"];
        let mut command = command(&folder, &args);
        command.args(["--checkpoint-every", "0.05s"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the program starts")
    };
    assert!(train("whole", "1").wait().expect("ends").success());
    let mut child = train("killed", "2");
    let (checkpoint, start) = (folder.join("killed/checkpoints/ffdnet.safetensors"), Instant::now());
    while !checkpoint.exists() && start.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("is killed");
    child.wait().expect("is gone");
    assert!(!folder.join("killed/model.safetensors").exists(), "it was killed before its end");
    let resumed = striate(&folder, &["train", "--resume", "killed", "--quiet"]);
    assert_eq!(resumed.status.code(), Some(0), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(bytes(&folder, "whole/model.safetensors"), bytes(&folder, "killed/model.safetensors"));
    assert_eq!(bytes(&folder, "whole/metrics.jsonl"), bytes(&folder, "killed/metrics.jsonl"));
    std::fs::remove_dir_all(folder).expect("removes");
}

#[test]
fn labs_are_seen_and_not_without_their_cause() {
    let folder = scratch("labs");
    let code = |args: &[&str]| striate(&folder, args).status.code();
    assert_eq!(code(&["lab", "projection", "--quiet"]), Some(0));
    assert_eq!(code(&["lab", "projection", "--without", "learning", "--quiet"]), Some(1));
    assert_eq!(code(&["lab", "pca-autoencoder", "--quiet"]), Some(0));
    assert_eq!(code(&["lab", "pca-autoencoder", "--without", "linearity", "--quiet"]), Some(1));
    refused(&striate(&folder, &["lab", "projecton"]), "did you mean `projection`");
    refused(&striate(&folder, &["lab", "projection", "--without", "luck"]), "--without learning");
    assert_eq!(answer(&striate(&folder, &["lab", "--json"])).as_array().map(Vec::len), Some(2));
    std::fs::remove_dir_all(folder).expect("removes");
}
