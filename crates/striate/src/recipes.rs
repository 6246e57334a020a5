//! The recipes that come with the program, and those in files.

use crate::error::Error;
use crate::nearest::nearest;
use std::path::Path;
use striate_train::recipe::Recipe;
use striate_train::run::MAX_RECIPE_BYTES;

/// What `train --model M` and the trained rung of the ladder go by.
pub const DEFAULT: &str = "folder-small";

/// Name and text of each built-in recipe.
pub const BUILT_IN: [(&str, &str); 13] = [
    ("autoencoder", include_str!("../../../recipes/autoencoder.toml")),
    ("cifar10-fast", include_str!("../../../recipes/cifar10-fast.toml")),
    ("cifar10-resnet18", include_str!("../../../recipes/cifar10-resnet18.toml")),
    ("cifar10-resnet20", include_str!("../../../recipes/cifar10-resnet20.toml")),
    ("denoise", include_str!("../../../recipes/denoise.toml")),
    ("denoise-dncnn", include_str!("../../../recipes/denoise-dncnn.toml")),
    ("denoise-unet", include_str!("../../../recipes/denoise-unet.toml")),
    ("digits-resnet20", include_str!("../../../recipes/digits-resnet20.toml")),
    ("folder-small", include_str!("../../../recipes/folder-small.toml")),
    ("inpaint", include_str!("../../../recipes/inpaint.toml")),
    ("mnist-lenet5", include_str!("../../../recipes/mnist-lenet5.toml")),
    ("neighbor2neighbor", include_str!("../../../recipes/neighbor2neighbor.toml")),
    ("pca", include_str!("../../../recipes/pca.toml")),
];

/// The recipe of a built-in name or a TOML file.
pub fn load(name: &str) -> Result<Recipe, Error> {
    let parse = |text: &str| Recipe::parse(text).map_err(|source| Error::Recipe { name: name.to_string(), source });
    if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
        return parse(text);
    }
    let path = Path::new(name);
    if !path.exists() {
        let names = BUILT_IN.map(|(name, _)| name);
        let guess = nearest(name, names).map_or(String::new(), |guess| format!("did you mean `{guess}`? "));
        let advice = format!("{guess}the built-in ones are {}; or give the path of a TOML file", names.join(", "));
        return Err(Error::request(format!("there is no recipe or file {name:?}"), advice));
    }
    let meta = std::fs::metadata(path).map_err(Error::reading(path))?;
    if !meta.is_file() || meta.len() > MAX_RECIPE_BYTES {
        return Err(Error::request(format!("{name} is not a file of at most 1 MiB"), "give a recipe in TOML"));
    }
    parse(&std::fs::read_to_string(path).map_err(Error::reading(path))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use striate_nn::{coders, registry, restorers};

    #[test]
    fn every_built_in_recipe_is_complete_and_names_a_model() {
        for (name, _) in BUILT_IN {
            let recipe = load(name).unwrap();
            let name_of_model = recipe.model.name.as_str();
            let pictures = [coders::NAMES.as_slice(), restorers::NAMES.as_slice()].concat();
            assert!(pictures.contains(&name_of_model) || registry::find(name_of_model).is_ok(), "{name}");
            assert_eq!(Recipe::parse(&recipe.to_toml()).unwrap(), recipe, "{name} survives writing and reading");
        }
    }

    #[test]
    fn a_slip_in_the_name_is_understood() {
        let text = load("mnist-lenet").unwrap_err().to_string();
        assert!(text.contains("did you mean `mnist-lenet5`"), "{text}");
    }
}
