//! `striate probe`: which vectors tell most of the classes.

use clap::Args;
use striate::probe::{ProbeKind, ProbeOptions, ProbeReport, probe};

use super::{json, percent, table};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Arguments of `probe`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  striate probe my-pictures
  striate probe my-pictures --with pixels --with pca:32 --with runs/my-pictures-conv_autoencoder-1
  striate probe @photos --with hog --with efficientnet_lite0 --json

Logistic regression on each kind of vectors, all judged by the same folds over groups of pictures. The components of pca:K are found \
within each training part; a model that learned from these very pictures, without their labels, has seen them all.")]
pub struct ProbeArgs {
    /// Labelled pictures: a folder with one subfolder per class, a CSV, IDX or CIFAR files, or built in
    pub data: String,
    /// pixels, pca:K (of the pixels), edges, hog, efficientnet_lite0, squeezenet1_1, or a model; may be given again and again
    /// [default: pixels, pca:32, hog, efficientnet_lite0]
    #[arg(long, value_name = "WITH")]
    pub with: Vec<String>,
    /// Pictures whose names give this regular expression the same first capture stay together
    #[arg(long, value_name = "REGEX")]
    pub group_by: Option<String>,
    /// A damaged picture is an error; without this it is left out, and said
    #[arg(long)]
    pub strict: bool,
}

pub fn run(args: &ProbeArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let ProbeArgs { data, mut with, group_by, strict } = args.clone();
    if with.is_empty() {
        with = ["pixels", "pca:32", "hog", "efficientnet_lite0"].map(String::from).into();
    }
    let options = ProbeOptions { data, with, group_by, strict, seed: globals.seed.unwrap_or(0) };
    let report = probe(&options, &|event| terminal.observe(event))?;
    terminal.finish();
    terminal.answer(&if globals.json { json(&report)? } else { text(&report) })?;
    Ok(Verdict::Yes)
}

fn text(report: &ProbeReport) -> String {
    let row = |kind: &ProbeKind| {
        let [low, high] = kind.ci95;
        let behind =
            kind.behind_best.map_or(String::new(), |[low, high]| format!("{:.1} to {}", 100.0 * low, percent(high)));
        let interval = format!("{:.1} to {}", 100.0 * low, percent(high));
        vec![kind.with.clone(), kind.length.to_string(), percent(kind.balanced_accuracy), interval, behind]
    };
    let rows: Vec<Vec<String>> = report.kinds.iter().map(row).collect();
    let header = ["vectors", "numbers", "balanced accuracy", "95 % interval", "behind the best"];
    table(&header, &[false, true, true, true, true], &rows)
        + &format!("\n{} pictures, {}\n", report.kinds.first().map_or(0, |kind| kind.n), report.judged_by)
}
