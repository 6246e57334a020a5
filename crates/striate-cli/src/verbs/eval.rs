//! `striate eval`: scores a model on labelled pictures.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use striate::eval::{EvalOptions, Evaluation};
use striate::eval_pictures::{EvalPicturesOptions, Nearness, PictureEvaluation, eval_pictures, gives_pictures};

use super::{count, json, percent, table, wrap};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Arguments of `eval`.
#[derive(Args, Debug)]
#[command(after_help = "\
Scores the test split where the data has one, else all of it. Pictures that the model learned from tell \
nothing about new ones: score it on others.

Examples:
  striate eval runs/photos-ladder-1 more-pictures
  striate eval model.safetensors more-pictures --at-least 0.9 && echo good enough
  striate eval runs/mnist-lenet5-1 mnist --split test --metric accuracy
  striate eval model.safetensors more-pictures --json | jq .confusion
  striate eval runs/my-photos-ffdnet-1 held-out-photos --at-least 28

Of a net that gives pictures (`train --recipe denoise`, `inpaint`, `autoencoder`, `pca`) it measures how near they are to the \
pictures wanted, beside simple ways to the same end.

Exits with 1 when --at-least is missed.")]
pub struct EvalArgs {
    /// The model: its file, or the folder of the run that made it
    pub model: PathBuf,
    /// Labelled pictures: a folder with one subfolder per class, a CSV, IDX or CIFAR files
    pub data: String,
    /// The least that is good enough, as a share, or in dB for a net that gives pictures; exits with 1 below it
    #[arg(long, value_name = "VALUE", value_parser = least, allow_negative_numbers = true)]
    pub at_least: Option<f64>,
    /// What is measured and held against --at-least [default: balanced_accuracy, or psnr for a net that gives pictures]
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(["balanced_accuracy", "accuracy", "psnr"]))]
    pub metric: Option<String>,
    /// Which split to score [default: test where there is one, else all]
    #[arg(long, value_name = "SPLIT", value_parser = PossibleValuesParser::new(["train", "valid", "val", "test", "all"]))]
    pub split: Option<String>,
    /// Pictures whose names give this regular expression the same first capture count as one in the interval
    #[arg(long, value_name = "REGEX")]
    pub group_by: Option<String>,
    /// A folder for what was compared, of a net that gives pictures: clean, damaged and restored as .npy
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,
    /// A damaged picture is an error; without this it is left out, and said
    #[arg(long)]
    pub strict: bool,
}

pub fn run(args: &EvalArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    if gives_pictures(&args.model)? {
        return of_pictures(args, globals, terminal);
    }
    let metric = args.metric.clone().unwrap_or_else(|| "balanced_accuracy".into());
    if let Some(least) = args.at_least.filter(|least| !(0.0..=1.0).contains(least)) {
        anyhow::bail!("--at-least {least}: give a share from 0 to 1, such as 0.9");
    }
    if args.save.is_some() {
        anyhow::bail!("--save: this model gives labels and no pictures; leave it out");
    }
    let options = EvalOptions {
        model: args.model.clone(),
        data: args.data.clone(),
        split: args.split.clone(),
        metric,
        group_by: args.group_by.clone(),
        strict: args.strict,
        seed: globals.seed.unwrap_or(0),
    };
    let answer = striate::eval::eval(&options, &|event| terminal.observe(event))?;
    terminal.finish();
    let enough = args.at_least.is_none_or(|least| answer.report.value >= least);
    if globals.json {
        terminal.answer(&json(&answer)?)?;
    } else {
        terminal.answer(&text(&answer, args.at_least))?;
    }
    Ok(if enough { Verdict::Yes } else { Verdict::No })
}

fn text(answer: &Evaluation, at_least: Option<f64>) -> String {
    let report = &answer.report;
    let [low, high] = report.ci95;
    let on = if answer.split == "all" { String::new() } else { format!(", the {} split", answer.split) };
    let mut text = format!(
        "{} {} (95 % interval {:.1} to {}) on {}{on}\n",
        report.metric.replace('_', " "),
        percent(report.value),
        100.0 * low,
        percent(high),
        count(report.n, "picture", "pictures"),
    );
    if report.metric != "accuracy" {
        text += &format!("accuracy {}\n", percent(report.accuracy));
    }
    if report.skipped > 0 {
        text += &format!("{} left out: damaged\n", count(report.skipped, "picture", "pictures"));
    }
    text.push('\n');
    text += &by_class(answer);
    text += &confused(answer);
    if let Some(least) = at_least {
        let verdict = if report.value >= least { "reached" } else { "missed" };
        text += &format!("\n--at-least {least}: {verdict}\n");
    }
    text
}

fn by_class(answer: &Evaluation) -> String {
    let shown = |share: Option<f64>| share.map_or("-".to_string(), percent);
    let row = |class: &striate::report::ClassScore| {
        vec![class.class.clone(), class.n.to_string(), shown(class.recall), shown(class.precision), shown(class.f1)]
    };
    let rows: Vec<Vec<String>> = answer.report.per_class.iter().map(row).collect();
    table(&["class", "pictures", "recall", "precision", "F1"], &[false, true, true, true, true], &rows)
}

/// The classes most often taken for one another.
fn confused(answer: &Evaluation) -> String {
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for (truth, row) in answer.report.confusion.iter().enumerate() {
        pairs.extend(
            row.iter().enumerate().filter(|(given, n)| *given != truth && **n > 0).map(|(given, n)| (*n, truth, given)),
        );
    }
    pairs.sort_by(|a, b| b.0.cmp(&a.0).then(a.cmp(b)));
    if pairs.is_empty() {
        return String::new();
    }
    let mut text = "\nmost often mistaken\n".to_string();
    for (n, truth, given) in pairs.iter().take(5) {
        text += &format!("  {} for {}: {n}\n", answer.classes[*truth], answer.classes[*given]);
    }
    text
}

/// A restorer or an autoencoder.
fn of_pictures(args: &EvalArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    if let Some(metric) = args.metric.as_deref().filter(|metric| *metric != "psnr") {
        anyhow::bail!("--metric {metric}: this model gives pictures and no labels; leave it out, or give psnr");
    }
    let options = EvalPicturesOptions {
        model: args.model.clone(),
        data: args.data.clone(),
        split: args.split.clone(),
        strict: args.strict,
        seed: globals.seed.unwrap_or(0),
        save: args.save.clone(),
    };
    let answer = eval_pictures(&options, &|event| terminal.observe(event))?;
    terminal.finish();
    let enough = args.at_least.is_none_or(|least| answer.value >= least);
    terminal.answer(&if globals.json { json(&answer)? } else { pictures_text(&answer, args.at_least) })?;
    Ok(if enough { Verdict::Yes } else { Verdict::No })
}

fn pictures_text(answer: &PictureEvaluation, at_least: Option<f64>) -> String {
    let [low, high] = answer.ci95;
    let mut text = format!("PSNR {:.2} dB (95 % interval {low:.2} to {high:.2}), n = {}\n", answer.value, answer.n);
    text += &wrap(&answer.conventions);
    if answer.skipped > 0 {
        text += &format!("{} left out: damaged\n", count(answer.skipped, "picture", "pictures"));
    }
    text.push('\n');
    let shown = |value: Option<f64>, digits: usize| value.map_or("-".to_string(), |v| format!("{v:.digits$}"));
    let row = |name: &str, n: &Nearness| {
        vec![name.to_string(), format!("{:.2}", n.psnr), shown(n.psnr_luma, 2), shown(n.ssim, 4), shown(n.ms_ssim, 4)]
    };
    let mut rows = vec![row("this net", &answer.figures)];
    rows.extend(answer.baselines.iter().map(|(name, n)| row(name, n)));
    text += &table(&["way", "PSNR, dB", "luma, dB", "SSIM", "MS-SSIM"], &[false, true, true, true, true], &rows);
    if let Some(least) = at_least {
        let verdict = if answer.value >= least { "reached" } else { "missed" };
        text += &format!("\n--at-least {least}: {verdict}\n");
    }
    text
}

fn least(text: &str) -> Result<f64, String> {
    let fits = |least: &f64| (0.0..=100.0).contains(least);
    text.parse().ok().filter(fits).ok_or_else(|| "give a share from 0 to 1, such as 0.9, or decibels".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use striate::report::{ClassScore, EvalReport};

    #[test]
    fn figures_and_mistakes_are_told() {
        let class = |name: &str, recall| ClassScore {
            class: name.into(),
            precision: None,
            recall: Some(recall),
            f1: None,
            n: 4,
        };
        let report = EvalReport {
            metric: "balanced_accuracy".into(),
            value: 0.75,
            ci95: [0.5, 0.9],
            n: 8,
            accuracy: 0.75,
            per_class: vec![class("fish", 1.0), class("tool", 0.5)],
            confusion: vec![vec![4, 0], vec![2, 2]],
            skipped: 1,
        };
        let answer = Evaluation { report, split: "test", classes: vec!["fish".into(), "tool".into()] };
        let text = text(&answer, Some(0.9));
        for part in [
            "balanced accuracy 75.0 % (95 % interval 50.0 to 90.0 %) on 8 pictures, the test split",
            "1 picture left out",
            "tool for fish: 2",
            "--at-least 0.9: missed",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn the_least_is_a_share_or_decibels() {
        assert_eq!((least("0.9"), least("25.2")), (Ok(0.9), Ok(25.2)));
        for bad in ["900", "-0.1", "nan", "x"] {
            assert!(least(bad).is_err(), "{bad}");
        }
    }
}
