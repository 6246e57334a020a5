//! `striate models`: the nets and recipes there are.

use clap::Args;
use striate::models::Catalogue;

use super::{json, table, thousands};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Arguments of `models`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  striate models
  striate models --json | jq -r '.models[].name'

  # a built-in recipe, to change and train by
  striate models --recipe mnist-lenet5 > my.toml")]
pub struct ModelsArgs {
    /// Print this built-in recipe, a commented TOML file
    #[arg(long, value_name = "NAME")]
    pub recipe: Option<String>,
}

pub fn run(args: &ModelsArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    if let Some(name) = &args.recipe {
        let toml = striate::models::recipe_text(name)?;
        let text =
            if globals.json { json(&serde_json::json!({ "recipe": name, "toml": toml }))? } else { toml.to_string() };
        terminal.answer(&text)?;
        return Ok(Verdict::Yes);
    }
    let catalogue = striate::models::models()?;
    terminal.answer(&if globals.json { json(&catalogue)? } else { text(&catalogue) })?;
    Ok(Verdict::Yes)
}

fn text(catalogue: &Catalogue) -> String {
    let model = |model: &striate::models::ModelEntry| {
        let [c, h, w] = model.input;
        let embedded = if model.embedded { "yes" } else { "" };
        vec![
            model.name.clone(),
            thousands(model.parameters),
            format!("{c}x{h}x{w}"),
            embedded.to_string(),
            model.about.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = catalogue.models.iter().map(model).collect();
    let header = ["model", "parameters", "input", "pretrained", "what"];
    let mut text = "Nets, for `striate train DATA --model NAME`; parameters as published\n\n".to_string();
    text += &table(&header, &[false, true, true, false, false], &rows);
    let rows: Vec<Vec<String>> = catalogue
        .recipes
        .iter()
        .map(|r| vec![r.name.clone(), r.model.clone(), r.epochs.to_string(), r.about.clone()])
        .collect();
    text += "\nRecipes, for `striate train DATA --recipe NAME`; `striate models --recipe NAME` prints one\n\n";
    text += &table(&["recipe", "model", "epochs", "what"], &[false, false, true, false], &rows);
    text
}
