//! `striate inspect`: looks at a model, a run or data.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use striate::inspect::data::DataInfo;
use striate::inspect::model::{CoderInfo, Layer, ModelInfo, Provenance, RestorerInfo};
use striate::inspect::run::RunInfo;
use striate::inspect::{InspectOptions, Inspection, inspect};
use striate::sheet::{SheetOptions, augment_sheet};

use super::{count, json, percent, table, thousands};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Rows of a list that is printed for people; --json has all.
const SHOWN: usize = 10;

/// Arguments of `inspect`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  # layers, preprocessing, provenance, metrics
  striate inspect runs/photos-ladder-1/model.safetensors

  # recipe, and how far the run came
  striate inspect runs/photos-ladder-1

  # counts, sizes, damaged files, copies
  striate inspect my-pictures

  # a picture of what augmentation does
  striate inspect my-pictures --augment --recipe folder-small --out sheet.png")]
pub struct InspectArgs {
    /// A model file, a run folder, or data
    #[arg(value_name = "MODEL|RUN|DATA")]
    pub what: String,
    /// Draw what the recipe's augmentation does to some of the pictures, into --out
    #[arg(long, requires = "out")]
    pub augment: bool,
    /// Whose augmentation: a built-in recipe or a TOML file [default: folder-small]
    #[arg(long, value_name = "NAME|FILE", requires = "augment")]
    pub recipe: Option<String>,
    /// The picture (PNG) that --augment draws
    #[arg(long, value_name = "FILE", requires = "augment")]
    pub out: Option<PathBuf>,
    /// Replace --out if it is there
    #[arg(long, requires = "out")]
    pub overwrite: bool,
    /// Pictures whose names give this regular expression the same first capture are one group
    #[arg(long, value_name = "REGEX", conflicts_with = "augment")]
    pub group_by: Option<String>,
}

pub fn run(args: &InspectArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let observer = |event| terminal.observe(event);
    let answer = match (&args.out, args.augment) {
        (Some(out), true) => {
            let options = SheetOptions {
                data: args.what.clone(),
                recipe: args.recipe.clone(),
                out: out.clone(),
                overwrite: args.overwrite,
                seed: globals.seed,
            };
            let report = augment_sheet(&options, &observer)?;
            let text = || format!("{}: {} ({})\n", report.sheet, report.augment, report.recipe);
            if globals.json { json(&report)? } else { text() }
        }
        _ => {
            let options = InspectOptions { what: args.what.clone(), group_by: args.group_by.clone() };
            let report = inspect(&options, &observer)?;
            if globals.json { json(&report)? } else { text(&report) }
        }
    };
    terminal.finish();
    terminal.answer(&answer)?;
    Ok(Verdict::Yes)
}

fn text(report: &Inspection) -> String {
    match report {
        Inspection::Model(model) => model_text(model),
        Inspection::Coder(coder) => coder_text(coder),
        Inspection::Restorer(restorer) => restorer_text(restorer),
        Inspection::Run(run) => run_text(run),
        Inspection::Data(data) => data_text(data),
    }
}

fn model_text(model: &ModelInfo) -> String {
    let manifest = &model.manifest;
    let (net, made) = (&manifest.net, &manifest.provenance);
    let [h, w] = net.image_size;
    let mut text =
        format!("{}: {} to {} ({:.1} MB)\n\n", model.file, net.name, manifest.task, model.bytes as f64 / 1e6);
    let classes = manifest.classes.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
    let more = manifest.classes.len().saturating_sub(20);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    text += &format!("classes      {}: {classes}{more}\n", manifest.classes.len());
    text += &format!("input        {}x{h}x{w} (channels, height, width)\n", net.in_channels);
    text += &format!("preparation  {}\n", model.preparation);
    text += &format!("parameters   {}\n", thousands(model.parameters));
    text += &format!("work         {:.1} million multiply-adds a picture\n", model.multiply_adds as f64 / 1e6);
    text + &origin(made) + &figures(&manifest.metrics) + &layers(&model.layers)
}

fn coder_text(model: &CoderInfo) -> String {
    let manifest = &model.manifest;
    let (coder, made) = (&manifest.coder, &manifest.provenance);
    let [h, w] = coder.image_size;
    let mut text =
        format!("{}: {} to {} ({:.1} MB)\n\n", model.file, coder.name, manifest.task, model.bytes as f64 / 1e6);
    text += &format!("code         {} numbers\n", coder.code);
    text += &format!("input        {}x{h}x{w} (channels, height, width)\n", coder.in_channels);
    text += &format!("preparation  {}\n", model.preparation);
    text += &format!("parameters   {}\n", thousands(model.parameters));
    text + &origin(made) + &figures(&manifest.metrics) + &layers(&model.layers)
}

fn restorer_text(model: &RestorerInfo) -> String {
    let manifest = &model.manifest;
    let (net, made) = (&manifest.restorer, &manifest.provenance);
    let damage = serde_json::to_string(&manifest.damage).unwrap_or_default();
    let mut text =
        format!("{}: {} to {} ({:.1} MB)\n\n", model.file, net.name, manifest.task, model.bytes as f64 / 1e6);
    text += &format!("input        {} x any height and width, values in 0..1\n", net.in_channels);
    text += &format!("undoes       {damage}\n");
    text += &format!("parameters   {}\n", thousands(model.parameters));
    text + &origin(made) + &figures(&manifest.metrics) + &layers(&model.layers)
}

fn origin(made: &Provenance) -> String {
    let pictures = count(made.trained_on, "picture", "pictures");
    let (data, seed, version) = (short(&made.data_fingerprint), made.seed, &made.version);
    format!("learned from {pictures}, data {data}\nseed         {seed}\nprogram      striate {version}\n\n")
}

fn figures(metrics: &BTreeMap<String, f64>) -> String {
    let value = |v: &f64| if v.fract() == 0.0 { v.to_string() } else { format!("{v:.4}") };
    metrics.iter().map(|(name, v)| format!("{name:<27} {}\n", value(v))).collect()
}

fn layers(layers: &[Layer]) -> String {
    let layer = |layer: &Layer| {
        let shape = |shape: &[usize]| shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        let tensors: Vec<String> = layer.tensors.iter().map(|(name, s)| format!("{name} {}", shape(s))).collect();
        vec![layer.name.clone(), layer.parameters.to_string(), tensors.join(", ")]
    };
    let rows: Vec<Vec<String>> = layers.iter().map(layer).collect();
    String::from("\n") + &table(&["layer", "parameters", "shapes"], &[false, true, false], &rows)
}

fn run_text(run: &RunInfo) -> String {
    let state =
        if run.finished { "finished".to_string() } else { format!("not finished: striate train --resume {}", run.run) };
    let mut text = format!("{}: {state}\n", run.run);
    for (what, path) in [("model", &run.model), ("report", &run.report)] {
        text += &path.as_ref().map_or(String::new(), |path| format!("{what:<7} {path}\n"));
    }
    if !run.last.is_empty() {
        text += &format!("\nlast of {} in metrics.jsonl\n", count(run.records, "record", "records"));
    }
    for (training, record) in &run.last {
        text += &format!("  {training} {record}\n");
    }
    text + "\nrecipe\n" + &run.recipe.lines().map(|line| format!("  {line}\n")).collect::<String>()
}

fn data_text(data: &DataInfo) -> String {
    let pictures = count(data.pictures, "picture", "pictures");
    let mut text = format!("{}: {pictures}, {}\n", data.data, data.layout);
    if let Some([smallest, median, largest]) = data.sizes {
        let size = |[h, w]: [usize; 2]| format!("{w}x{h}");
        let colour = if data.gray { "gray" } else { "colour" };
        text += &format!("sizes {} to {}, median {}; {colour}\n", size(smallest), size(largest), size(median));
    }
    if data.unlabelled > 0 {
        text += &format!("{} without a label\n", count(data.unlabelled, "picture", "pictures"));
    }
    if data.groups < data.pictures {
        text += &format!("{} (copies, or named so); a group is never split\n", count(data.groups, "group", "groups"));
    }
    text += &classes(data);
    let fault = |fault: &striate::inspect::data::Fault| format!("{}: {}", fault.file, fault.error);
    text += &list("cannot be read", data.faults.iter().map(fault));
    let twins = |t: &striate::inspect::data::Twins| {
        format!("{} = {} ({}){}", t.a, t.b, t.why, if t.leak { ": in different splits" } else { "" })
    };
    text += &list("look the same", data.duplicates.iter().map(twins));
    text +=
        &list("remarks", data.notes.iter().map(|(note, n)| format!("{note}: {}", count(*n, "picture", "pictures"))));
    if data.hidden + data.foreign > 0 {
        let names = if data.foreign_examples.is_empty() {
            String::new()
        } else {
            format!(" ({})", data.foreign_examples.join(", "))
        };
        text += &format!("\npassed by: {} hidden, {} not a picture{names}\n", data.hidden, data.foreign);
    }
    text
}

fn classes(data: &DataInfo) -> String {
    if data.classes.is_empty() {
        return String::new();
    }
    let splits: Vec<&String> = data.classes[0].splits.iter().flat_map(|splits| splits.keys()).collect();
    let labelled = data.pictures - data.unlabelled;
    let row = |class: &striate::inspect::data::ClassCount| {
        let share = percent(class.n as f64 / labelled.max(1) as f64);
        let by_split = class.splits.iter().flat_map(|splits| splits.values()).map(usize::to_string);
        [class.class.clone(), class.n.to_string(), share].into_iter().chain(by_split).collect()
    };
    let rows: Vec<Vec<String>> = data.classes.iter().map(row).collect();
    let header: Vec<&str> =
        ["class", "pictures", "share"].into_iter().chain(splits.iter().map(|s| s.as_str())).collect();
    let right: Vec<bool> = (0..header.len()).map(|column| column > 0).collect();
    String::from("\n") + &table(&header, &right, &rows)
}

/// A headed list of which the first are shown; nothing where there is none.
fn list(head: &str, items: impl ExactSizeIterator<Item = String>) -> String {
    let n = items.len();
    if n == 0 {
        return String::new();
    }
    let shown: String = items.take(SHOWN).map(|item| format!("  {item}\n")).collect();
    let more = if n > SHOWN { format!("  and {} more (--json lists all)\n", n - SHOWN) } else { String::new() };
    format!("\n{head} ({n})\n{shown}{more}")
}

/// The first digits of a fingerprint: enough to tell two apart.
fn short(fingerprint: &str) -> String {
    fingerprint.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let text = list("cannot be read", (0..12).map(|i| format!("{i}.png")));
        assert!(
            text.starts_with("\ncannot be read (12)\n  0.png\n") && text.ends_with("and 2 more (--json lists all)\n"),
            "{text}"
        );
        assert_eq!(list("none", std::iter::empty()), "");
    }
}
