//! `striate see`: an atlas of what a net has learned.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use striate::see::{SeeOptions, SeeReport, see};

use super::train::time;
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

  # all that an hour allows; every picture of the folder explained
  striate see runs/my-pictures-ladder-1 --images my-pictures --budget 1h --explain 500
  # the goldfinch (11) and the tabby cat (281) of ImageNet
  striate see efficientnet_lite0 --images @photos --classes 11,281

The atlas is a folder: open its index.html. It shows the filters of the first layer (which of them look for edges, blobs or opponent \
colours, by a test that it states); for each layer the parts of your pictures that excite its channels most, which channels are dead, and \
which do the same; what gradient ascent draws to excite channels and classes, with and without the rules that keep it sane; single pictures \
explained (Grad-CAM, occlusion, integrated gradients, maps, the most alike); and which channels tell confused classes apart. An autoencoder is seen by its encoder (--classes are numbers of \
its code), a net that restores pictures whole. Of a run it goes \
into the run's folder, and the run's report links to it. Pictures go through the net once.\n\n\
--budget is kept by the clock. Pictures go through the net first (a sample where all of them would take more than half of the time), then \
single pictures are explained, then channels and classes drawn, the most important first. A run that was killed continues when it is \
started again; what is drawn already takes no time.")]
pub struct SeeArgs {
    /// The net: a model file, the folder of a run, weights with their config.json, or one that comes with its weights
    pub model: String,
    /// Pictures to look at it by, labelled or not
    #[arg(long, value_name = "DATA")]
    pub images: String,
    /// The folder to write [default: atlas, in the run's folder where MODEL is of a run]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Layers to show, with commas between [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub layers: Option<Vec<String>>,
    /// Channels of a layer to show, evenly spread over it
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = channels)]
    pub channels: usize,
    /// Classes to draw, by name or number from 0, or numbers of a code, with commas between [default: six, evenly spread]
    #[arg(long, value_name = "CLASSES", value_delimiter = ',')]
    pub classes: Option<Vec<String>>,
    /// Pictures to explain one by one, the surest mistakes among them
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = explained)]
    pub explain: usize,
    /// Time for the whole command: 90s, 5m, 1h; what does not fit is left out and counted
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time)]
    pub budget: Duration,
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

fn explained(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n <= 2000).ok_or_else(|| "give a number from 0 to 2000".into())
}

pub fn run(args: &SeeArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let SeeArgs { model, images, out, layers, channels, classes, explain: explained, budget, overwrite } = args.clone();
    let options = SeeOptions { model, images, out, layers, channels, classes, explained, budget, overwrite };
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
         of {} in {}, {dead} are dead and {twins} do what another one does.\n\
         {} drawn{}; {} explained{}; {} confused.\n{}\nAtlas   {}  ({:.1} MB; open it by double-click)\n",
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
        count(report.drawings, "picture", "pictures"),
        left_out(report.drawings_left_out),
        count(report.explained, "picture", "pictures"),
        left_out(report.explained_left_out),
        count(report.confused, "pair of classes", "pairs of classes"),
        shortened(report),
        report.page,
        report.bytes as f64 / 1e6,
    )
}

fn left_out(count: usize) -> String {
    if count == 0 { String::new() } else { format!(", {count} left out (--budget)") }
}

/// What else did not fit into the time.
fn shortened(report: &SeeReport) -> String {
    let line =
        |n: usize, what: &str| if n == 0 { String::new() } else { format!("Left out (--budget): {n} {what}.\n") };
    let evidence = "maps by occlusion or integrated gradients of explained pictures";
    line(report.channels_out_of_time, "channels without patches") + &line(report.evidence_left_out, evidence)
}
