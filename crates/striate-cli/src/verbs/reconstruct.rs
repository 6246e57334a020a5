//! `striate reconstruct`: pictures through the code of an autoencoder and back.

use std::path::PathBuf;

use clap::Args;
use striate::reconstruct::{ReconstructOptions, reconstruct};
use striate::report::ReconstructReport;

use super::{count, json, passed_by};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Arguments of `reconstruct`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  striate train my-pictures --recipe autoencoder
  striate reconstruct runs/my-pictures-conv_autoencoder-1 my-pictures --out back
  striate reconstruct runs/my-pictures-pca-1 noisy.png --out projected.png

  # encode and decode apart
  striate embed my-pictures --with runs/my-pictures-pca-1 --out codes.npy
  striate reconstruct runs/my-pictures-pca-1 --from codes.npy --out drawn

An autoencoder of whole pictures gives them back at its own size; one that learned from crops gives pictures of any size back, \
at the scale of its crops, square by square. Pictures whose answer is there already are passed by.")]
pub struct ReconstructArgs {
    /// The model: its file, or the folder of the run that made it
    pub model: PathBuf,
    /// A picture, or a folder of pictures
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    pub data: Option<String>,
    /// Codes in place of pictures: an array [N, K] as .npy
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// A folder to write to, or a .png for one picture
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// Replace answers that are there
    #[arg(long)]
    pub overwrite: bool,
}

pub fn run(args: &ReconstructArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let ReconstructArgs { model, data, from, out, overwrite } = args.clone();
    let report =
        reconstruct(&ReconstructOptions { model, data, from, out, overwrite }, &|event| terminal.observe(event))?;
    terminal.finish();
    for fault in &report.faults {
        terminal.warn(&format!("{}: {}", fault.file, fault.error));
    }
    terminal.answer(&if globals.json { json(&report)? } else { text(&report, args) })?;
    Ok(Verdict::Yes)
}

fn text(report: &ReconstructReport, args: &ReconstructArgs) -> String {
    let mut text = format!("{} written: {}\n", count(report.pictures.len(), "picture", "pictures"), args.out.display());
    let ratios: Vec<f64> = report.pictures.iter().filter_map(|picture| picture.psnr).collect();
    if !ratios.is_empty() {
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        text += &format!("PSNR {mean:.2} dB (mean over pictures, all values in [0, 1], cut off but not rounded)\n");
    }
    text + &passed_by(report.known, report.faults.len())
}
