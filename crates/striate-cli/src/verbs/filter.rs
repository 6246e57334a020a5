//! `striate filter`: convolves a picture or an array with a kernel.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use striate::filter::{Boundary, FilterOptions, Mode, NAMES};
use striate::report::FilterReport;

use super::json;
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Arguments of `filter`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  striate filter photo.jpg --kernel gaussian:2 --out blurred.png
  striate filter photo.jpg --kernel sobel-x --out edges.png
  striate filter photo.jpg --kernel \"0 1 2; 2 2 0; 0 1 2\" --mode valid --out answer.npy

  # a volume with a kernel of three axes
  striate filter volume.npy --kernel kernel.npy --out answer.npy

The kernel is laid on as it is (correlation, as nets do); --flip mirrors it first. A kernel of one row goes along the rows of \
a picture. Channels are filtered each alone; in a .npy they are a last axis beyond those of the kernel. In a .png 0 is \
mid-gray if anything is below 0; .npy holds the numbers themselves, in the units of the picture (0 to 255 or 65535).")]
pub struct FilterArgs {
    /// The picture, or an array as .npy
    #[arg(value_name = "PICTURE")]
    pub input: PathBuf,
    /// A name with numbers (see below), weights as "0 1 2; 2 2 0; 0 1 2", or a .npy file
    #[arg(long, value_name = "KERNEL", allow_hyphen_values = true, long_help = kernel_help())]
    pub kernel: String,
    /// Which positions of the kernel give an output: those inside, one for each pixel, or all that touch
    #[arg(long, default_value = "same", value_parser = PossibleValuesParser::new(Mode::NAMES.map(|(name, _)| name)))]
    pub mode: String,
    /// What stands outside of the picture
    #[arg(long, default_value = "reflect", value_parser = PossibleValuesParser::new(Boundary::NAMES.map(|(name, _)| name)))]
    pub boundary: String,
    /// Mirror the kernel first: the mathematician's convolution
    #[arg(long)]
    pub flip: bool,
    /// Where the answer goes: .png for a drawing, .npy for the numbers
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace --out if it is there
    #[arg(long)]
    pub overwrite: bool,
}

fn kernel_help() -> String {
    format!(
        "The kernel: one of {NAMES}; or weights, with spaces between numbers, `;` between rows and `|` between planes, as \
         \"0 1 2; 2 2 0; 0 1 2\"; or a .npy file"
    )
}

pub fn run(args: &FilterArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let options = FilterOptions {
        input: args.input.clone(),
        kernel: args.kernel.clone(),
        mode: named(&Mode::NAMES, &args.mode),
        boundary: named(&Boundary::NAMES, &args.boundary),
        flip: args.flip,
        out: args.out.clone(),
        overwrite: args.overwrite,
    };
    let report = striate::filter::filter(&options)?;
    for note in &report.notes {
        terminal.warn(&format!("{}: {note}", report.file));
    }
    terminal.answer(&if globals.json { json(&report)? } else { text(&report) })?;
    Ok(Verdict::Yes)
}

fn named<T: Copy>(names: &[(&str, T)], name: &str) -> T {
    names.iter().find(|(n, _)| *n == name).expect("clap lets no other name through").1
}

fn text(report: &FilterReport) -> String {
    let sides = |shape: &[usize]| shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
    let passes = if report.separable { ", as a pass along each axis" } else { "" };
    let drawn = report.drawn.map_or_else(String::new, |[black, white]| format!("; black is {black}, white {white}"));
    format!(
        "Filtered {} with {} weights{passes}\n{} ({}): values {} to {}{drawn}\n",
        report.file,
        sides(&report.kernel),
        report.out,
        sides(&report.shape),
        report.least,
        report.greatest
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_says_what_was_drawn() {
        let report = FilterReport {
            file: "a.jpg".into(),
            out: "b.png".into(),
            kernel: vec![3, 3],
            separable: true,
            shape: vec![20, 30],
            least: -8.0,
            greatest: 4.0,
            drawn: Some([-8.0, 8.0]),
            notes: Vec::new(),
        };
        let expected = "Filtered a.jpg with 3 x 3 weights, as a pass along each axis\n\
                        b.png (20 x 30): values -8 to 4; black is -8, white 8\n";
        assert_eq!(text(&report), expected);
    }
}
