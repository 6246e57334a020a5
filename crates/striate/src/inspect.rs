//! Looks at a model file, a run folder or data and says what is in it.

pub mod data;
pub mod model;
pub mod run;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::Error;
use crate::event::Observer;

/// What to look at.
#[derive(Clone, Debug)]
pub struct InspectOptions {
    /// A model file, a run folder, or data.
    pub what: String,
    /// Regular expression that names groups of pictures.
    pub group_by: Option<String>,
}

/// What there is to say of it.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[allow(clippy::large_enum_variant)] // there is one at a time
pub enum Inspection {
    /// A model file.
    Model(model::ModelInfo),
    /// The file of an autoencoder.
    Coder(model::CoderInfo),
    /// The file of a restorer.
    Restorer(model::RestorerInfo),
    /// A run folder.
    Run(run::RunInfo),
    /// Pictures.
    Data(data::DataInfo),
}

/// Finds out what it is, and looks.
pub fn inspect(options: &InspectOptions, observer: Observer) -> Result<Inspection, Error> {
    let path = Path::new(&options.what);
    if is_model(path) {
        model::inspect(path)
    } else if is_run(path) {
        run::inspect(path).map(Inspection::Run)
    } else {
        data::inspect(options, observer).map(Inspection::Data)
    }
}

/// A safetensors file begins with the length of its header and the header's brace, whatever it is called.
fn is_model(path: &Path) -> bool {
    if !path.is_file() {
        return false;
    }
    let mut start = [0; 9];
    let braced = File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start[8] == b'{';
    braced || path.extension().is_some_and(|end| end == "safetensors")
}

/// A folder with what only a run has.
fn is_run(path: &Path) -> bool {
    path.is_dir()
        && path.join("recipe.toml").is_file()
        && ["metrics.jsonl", "checkpoints", "model.safetensors"].iter().any(|name| path.join(name).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_by_what_is_there() {
        let folder = std::env::temp_dir().join(format!("striate-inspect-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("checkpoints")).expect("folder");
        assert!(!is_run(&folder));
        std::fs::write(folder.join("recipe.toml"), "").expect("file");
        assert!(is_run(&folder) && !is_model(&folder));
        std::fs::write(folder.join("weights"), b"\x08\0\0\0\0\0\0\0{}      ").expect("file");
        std::fs::write(folder.join("a.png"), b"\x89PNG\r\n\x1a\n\0").expect("file");
        assert!(is_model(&folder.join("weights")) && !is_model(&folder.join("a.png")));
        std::fs::remove_dir_all(folder).expect("removes");
    }
}
