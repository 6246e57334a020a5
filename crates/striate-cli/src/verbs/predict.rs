//! `striate predict`: labels pictures and folders.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use striate::predict::{PredictOptions, PredictReport};
use striate::report::Prediction;

use super::{count, json, percent, table};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Pictures that cannot be read are named up to here when a table names them all.
const NAMED: usize = 10;

/// Arguments of `predict`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  striate predict runs/photos-ladder-1 new.jpg
  striate predict model.safetensors a.jpg b.jpg --json

  # a whole folder, for a spreadsheet
  striate predict runs/photos-ladder-1 new-pictures --out labels.csv

  # label only what the model is at least 80 % sure of; the rest is for a person
  striate predict runs/photos-ladder-1 new-pictures --out labels.csv --min-confidence 0.8

A picture that is unlike all that the model learned from is flagged: `unlike` in the CSV and in --json (with its \
distance as a multiple of the limit), a count on stderr.

A picture that cannot be read is named and counted, and the others are labelled; only when none can be read is that \
an error (exit code 2). In the CSV a cell that a spreadsheet would take for a formula begins with an apostrophe.")]
pub struct PredictArgs {
    /// The model: its file, or the folder of the run that made it
    pub model: PathBuf,
    /// Pictures, folders of them (with all below), or other data
    #[arg(required = true, value_name = "PICTURE|FOLDER")]
    pub inputs: Vec<PathBuf>,
    /// Write a CSV with a row a picture, and print only a summary
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace --out if it is there
    #[arg(long, requires = "out")]
    pub overwrite: bool,
    /// Leave pictures unlabeled whose likeliest class has a lower probability than this, from 0 to 1
    #[arg(long, value_name = "P", default_value = "0", value_parser = probability, allow_negative_numbers = true)]
    pub min_confidence: f64,
}

fn probability(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(format!("{value} is not a probability, from 0 to 1")) }
}

pub fn run(args: &PredictArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let options = PredictOptions {
        model: args.model.clone(),
        inputs: args.inputs.clone(),
        out: args.out.clone(),
        overwrite: args.overwrite,
        min_confidence: args.min_confidence,
    };
    let mut failed = 0;
    let mut unheard = None; // why the answer could not be printed
    let report = striate::predict::predict(&options, &|event| terminal.observe(event), &mut |prediction| {
        failed += usize::from(matches!(prediction, Prediction::Failed { .. }));
        let told = if globals.json {
            json(&prediction).and_then(|line| terminal.answer(&line))
        } else {
            tell(&prediction, args.out.is_none(), failed, terminal)
        };
        match told {
            Ok(()) => ControlFlow::Continue(()),
            Err(e) => {
                unheard = Some(e);
                ControlFlow::Break(())
            }
        }
    })?;
    terminal.finish();
    if let Some(e) = unheard {
        return Err(e);
    }
    if report.labelled + report.unsure == 0 && report.failed > 0 {
        let n = count(report.failed, "picture", "pictures");
        anyhow::bail!("none of {n} could be read; give pictures as JPEG, PNG, WebP, GIF, BMP or TIFF");
    }
    if let Some(warning) = unlike(&report) {
        terminal.warn(&warning);
    }
    if let (Some(out), false) = (&args.out, globals.json) {
        terminal.answer(&summary(&report, &out.display().to_string()))?;
    } else if report.failed > 0 && !globals.json {
        terminal.warn(&format!(
            "{} of {} pictures could not be read",
            report.failed,
            report.failed + report.labelled + report.unsure
        ));
    }
    Ok(Verdict::Yes)
}

/// A line a picture; what could not be read goes to stderr.
fn tell(prediction: &Prediction, print: bool, failed: usize, terminal: &Terminal) -> anyhow::Result<()> {
    match prediction {
        Prediction::Labelled { file, label, probability, .. } if print => {
            let label = label.as_deref().unwrap_or("-");
            terminal.answer(&format!("{label}\t{}\t{file}\n", percent(*probability)))
        }
        Prediction::Labelled { .. } => Ok(()),
        Prediction::Failed { file, error } => {
            if print || failed <= NAMED {
                terminal.warn(&format!("{file}: {error}"));
            } else if failed == NAMED + 1 {
                terminal.warn("more pictures cannot be read; the column `error` of the CSV names them all");
            }
            Ok(())
        }
    }
}

/// How many pictures are unlike those that the model learned from, and what that is worth.
fn unlike(report: &PredictReport) -> Option<String> {
    let (unlike, share) = (report.unlike.filter(|n| *n > 0)?, report.false_alarms?);
    let (of, are) =
        (count(report.labelled + report.unsure, "picture", "pictures"), if unlike == 1 { "is" } else { "are" });
    Some(format!(
        "{unlike} of {of} {are} unlike those the model learned from: do not rely on their labels (of pictures of the right kind about {:.0} in 100 are flagged as well)",
        100.0 * share
    ))
}

fn summary(report: &PredictReport, out: &str) -> String {
    let of = report.labelled + report.unsure + report.failed;
    let mut text = format!("Labelled {} of {} in {out}\n", report.labelled, count(of, "picture", "pictures"));
    if report.failed > 0 {
        text += &format!("{} could not be read: see the column `error`\n", count(report.failed, "picture", "pictures"));
    }
    if report.unsure > 0 {
        let pictures = count(report.unsure, "picture", "pictures");
        text += &format!("{pictures} left without a label: the likeliest class is below --min-confidence\n");
    }
    if report.ignored > 0 {
        text += &format!("{} passed by: hidden, or not a picture\n", count(report.ignored, "file", "files"));
    }
    let rows: Vec<Vec<String>> = report.by_class.iter().map(|(class, n)| vec![class.clone(), n.to_string()]).collect();
    text + "\n" + &table(&["label", "pictures"], &[false, true], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts() {
        let by_class = vec![("fish".to_string(), 2), ("tool".to_string(), 0)];
        let report = PredictReport {
            labelled: 2,
            unsure: 0,
            failed: 1,
            by_class,
            ignored: 3,
            unlike: Some(1),
            false_alarms: Some(0.05),
        };
        let warning = unlike(&report).expect("one is unlike");
        assert!(warning.contains("1 of 2 pictures is unlike") && warning.contains("about 5 in 100"), "{warning}");
        assert_eq!(unlike(&PredictReport { unlike: Some(0), ..report.clone() }), None);
        let text = summary(&report, "labels.csv");
        for part in [
            "Labelled 2 of 3 pictures in labels.csv",
            "1 picture could not be read",
            "3 files passed by",
            "fish          2",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
