//! `striate see`: an atlas of what a net has learned.

use std::path::PathBuf;

use clap::Args;
use striate::see::{SeeOptions, SeeReport, see};

use super::{count, json};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Arguments of `see`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  striate see efficientnet_lite0 --images @photos
  striate see runs/my-pictures-ladder-1 --images my-pictures --out atlas
  striate see efficientnet_lite0 --images my-pictures --layers conv_stem,blocks.1.0.conv_pw --channels 64

The atlas is a folder: open its index.html. It shows the filters of the first layer (which of them look for edges, blobs or opponent \
colours, by a test that it states), and for each layer the parts of your pictures that excite its channels most, which channels are \
dead, and which do the same. Pictures go through the net once.")]
pub struct SeeArgs {
    /// The net: a model file, the folder of a run, weights with their config.json, or one that comes with its weights
    pub model: String,
    /// Pictures to look at it by, labelled or not
    #[arg(long, value_name = "DATA")]
    pub images: String,
    /// The folder to write
    #[arg(long, value_name = "DIR", default_value = "atlas")]
    pub out: PathBuf,
    /// Layers to show, with commas between [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub layers: Option<Vec<String>>,
    /// Channels of a layer to show, evenly spread over it
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = channels)]
    pub channels: usize,
    /// Write into a folder that holds other things
    #[arg(long)]
    pub overwrite: bool,
}

fn channels(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if (1..=4096).contains(&n) => Ok(n),
        _ => Err("give a number from 1 to 4096".into()),
    }
}

pub fn run(args: &SeeArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let SeeArgs { model, images, out, layers, channels, overwrite } = args.clone();
    let options = SeeOptions { model, images, out, layers, channels, overwrite };
    let report = see(&options, &|event| terminal.observe(event))?;
    terminal.finish();
    for fault in &report.faults {
        terminal.warn(&format!("{}: {}", fault.file, fault.error));
    }
    terminal.answer(&if globals.json { json(&report)? } else { text(&report) })?;
    Ok(Verdict::Yes)
}

fn text(report: &SeeReport) -> String {
    let f = &report.filters;
    let (dead, twins): (usize, usize) =
        report.layers.iter().fold((0, 0), |(a, b), layer| (a + layer.dead.len(), b + layer.duplicates.len()));
    let channels: usize = report.layers.iter().map(|layer| layer.shape[0]).sum();
    format!(
        "{}, {} through {}: of {} filters of {}x{} in the first layer {} are oriented, {} blobs, {} colour-opponent, {} none of these;\n\
         of {} in {}, {dead} are dead and {twins} do what another one does.\n\nAtlas   {}  ({:.1} MB; open it by double-click)\n",
        report.model,
        count(report.pictures, "picture", "pictures"),
        count(report.layers.len(), "layer", "layers"),
        f.filters,
        f.side,
        f.side,
        f.oriented,
        f.blobs,
        f.colour_opponent,
        f.none,
        count(channels, "channel", "channels"),
        count(report.layers.len(), "layer", "layers"),
        report.page,
        report.bytes as f64 / 1e6,
    )
}
