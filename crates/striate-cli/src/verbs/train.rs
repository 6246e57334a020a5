//! `striate train`: learns from labelled pictures and says what to expect of the model.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use striate::report::{Rung, TrainReport};
use striate::train::TrainOptions;

use super::{count, json, percent, table, wrap};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::{Terminal, duration};

/// Arguments of `train`.
#[derive(Args, Debug)]
#[command(after_help = "\
Without --model or --recipe it climbs a ladder, from guessing to a pretrained net, scores every rung on held-out \
pictures, saves the one that is expected to do best on new ones (by these scores and by how such rungs do on other data \
with as few labels: docs/choice.md), and says what more labels would buy. It looks for likely wrong labels, \
trivial shortcuts (picture size, borders, cameras, dates), copies and odd pictures, and tells what deserves a look. It writes \
one model file and one report (a page that opens by double-click) into a new folder under runs/.

Examples:
  striate train @photos
  striate train my-pictures
  striate train my-pictures --model resnet20 --epochs 20 --image-size 32
  striate train cifar-10-batches-bin --recipe cifar10-resnet20
  striate train my-pictures --json | jq .selected
  striate train my-pictures --recipe pca
  striate train my-pictures --rung efficientnet_lite0_knn

  # pictures named by specimen, SPECIMEN_1.jpg, SPECIMEN_2.jpg
  striate train my-pictures --group-by '^([^_]+)_'

  # goes on after a crash, to the same bits
  striate train --resume runs/my-pictures-ladder-1

Exits with 1 when copies of pictures stand on both sides of given splits, so that a score would flatter.")]
pub struct TrainArgs {
    /// Labelled pictures: a folder, a CSV, @digits or @photos
    #[arg(required_unless_present = "resume")]
    pub data: Option<String>,
    /// Train exactly this net (`striate models` lists them)
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Train exactly by this recipe: a built-in name (`striate models` lists them) or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub recipe: Option<String>,
    /// Climb chance and this rung alone: pixels, edges_hog, pca, conv4, efficientnet_lite0_centroid,
    /// efficientnet_lite0_discriminant, efficientnet_lite0_knn, efficientnet_lite0_svm, efficientnet_lite0,
    /// efficientnet_lite0_finetuned
    #[arg(long, value_name = "RUNG", conflicts_with_all = ["model", "recipe"])]
    pub rung: Option<String>,
    /// Passes over the training pictures
    #[arg(long, value_name = "N", value_parser = positive, allow_negative_numbers = true)]
    pub epochs: Option<usize>,
    /// Peak learning rate
    #[arg(long, value_name = "RATE", value_parser = rate, allow_negative_numbers = true)]
    pub lr: Option<f64>,
    /// Pictures a step
    #[arg(long, value_name = "N", value_parser = positive, allow_negative_numbers = true)]
    pub batch: Option<usize>,
    /// Side of the square input, in pixels
    #[arg(long, value_name = "PIXELS", value_parser = positive, allow_negative_numbers = true)]
    pub image_size: Option<usize>,
    /// Time for the whole ladder, by the clock: 90s, 2m, 1h; rungs that do not fit are left out and named
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = some_time)]
    pub budget: Duration,
    /// Pictures whose names give this regular expression the same first capture are kept on one side of every split
    #[arg(long, value_name = "REGEX")]
    pub group_by: Option<String>,
    /// The run's folder [default: runs/DATA-WHAT-N]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Replace the run in --out if there is one
    #[arg(long, requires = "out")]
    pub overwrite: bool,
    /// A damaged picture is an error; without this it is left out, and said
    #[arg(long)]
    pub strict: bool,
    /// Score even when copies stand on both sides of given splits
    #[arg(long)]
    pub allow_leaks: bool,
    /// Save a checkpoint to go on from this often; up to 20 times seldomer where saving takes over 2.5 %
    /// of the time
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    pub checkpoint_every: Duration,
    /// Go on with a run that was interrupted; it has its own data and flags
    #[arg(long, value_name = "RUN", conflicts_with_all = [
        "data", "model", "recipe", "rung", "epochs", "lr", "batch", "image_size", "budget", "group_by", "out", "overwrite",
        "strict", "allow_leaks"])]
    pub resume: Option<PathBuf>,
}

pub fn run(args: &TrainArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let observer = |event| terminal.observe(event);
    let report = match (&args.resume, &args.data) {
        (Some(run), _) => striate::train::resume(run, args.checkpoint_every, &observer)?,
        (None, Some(data)) => striate::train::train(&options(args, data, globals), &observer)?,
        (None, None) => anyhow::bail!("no DATA; give a folder with one subfolder per class, or @photos to try"),
    };
    terminal.finish();
    terminal.answer(&if globals.json { json(&report)? } else { text(&report) })?;
    let withheld = !report.leaks.is_empty() && !scored(&report) && !args.allow_leaks;
    Ok(if withheld { Verdict::No } else { Verdict::Yes })
}

fn options(args: &TrainArgs, data: &str, globals: &Globals) -> TrainOptions {
    TrainOptions {
        data: data.to_string(),
        model: args.model.clone(),
        recipe: args.recipe.clone(),
        rung: args.rung.clone(),
        epochs: args.epochs,
        lr: args.lr,
        batch: args.batch,
        image_size: args.image_size,
        seed: globals.seed,
        out: args.out.clone(),
        budget: args.budget,
        group_by: args.group_by.clone(),
        strict: args.strict,
        allow_leaks: args.allow_leaks,
        overwrite: args.overwrite,
        checkpoint_every: args.checkpoint_every,
        command: as_typed(std::env::args_os().map(|word| word.to_string_lossy().into_owned())),
    }
}

/// The answer for people: the ladder, what it means, where things lie, what to do next.
fn text(report: &TrainReport) -> String {
    let mut text = String::new();
    if !report.rungs.is_empty() {
        text += &ladder(report);
        text.push('\n');
    }
    for skipped in &report.skipped {
        text += &wrap(&format!("Not run: {}: {}", skipped.name, skipped.why));
    }
    if !report.leaks.is_empty() {
        text += &leaks(report);
    }
    text += &wrap(&report.verdict.join(" "));
    for warning in striate::audit::warnings(&report.audit) {
        text += "\n";
        text += &wrap(&format!("Look first: {warning}"));
    }
    let report_page = Path::new(&report.run).join("report.html");
    text +=
        &format!("\nModel   {}\nReport  {}  (a page: open it by double-click)\n", report.model, report_page.display());
    let run = shell_word(&report.run);
    if report.code.is_some() {
        text += &format!("Next    striate embed PICTURES --with {run} --out codes.npy\n");
        return text + &format!("        striate reconstruct {run} PICTURES --out back\n");
    }
    if report.restore.is_some() {
        text += &format!("Next    striate restore {run} PICTURES --out restored\n");
        return text + &format!("        striate eval {run} CLEAN-PICTURES\n");
    }
    text += &format!("Next    striate predict {run} NEW-PICTURES --out labels.csv\n");
    text += &format!("        striate eval {run} MORE-LABELLED-PICTURES\n");
    text
}

/// Whether held-out pictures were scored.
fn scored(report: &TrainReport) -> bool {
    let of_code = report.code.as_ref().is_some_and(|code| code.psnr.is_some());
    let of_restorer = report.restore.as_ref().is_some_and(|restore| restore.psnr.is_some());
    report.test.is_some() || of_code || of_restorer
}

fn ladder(report: &TrainReport) -> String {
    let row = |rung: &Rung| {
        let mark = if rung.name == report.chosen { "> " } else { "  " };
        let [low, high] = rung.score.ci95;
        let interval = format!("{:.1} to {}", 100.0 * low, percent(high));
        let figures =
            [percent(rung.score.balanced_accuracy), interval, rung.score.n.to_string(), duration(rung.seconds)];
        std::iter::once(format!("{mark}{}", rung.name)).chain(figures).collect()
    };
    let rows: Vec<Vec<String>> = report.rungs.iter().map(row).collect();
    let header = ["  model", "balanced accuracy", "95 % interval", "pictures", "time"];
    table(&header, &[false, true, true, true, true], &rows)
}

fn leaks(report: &TrainReport) -> String {
    let n = report.leaks.len();
    let mut text = format!("{} on both sides of the given splits:\n", count(n, "copy stands", "copies stand"));
    for leak in report.leaks.iter().take(10) {
        text += &format!("  {}  =  {}  ({})\n", leak.a, leak.b, leak.why);
    }
    if n > 10 {
        text += &format!("  and {} more (--json lists all)\n", n - 10);
    }
    text += if !scored(report) {
        "A score on these splits would flatter, so none is given: take the copies out of one side, or let the score \
         stand as it is with --allow-leaks.\n\n"
    } else {
        "The test score below counts them (--allow-leaks), so it flatters.\n\n"
    };
    text
}

/// The command as it was typed, in a form that a shell takes back.
fn as_typed(args: impl Iterator<Item = String>) -> String {
    let words: Vec<String> =
        std::iter::once("striate".to_string()).chain(args.skip(1).map(|a| shell_word(&a))).collect();
    words.join(" ")
}

/// One word for a POSIX shell.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "@%+=:,./_-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "give a whole number, 1 or more".to_string())
}

fn rate(text: &str) -> Result<f64, String> {
    let fits = |rate: &f64| rate.is_finite() && *rate > 0.0;
    text.parse().ok().filter(fits).ok_or_else(|| "give a number above 0, such as 0.01".to_string())
}

/// A time above 0.
fn some_time(text: &str) -> Result<Duration, String> {
    time(text)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "give a time above 0, such as 90s, 2m or 1h".to_string())
}

/// `90s`, `2m`, `1h`, or plain seconds; at most 30 days.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1.0),
        Some((at, 'm')) => (&text[..at], 60.0),
        Some((at, 'h')) => (&text[..at], 3600.0),
        _ => (text, 1.0),
    };
    let seconds = number.parse::<f64>().ok().map(|n| n * unit).filter(|s| (0.0..=30.0 * 86_400.0).contains(s));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "give a time, such as 90s, 2m or 1h".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use striate::audit::{Audit, LabelAudit, Suspect};
    use striate::report::{Leak, Score};

    fn score(balanced_accuracy: f64) -> Score {
        Score { accuracy: 0.9, balanced_accuracy, ci95: [balanced_accuracy - 0.05, balanced_accuracy + 0.03], n: 196 }
    }

    fn report() -> TrainReport {
        let rung = |name: &str, accuracy| Rung { name: name.into(), score: score(accuracy), seconds: 12.0 };
        TrainReport {
            run: "runs/photos-ladder-1".into(),
            model: "runs/photos-ladder-1/model.safetensors".into(),
            rungs: vec![rung("chance", 0.2), rung("efficientnet_lite0", 0.921)],
            skipped: vec![],
            chosen: "efficientnet_lite0".into(),
            verdict: vec!["Expect about 92 of 100.".into(), "The saved model is the best of what was tried.".into()],
            selected: Some(score(0.921)),
            test: None,
            labels: None,
            code: None,
            restore: None,
            leaks: vec![],
            audit: Audit::default(),
            seconds: 80.0,
        }
    }

    #[test]
    fn the_chosen_rung_is_marked_and_explained() {
        let text = text(&report());
        assert!(text.contains("> efficientnet_lite0             92.1 %  87.1 to 95.1 %       196  12 s"), "{text}");
        assert!(text.contains("\n\nExpect about 92 of 100. The saved model is"), "{text}");
        assert!(text.contains("striate predict runs/photos-ladder-1 NEW-PICTURES --out labels.csv"), "{text}");
    }

    #[test]
    fn doubtful_labels_are_told_after_the_verdict() {
        let suspect = Suspect {
            file: "a/1.png".into(),
            given: "a".into(),
            likely: "b".into(),
            given_probability: 0.1,
            likely_probability: 0.9,
            score: -0.9,
            plausible: true,
        };
        let labels = Some(LabelAudit { checked: 196, expected: 3, doubtful: true, ranked: vec![suspect] });
        let text = text(&TrainReport { audit: Audit { labels, ..Audit::default() }, ..report() });
        assert!(text.contains("tried.\n\nLook first: About 3 of 196 labels may be wrong, such as a/1.png"), "{text}");
    }

    #[test]
    fn leaks_are_named_with_what_to_do() {
        let leak = Leak { a: "train/1.png".into(), b: "test/2.jpg".into(), why: "recompressed".into() };
        let text = text(&TrainReport { leaks: vec![leak], selected: None, ..report() });
        assert!(text.contains("train/1.png  =  test/2.jpg") && text.contains("--allow-leaks"), "{text}");
    }

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(time("90"), Ok(Duration::from_secs(90)));
        assert_eq!(time("0.5h"), Ok(Duration::from_secs(1800)));
        assert_eq!((time("0s"), some_time("0s").is_err()), (Ok(Duration::ZERO), true));
        for bad in ["", "m", "-1s", "nan", "1e300h", "2 d", "2é"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_command_can_be_pasted() {
        let args = ["/usr/bin/striate", "train", "my pictures", "--group-by", "^([^_]+)'"].map(String::from);
        assert_eq!(as_typed(args.into_iter()), r"striate train 'my pictures' --group-by '^([^_]+)'\'''");
    }
}
