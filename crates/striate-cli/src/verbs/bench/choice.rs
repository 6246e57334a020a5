//! `striate bench --choice`: what the choice among the rungs of a ladder is worth on data where all labels are known.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use striate::choice::study::{StudyOptions, read, study};
use striate::choice::tables::{Cell, Tables, fit, tables};

use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;
use crate::verbs::{json, table};

/// Arguments of `bench --choice`.
#[derive(Args, Debug)]
pub struct ChoiceArgs {
    /// Draw labels from labelled data again and again, compare rules of choice, and fit the prior that `train` chooses by: the folder
    /// of the records, a file for each set named SOURCE.SET
    #[arg(long, value_name = "FOLDER")]
    pub choice: Option<PathBuf>,
    /// Labelled data to draw from first; draws that the folder holds are kept
    #[arg(long, value_name = "DATA", requires = "choice")]
    pub draw: Vec<String>,
    /// Labels per class to draw
    #[arg(long, value_name = "N", requires = "choice", value_delimiter = ',', default_values_t = [1, 2, 5, 10, 20])]
    pub labels: Vec<usize>,
    /// Draws for each number of labels
    #[arg(long, value_name = "N", requires = "choice", default_value_t = 50)]
    pub draws: usize,
    /// Those of the draws in which nets are trained too, the first ones
    #[arg(long, value_name = "N", requires = "choice", default_value_t = 10)]
    pub dear_draws: usize,
    /// Regular expression on file names that names groups, as for `train`
    #[arg(long, value_name = "REGEX", requires = "draw")]
    pub group_by: Option<String>,
}

/// Draws, and prints the tables.
pub fn run(args: &ChoiceArgs, folder: &Path, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let observer = |event| terminal.observe(event);
    for data in &args.draw {
        let options = StudyOptions {
            data: data.clone(),
            group_by: args.group_by.clone(),
            labels: args.labels.clone(),
            draws: args.draws,
            dear_draws: args.dear_draws,
            budget: Duration::from_secs(120),
            seed: globals.seed.unwrap_or(0),
            out: folder.to_path_buf(),
        };
        study(&options, &observer)?;
    }
    let records = read(folder)?;
    anyhow::ensure!(!records.is_empty(), "{} holds no records; draw some with --draw DATA", folder.display());
    let prior = serde_json::to_string(&fit(&records.iter().collect::<Vec<_>>()))?;
    let path = folder.join("prior.json");
    std::fs::write(&path, prior + "\n")?;
    let tables = tables(&records);
    terminal.finish();
    terminal.answer(&if globals.json { json(&tables)? } else { text(&tables) })?;
    Ok(Verdict::Yes)
}

fn text(tables: &Tables) -> String {
    let sizes = |cell: &Cell| cell.labels;
    let mut labels: Vec<usize> = tables.cells.iter().map(sizes).collect();
    labels.dedup();
    let mut out = String::new();
    for n in labels {
        let cells: Vec<&Cell> = tables.cells.iter().filter(|cell| cell.labels == n).collect();
        out += &format!("\n{n} labels per class: points of balanced accuracy below the best single rung\n\n");
        let mean = |f: &dyn Fn(&Cell) -> f64| cells.iter().map(|cell| f(cell)).sum::<f64>() / cells.len() as f64;
        let percent = |v: f64| if v.is_finite() { format!("{:.1}", 100.0 * v) } else { "-".into() };
        let mut head = vec!["set", "draws", "best rung", "its mean", "covered"];
        let names: Vec<String> = (1..=tables.rules.len()).map(|i| format!("rule {i}")).collect();
        let averages: Vec<String> = (1..=tables.averages.len()).map(|i| format!("mean {i}")).collect();
        head.extend(names.iter().chain(&averages).map(String::as_str));
        let mut rows: Vec<Vec<String>> = Vec::new();
        for cell in &cells {
            let mut row = vec![cell.set.clone(), cell.draws.to_string(), cell.best.clone(), percent(cell.best_mean)];
            row.push(cell.coverage.map_or("-".into(), percent));
            row.extend(cell.rules.iter().chain(&cell.averages).map(|v| percent(cell.best_mean - v)));
            rows.push(row);
        }
        let mut row = vec!["mean".to_string(), String::new(), String::new(), percent(mean(&|c| c.best_mean))];
        let draws = cells.iter().map(|cell| cell.draws).sum::<usize>() as f64;
        row.push(percent(cells.iter().filter_map(|c| Some(c.coverage? * c.draws as f64)).sum::<f64>() / draws));
        row.extend((0..tables.rules.len()).map(|i| percent(mean(&|c| c.best_mean - c.rules[i]))));
        row.extend((0..tables.averages.len()).map(|i| percent(mean(&|c| c.best_mean - c.averages[i]))));
        rows.push(row);
        let mut right = vec![false, true, false, true, true];
        right.extend(vec![true; names.len() + averages.len()]);
        out += &table(&head, &right, &rows);
    }
    out += "\nRules: ";
    out += &tables.rules.iter().enumerate().map(|(i, r)| format!("{} {r}", i + 1)).collect::<Vec<_>>().join("; ");
    out += ".\nMeans of the probabilities of several rungs: ";
    out += &tables.averages.iter().enumerate().map(|(i, r)| format!("{} {r}", i + 1)).collect::<Vec<_>>().join("; ");
    out + ".\nThe prior was fitted without the set's source. Covered: draws whose 95 % interval holds the truth.\n"
}
