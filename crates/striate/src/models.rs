//! The catalogue: every net and every recipe by name.

use striate_nn::{NetConfig, registry};

use crate::error::Error;
use crate::nearest::nearest;
use crate::recipes;

/// Nets and recipes.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Catalogue {
    /// Nets, from simple to large.
    pub models: Vec<ModelEntry>,
    /// Recipes that come with the program.
    pub recipes: Vec<RecipeEntry>,
}

/// A net that can be asked for.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ModelEntry {
    /// What it is asked for by.
    pub name: String,
    /// What it is, in one line.
    pub about: String,
    /// Learned parameters for the usual input and `classes`.
    pub parameters: usize,
    /// Classes that `parameters` counts for: 1000 for nets of photographs, else 10.
    pub classes: usize,
    /// Usual channels, height and width of the input.
    pub input: [usize; 3],
    /// Whether weights from ImageNet come with the program.
    pub embedded: bool,
}

/// A recipe that comes with the program.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RecipeEntry {
    /// What it is asked for by.
    pub name: String,
    /// What it is for, in one line.
    pub about: String,
    /// The net it trains.
    pub model: String,
    /// For how many epochs.
    pub epochs: usize,
}

/// All of them.
pub fn models() -> Result<Catalogue, Error> {
    Ok(Catalogue {
        models: registry::entries().iter().map(model).collect::<Result<_, _>>()?,
        recipes: recipes::BUILT_IN.iter().map(recipe).collect::<Result<_, _>>()?,
    })
}

fn model(entry: &registry::Entry) -> Result<ModelEntry, Error> {
    let classes = if entry.image_size > 200 { 1000 } else { 10 };
    let config = NetConfig::new(entry.name, classes)?;
    Ok(ModelEntry {
        name: entry.name.to_string(),
        about: entry.summary.to_string(),
        parameters: config.init_zeros(&burn::tensor::Device::flex())?.parameter_count(),
        classes,
        input: [entry.in_channels, entry.image_size, entry.image_size],
        embedded: entry.pretrained,
    })
}

fn recipe((name, text): &(&'static str, &'static str)) -> Result<RecipeEntry, Error> {
    let recipe = recipes::load(name)?;
    Ok(RecipeEntry {
        name: (*name).to_string(),
        about: about(text),
        model: recipe.model.name,
        epochs: recipe.train.epochs,
    })
}

/// The comment that a recipe begins with, up to its first colon or the end of its line.
fn about(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let head = first.split(": ").next().unwrap_or_default();
    head.trim_start_matches(['#', ' ']).trim_end_matches('.').to_string()
}

/// The text of a built-in recipe.
pub fn recipe_text(name: &str) -> Result<&'static str, Error> {
    let known = recipes::BUILT_IN.iter().find(|(known, _)| *known == name);
    known.map(|(_, text)| *text).ok_or_else(|| {
        let names = recipes::BUILT_IN.map(|(name, _)| name);
        let guess = nearest(name, names).map_or(String::new(), |guess| format!("did you mean `{guess}`? "));
        Error::request(
            format!("there is no recipe {name:?}"),
            format!("{guess}The built-in ones are {}", names.join(", ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_net_and_recipe_is_listed() {
        let catalogue = models().expect("lists");
        assert_eq!(catalogue.models.len(), registry::entries().len());
        let parameters = |name: &str| catalogue.models.iter().find(|m| m.name == name).map(|m| m.parameters);
        assert_eq!(parameters("resnet18"), Some(11_689_512)); // as in torchvision
        assert!(catalogue.recipes.iter().all(|recipe| recipe.about.len() > 10), "{:?}", catalogue.recipes);
    }

    #[test]
    fn a_recipe_s_text_is_to_be_had_by_name() {
        assert!(recipe_text("mnist-lenet5").expect("built in").contains("lenet5"));
        assert!(recipe_text("mnist-lenet").expect_err("a slip").to_string().contains("`mnist-lenet5`"));
    }
}
