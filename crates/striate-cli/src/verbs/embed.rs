//! `striate embed`: pictures to vectors.

use std::path::PathBuf;

use clap::Args;
use striate::embed::{EmbedOptions, embed};
use striate::report::EmbedReport;

use super::{count, json};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Arguments of `embed`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  striate embed my-pictures --out x.npy
  striate embed my-pictures --with hog --out hog.npy
  striate embed my-pictures --with runs/my-pictures-ladder-1 --out x.npy
  striate embed my-pictures --with weights.safetensors --out x.parquet

x.npy holds a row of f32 for each picture, x.csv which picture it is (row,file,label). x.parquet holds both, as the columns \
file, label and vector. weights.safetensors may come from timm or torchvision, with timm's config.json beside it. x.cache keeps every vector by the \
content of its picture: a run that was stopped goes on, a second run computes what is new. Delete it when you are done.")]
pub struct EmbedArgs {
    /// Pictures: a folder, a CSV list, built in (@photos), or one picture
    pub data: String,
    /// pixels (32x32), edges (histograms of their orientation), hog, pca (of the pixels, up to 64 components),
    /// efficientnet_lite0, efficientnet_lite0_stages (pooled after every stage), squeezenet1_1, a model, or a file of weights from timm or torchvision
    #[arg(long, value_name = "WITH", default_value = "efficientnet_lite0")]
    pub with: String,
    /// The table to write, such as x.npy or x.parquet
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace --out if it is there
    #[arg(long)]
    pub overwrite: bool,
}

pub fn run(args: &EmbedArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let EmbedArgs { data, with, out, overwrite } = args.clone();
    let report = embed(&EmbedOptions { data, with, out, overwrite }, &|event| terminal.observe(event))?;
    terminal.finish();
    for fault in &report.faults {
        terminal.warn(&format!("{}: {}", fault.file, fault.error));
    }
    terminal.answer(&if globals.json { json(&report)? } else { text(&report) })?;
    Ok(Verdict::Yes)
}

fn text(report: &EmbedReport) -> String {
    let EmbedReport { with, rows, columns, computed, reused, faults, out, names } = report;
    let named = if names == out { String::new() } else { format!(", rows named in {names}") };
    let mut text = format!(
        "{} of {columns} values by {with}: {out}{named}\n{computed} computed, {reused} known before\n",
        count(*rows, "vector", "vectors")
    );
    if !faults.is_empty() {
        text += &format!("{} could not be read and have no row\n", count(faults.len(), "picture", "pictures"));
    }
    text
}
