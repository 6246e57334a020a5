//! Files that are no checkpoint, or lie: each is refused with a reason, at once and without memory for what it claims.

extern crate striate_engine as burn;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use striate_nn::checkpoint::Checkpoint;
use striate_nn::weights::{NamedTensors, load_named, named_tensors};
use striate_nn::{NeighboursConfig, NetConfig, NetError};

/// File in `tests/bad` and a part of what must be said about it.
const FILES: [(&str, &str); 20] = [
    ("empty.safetensors", "it is empty"),
    ("three_bytes.safetensors", "it ends after 3 bytes"),
    ("cut.safetensors", "its length is not what its header says"),
    ("longer.safetensors", "its length is not what its header says"),
    ("header_of_exabytes.safetensors", "its header claims 4611686018427387904 bytes and the file has 10"),
    ("header_of_100_megabytes.safetensors", "its header claims 104857600 bytes and the file has 10"),
    ("not_json.safetensors", "its header is not JSON"),
    ("broken_json.safetensors", "not a whole safetensors file"),
    ("nested.safetensors", "not a whole safetensors file"),
    ("shape_overflows.safetensors", "a shape does not fit its bytes"),
    ("shape_of_terabytes.safetensors", "its length is not what its header says"),
    ("offsets_beyond.safetensors", "a shape does not fit its bytes"),
    ("offsets_backwards.safetensors", "the place of tensor `w` is not what it must be"),
    ("integers.safetensors", "tensor `w` is of type I64"),
    ("torch.pt", "PyTorch's .pt, not safetensors; in Python: safetensors.torch.save_file"),
    ("torch_old.pth", "PyTorch's old .pth, not safetensors"),
    ("keras.h5", "an HDF5 file"),
    ("model.onnx", "such as ONNX"),
    ("model.gguf", "a GGUF file"),
    ("picture.png", "a picture, not safetensors"),
];

#[test]
fn every_bad_file_is_refused_with_its_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    assert_eq!(fs::read_dir(&folder).expect("the folder").count(), FILES.len());
    for (name, part) in FILES {
        let path = folder.join(name);
        let message = Checkpoint::read(&path).expect_err(name).to_string();
        assert!(message.contains(part), "{name}: {message}");
        assert!(message.contains(name), "{name} is not named: {message}");
    }
    assert!(Checkpoint::read(&folder).expect_err("a folder").to_string().contains("not a regular file"));
    assert!(Checkpoint::read(&folder.join("none")).expect_err("nothing there").to_string().contains("none"));
}

fn refused(config: &NetConfig, tensors: &NamedTensors) -> NetError {
    let net = config.init_zeros(&Device::flex()).expect("a net");
    load_named(net, tensors).expect_err("must be refused")
}

#[test]
fn weights_that_do_not_fit_are_refused_by_name() {
    let config = NetConfig::new("lenet5", 10).expect("a model");
    let whole = named_tensors(&config.init(1, &Device::flex()).expect("a net"));
    let with = |change: fn(&mut NamedTensors)| {
        let mut tensors = whole.clone();
        change(&mut tensors);
        refused(&config, &tensors).to_string()
    };
    let nan = with(|t| t.get_mut("fc2.weight").expect("a layer").values[3] = f32::NAN);
    assert!(nan.contains("`fc2.weight` holds NaN at element 3"), "{nan}");
    let missing = with(|t| drop(t.remove("conv1.bias")));
    assert!(missing.contains("lack `conv1.bias` [32]"), "{missing}");
    let extra = with(|t| {
        let copy = t["conv1.bias"].clone();
        t.insert("conv9.bias".to_owned(), copy);
    });
    assert!(extra.contains("hold `conv9.bias`"), "{extra}");
    let shape = refused(&NetConfig { num_classes: 7, ..config.clone() }, &whole).to_string();
    assert!(
        shape.contains("`fc2.bias` has shape [10] in the weights and [7]") || shape.contains("`fc2.weight`"),
        "{shape}"
    );
}

#[test]
fn configurations_that_no_model_can_take_are_refused() {
    let config = NetConfig::new("squeezenet1_1", 5).expect("a model");
    let neighbours = |examples, k| Some(NeighboursConfig { examples, k, temperature: 0.07 });
    let wrong: BTreeMap<&str, NetConfig> = BTreeMap::from([
        ("num_classes must be from 1", NetConfig { num_classes: 0, ..config.clone() }),
        ("in_channels must be 1 or 3, got 4", NetConfig { in_channels: 4, ..config.clone() }),
        ("image_size must be from 24", NetConfig { image_size: [16, 300], ..config.clone() }),
        ("width cannot be chosen", NetConfig { width: Some(8), ..config.clone() }),
        ("dropout must be in [0, 1)", NetConfig { dropout: 1.0, ..config.clone() }),
        ("neighbours cannot be its last layer", NetConfig { neighbours: neighbours(9, 3), ..config.clone() }),
        (
            "got 10 of 9",
            NetConfig { name: "efficientnet_lite0".into(), neighbours: neighbours(9, 10), ..config.clone() },
        ),
        (
            "there is no model `squeezenet1_0` (did you mean `squeezenet1_1`?)",
            NetConfig { name: "squeezenet1_0".into(), ..config },
        ),
    ]);
    for (part, config) in wrong {
        let message = config.init_zeros(&Device::flex()).expect_err(part).to_string();
        assert!(message.contains(part), "{message}");
    }
}
