//! `striate restore`: pictures without noise or holes.

use std::path::PathBuf;

use clap::Args;
use striate::report::RestoreFilesReport;
use striate::restore::{RestoreOptions, restore};

use super::{count, json, passed_by};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Arguments of `restore`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  striate train my-photos --recipe denoise
  striate restore runs/my-photos-ffdnet-1 noisy.png --out clean.png
  striate restore runs/my-photos-ffdnet-1 noisy-photos --sigma 15 --out clean
  striate train my-photos --recipe inpaint
  striate restore runs/my-photos-unet-1 scratched.png --mask scratches.png --out whole.png
  striate restore runs/my-photos-conv_autoencoder-1 scratched.png --mask scratches.png --out whole.png

Answers are PNG files with as many bits as the pictures had. A net for gray pictures restores each channel of a coloured one by \
itself. Pictures are gone through in tiles that overlap so far that no seam can be; memory does not grow with their size. \
An autoencoder fills in what is gone by what comes back of the whole, again and again. \
Pictures whose answer is there already are passed by, so that a run that was stopped goes on.")]
pub struct RestoreArgs {
    /// The model: its file, or the folder of the run that made it
    pub model: PathBuf,
    /// A picture, or a folder of pictures
    pub data: String,
    /// A folder to write to, or a .png for one picture
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// How much noise there is, as the deviation of values in 0..255 [default: the middle of what the net learned]
    #[arg(long, value_name = "S", value_parser = sigma, allow_negative_numbers = true)]
    pub sigma: Option<f64>,
    /// White where pixels are gone: a picture of the same size, or a folder of such under the same names
    #[arg(long, value_name = "PATH")]
    pub mask: Option<PathBuf>,
    /// Replace answers that are there
    #[arg(long)]
    pub overwrite: bool,
}

pub fn run(args: &RestoreArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let RestoreArgs { model, data, out, sigma, mask, overwrite } = args.clone();
    let options = RestoreOptions { model, data, out, sigma, mask, overwrite };
    let report = restore(&options, &|event| terminal.observe(event))?;
    terminal.finish();
    for fault in &report.faults {
        terminal.warn(&format!("{}: {}", fault.file, fault.error));
    }
    terminal.answer(&if globals.json { json(&report)? } else { text(&report, args) })?;
    Ok(Verdict::Yes)
}

fn text(report: &RestoreFilesReport, args: &RestoreArgs) -> String {
    let n = report.restored.len();
    let text = format!("{} restored: {}\n", count(n, "picture", "pictures"), args.out.display());
    text + &passed_by(report.known, report.faults.len())
}

fn sigma(text: &str) -> Result<f64, String> {
    let fits = |sigma: &f64| (0.0..=255.0).contains(sigma);
    text.parse().ok().filter(fits).ok_or_else(|| "give a deviation from 0 to 255, such as 25".to_string())
}
