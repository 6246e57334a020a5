//! The error of every way to compute a convolution against f64, on layers of a real net in training: its weights, its activations
//! and its gradients. `STRIATE_LAYERS=FOLDER cargo test --release -p striate-kernels real_layers`, where `peers/layers.py` wrote
//! FOLDER, puts the figures into `FOLDER/errors.txt`; without it there is nothing to do.

use std::path::Path;

use super::*;

/// Sizes, input, weight and gradient of the output.
fn read(file: &Path) -> (Conv2dShape, [Vec<f32>; 3]) {
    let bytes = std::fs::read(file).expect("a layer");
    let end = bytes.iter().position(|b| *b == b'\n').expect("a first line");
    let line = std::str::from_utf8(&bytes[..end]).expect("a line of numbers");
    let sizes: Vec<usize> = line.split(' ').map(|word| word.parse().expect("a number")).collect();
    let [n, h, w, c_in, c_out, k, stride, pad] = sizes[..] else { panic!("{file:?} does not begin with eight sizes") };
    let s = shape(n, [h, w], [c_in, c_out], [k, k], stride, [pad, pad]);
    let values: Vec<f32> = bytes[end + 1..].as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    assert_eq!(values.len(), s.x_len() + s.weight_len() + s.y_len(), "{file:?}");
    let (x, rest) = values.split_at(s.x_len());
    let (weight, dy) = rest.split_at(s.weight_len());
    (s, [x, weight, dy].map(<[f32]>::to_vec))
}

/// Root mean square of the error over that of the reference, and the largest error over the largest number.
fn errors(out: &[f32], reference: &[f64]) -> [f64; 2] {
    let off = || out.iter().zip(reference).map(|(a, b)| f64::from(*a) - b);
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0_f64, |most, v| most.max(v.abs()));
    let all = || reference.iter().copied();
    [square(&mut off()) / square(&mut all()), most(&mut off()) / most(&mut all())]
}

#[test]
fn real_layers() {
    let Some(folder) = std::env::var_os("STRIATE_LAYERS") else { return };
    let mut files: Vec<_> = std::fs::read_dir(&folder).expect("a folder").map(|f| f.expect("a file").path()).collect();
    files.sort();
    let mut table =
        String::from("layer, algorithm: of output and gradients the relative error, root mean square and largest\n");
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "layer")) {
        let (s, [x, weight, dy]) = read(file);
        let reference = conv2d_reference(&s, &x, &weight, &dy);
        for algorithm in s.candidates() {
            let out = ours(algorithm, &s, &x, &weight, &dy);
            let told = ["y", "dx", "dw"].iter().zip(out.iter().zip(&reference)).map(|(what, (out, reference))| {
                let [rms, most] = errors(out, reference);
                assert!(rms < 1e-4, "{what} of {file:?} by {algorithm:?} is {rms:e} off");
                format!("{what} {rms:.1e} {most:.1e}")
            });
            let told: Vec<String> = told.collect();
            let name = file.file_stem().unwrap_or_default().display();
            table += &format!("{name} {algorithm:?}: {}\n", told.join(", "));
        }
    }
    std::fs::write(Path::new(&folder).join("errors.txt"), table).expect("the folder can be written");
}
