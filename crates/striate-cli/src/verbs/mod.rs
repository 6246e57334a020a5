//! One file per verb: arguments, then the library's options, then the answer in print.

pub mod completions;
pub mod eval;
pub mod inspect;
pub mod man;
pub mod models;
pub mod predict;
pub mod train;

use crate::Verdict;
use crate::cli::{Cli, Verb};
use crate::terminal::Terminal;

/// Does what was asked.
pub fn run(cli: &Cli, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let globals = &cli.globals;
    match &cli.verb {
        Verb::Train(args) => train::run(args, globals, terminal),
        Verb::Eval(args) => eval::run(args, globals, terminal),
        Verb::Predict(args) => predict::run(args, globals, terminal),
        Verb::Inspect(args) => inspect::run(args, globals, terminal),
        Verb::Models(args) => models::run(args, globals, terminal),
        Verb::Completions(args) => completions::run(args, globals, terminal),
        Verb::Man => man::run(globals, terminal),
    }
}

/// A value as one line of JSON.
fn json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(value)? + "\n")
}

/// `0.923` as `92.3 %`.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// `one` of it or several.
fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Rows under a header, columns two blanks apart, the ones in `right` set to the right, each line indented by two.
fn table(header: &[&str], right: &[bool], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|cell| (*cell).to_string()).collect();
    let all = || std::iter::once(&header).chain(rows);
    let wide =
        |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..header.len()).map(wide).collect();
    let mut text = String::new();
    for row in all() {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(widths[column] - cell.chars().count());
            line += "  ";
            line += &if right[column] { blanks + cell } else { cell.clone() + &blanks };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up() {
        let rows = [vec!["résumé".into(), "9".into()], vec!["b".into(), "10".into()]];
        assert_eq!(table(&["name", "n"], &[false, true], &rows), "  name     n\n  résumé   9\n  b       10\n");
    }

    #[test]
    fn counts_and_shares() {
        assert_eq!((count(1, "fish", "fishes"), count(0, "fish", "fishes")), ("1 fish".into(), "0 fishes".into()));
        assert_eq!(percent(0.9234), "92.3 %");
    }
}
