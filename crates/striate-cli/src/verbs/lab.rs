//! `striate lab`: phenomena to see for oneself.

use clap::Args;
use striate::lab::{Figure, LABS, LabOptions, LabReport, lab};

use super::{json, table, wrap};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Arguments of `lab`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  striate lab
  striate lab pca-autoencoder
  striate lab pca-autoencoder --without linearity

Each takes some minutes at most, on pictures that come with the program. Exits with 0 when the phenomenon is seen and with 1 when \
it is not; --without takes its cause away, and then it should not be.")]
pub struct LabArgs {
    /// Which; without it, all there are with what each claims
    pub name: Option<String>,
    /// Takes the cause away
    #[arg(long, value_name = "CAUSE", requires = "name")]
    pub without: Option<String>,
}

pub fn run(args: &LabArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let Some(name) = args.name.clone() else {
        let list: Vec<_> = LABS
            .iter()
            .map(|lab| serde_json::json!({"name": lab.name, "claim": lab.claim, "cause": lab.cause}))
            .collect();
        let text = || {
            LABS.iter()
                .map(|lab| format!("{} (--without {})\n{}\n", lab.name, lab.cause, wrap(lab.claim)))
                .collect::<String>()
        };
        terminal.answer(&if globals.json { json(&list)? } else { text() })?;
        return Ok(Verdict::Yes);
    };
    let options = LabOptions { name, without: args.without.clone(), seed: globals.seed.unwrap_or(0) };
    let report = lab(&options, &|event| terminal.observe(event))?;
    terminal.finish();
    terminal.answer(&if globals.json { json(&report)? } else { text(&report) })?;
    Ok(if report.seen { Verdict::Yes } else { Verdict::No })
}

fn text(report: &LabReport) -> String {
    let mut text = wrap(report.claim);
    if let Some(without) = &report.without {
        text += &format!("Here without its cause, {without}.\n");
    }
    text.push('\n');
    let row = |figure: &Figure| {
        let verdict = match (figure.must.is_empty(), figure.holds) {
            (true, _) => "",
            (false, true) => "yes",
            (false, false) => "no",
        };
        vec![figure.name.clone(), format!("{:.4}", figure.value), figure.must.clone(), verdict.to_string()]
    };
    let rows: Vec<Vec<String>> = report.figures.iter().map(row).collect();
    text += &table(&["measured", "value", "must be", "holds"], &[false, true, false, false], &rows);
    text.push('\n');
    text += &wrap(&report.words.join(" "));
    text + if report.seen { "\nSeen.\n" } else { "\nNot seen.\n" }
}
