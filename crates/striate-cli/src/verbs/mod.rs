//! One file per verb: arguments, then the library's options, then the answer in print.

pub mod bench;
pub mod completions;
pub mod embed;
pub mod eval;
pub mod filter;
pub mod inspect;
pub mod lab;
pub mod man;
pub mod models;
pub mod predict;
pub mod probe;
pub mod reconstruct;
pub mod restore;
pub mod see;
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
        Verb::Embed(args) => embed::run(args, globals, terminal),
        Verb::Reconstruct(args) => reconstruct::run(args, globals, terminal),
        Verb::Restore(args) => restore::run(args, globals, terminal),
        Verb::See(args) => see::run(args, globals, terminal),
        Verb::Probe(args) => probe::run(args, globals, terminal),
        Verb::Filter(args) => filter::run(args, globals, terminal),
        Verb::Inspect(args) => inspect::run(args, globals, terminal),
        Verb::Lab(args) => lab::run(args, globals, terminal),
        Verb::Models(args) => models::run(args, globals, terminal),
        Verb::Bench(args) => bench::run(args, globals, terminal),
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

/// Pictures that were not worked on: `known` answers were there already, `faults` pictures could not be read.
fn passed_by(known: usize, faults: usize) -> String {
    let mut text = String::new();
    if known > 0 {
        text +=
            &format!("{} there already (--overwrite makes them again)\n", count(known, "answer was", "answers were"));
    }
    if faults > 0 {
        text += &format!("{} could not be read\n", count(faults, "picture", "pictures"));
    }
    text
}

/// `4652008` as `4,652,008`.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let first = digits.len() % 3;
    let (head, tail) = digits.split_at(first);
    let groups = tail.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    std::iter::once(head.to_string()).filter(|head| !head.is_empty()).chain(groups).collect::<Vec<_>>().join(",")
}

/// Text in lines of at most 100 letters, broken between words.
fn wrap(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= 100 => *line += &format!(" {word}"),
            _ => lines.push(word.to_string()),
        }
    }
    lines.join("\n") + "\n"
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
    fn digits_stand_in_threes() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (4_652_008, "4,652,008")] {
            assert_eq!(thousands(n), text);
        }
    }

    #[test]
    fn long_text_is_broken_between_words() {
        let text = wrap(&"word ".repeat(30));
        assert_eq!(text.lines().map(str::len).collect::<Vec<_>>(), [99, 49]);
    }

    #[test]
    fn counts_and_shares() {
        assert_eq!((count(1, "fish", "fishes"), count(0, "fish", "fishes")), ("1 fish".into(), "0 fishes".into()));
        assert_eq!(percent(0.9234), "92.3 %");
    }
}
