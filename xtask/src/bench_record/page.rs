//! BENCHMARKS.md: one row for each work, opponent, machine and number of threads; a new run replaces its row.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::compare::{Agreement, median};

/// The rows stand between these lines; all else on the page is written by hand.
const BEGIN: &str = "<!-- bench-record: rows -->";
const END: &str = "<!-- bench-record: end -->";
const HEAD: &str = "| work | against | ours, ms | theirs, ms | times as fast | check differs by | peak MiB, ours / theirs | \
    rounds | threads | machine | date | command |\n|---|---|---|---|---|---|---|---|---|---|---|---|";

/// What was measured of one work against one program.
pub struct Row {
    pub work: String,
    pub against: String,
    /// Seconds a run in each round, ours and theirs.
    pub times: [Vec<f64>; 2],
    /// Theirs over ours in each round.
    pub ratios: Vec<f64>,
    pub agreement: Agreement,
    pub peak_mib: [u64; 2],
    pub threads: usize,
    pub machine: String,
    pub date: String,
    pub command: String,
}

impl Row {
    /// Whether the programs computed different things.
    pub fn refused(&self) -> bool {
        matches!(self.agreement, Agreement::Disagrees(_))
    }

    /// The row in Markdown.
    pub fn line(&self) -> String {
        let [ours, theirs] = [&self.times[0], &self.times[1]].map(|times| match self.refused() {
            true => "-".to_owned(),
            false => spread(times, 1000.0, 3),
        });
        let ratio = spread(&self.ratios, 1.0, 2);
        let (ratio, check) = match &self.agreement {
            Agreement::Disagrees(why) => ("REFUSED".to_owned(), format!("disagrees: {why}")),
            Agreement::Agrees(difference) => (ratio, format!("{difference:.0e}")),
            Agreement::NotAsked => (ratio, "has no check".to_owned()),
        };
        let [rss_ours, rss_theirs] = self.peak_mib;
        let Self { work, against, threads, machine, date, command, .. } = self;
        let rounds = self.times[0].len();
        format!(
            "| {work} | {against} | {ours} | {theirs} | {ratio} | {check} | {rss_ours} / {rss_theirs} | {rounds} | {threads} \
             | {machine} | {date} | `{command}` |"
        )
    }
}

/// The median, and in brackets the least and the most.
fn spread(values: &[f64], scale: f64, digits: usize) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    let [middle, least, most] = [median(values), least, most].map(|value| format!("{:.digits$}", scale * value));
    format!("{middle} ({least} to {most})")
}

/// What a row is known by: work, opponent (either layout of PyTorch is one), threads, processor.
fn key(line: &str) -> Option<[String; 4]> {
    let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
    let against = cells.get(1)?.split_whitespace().next()?;
    let machine = cells.get(9)?.split(", FMA").next()?; // the peak is measured anew each time
    Some([cells[0], against, cells.get(8)?, machine].map(str::to_owned))
}

/// The page with this row in it, in place of an older one. Rows are sorted.
pub fn refreshed(page: &str, row: &Row) -> Result<String> {
    let parts = page.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?)));
    let (head, (table, tail)) = parts.with_context(|| format!("BENCHMARKS.md has no lines {BEGIN} and {END}"))?;
    let new = row.line();
    let old = table.lines().filter(|line| line.starts_with("| W") && key(line) != key(&new));
    let mut rows: Vec<String> = old.map(str::to_owned).collect();
    rows.push(new);
    rows.sort();
    Ok(format!("{head}{BEGIN}\n{HEAD}\n{}\n{END}{tail}", rows.join("\n")))
}

/// Words with their folders cut off: the record holds no path of this machine.
pub fn without_folders(command: &str) -> String {
    let short = |word: &str| word.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    command.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

/// One word for a POSIX shell.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "@%+=:,./_-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The day in UTC, `2026-11-23`.
pub fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    day(seconds / 86_400)
}

/// Days since 1970-01-01 as a date (Hinnant, days_from_civil, backwards).
fn day(days: u64) -> String {
    let shifted = days + 719_468; // since 0000-03-01, in eras of 400 years
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * march_month + 2) / 5 + 1, (march_month + 2) % 12 + 1);
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(against: &str, agreement: Agreement) -> Row {
        Row {
            work: "W2".to_owned(),
            against: against.to_owned(),
            times: [vec![1.0, 2.0, 3.0], vec![2.0, 4.0, 9.0]],
            ratios: vec![2.0, 2.0, 3.0],
            agreement,
            peak_mib: [100, 200],
            threads: 2,
            machine: "CPU 9, AVX2, FMA peak 98 GFLOP/s (AVX2)".to_owned(),
            date: day(20_780),
            command: "cargo xtask bench-record --works W2".to_owned(),
        }
    }

    #[test]
    fn a_row_replaces_its_older_self_and_no_other() {
        let page = format!("# By hand\n{BEGIN}\n{END}\nmore\n");
        let first = refreshed(&page, &row("PyTorch", Agreement::Agrees(1e-6))).expect("a page");
        let second = refreshed(&first, &row("onnxruntime", Agreement::NotAsked)).expect("a page");
        let third = refreshed(&second, &row("PyTorch channels-last", Agreement::Agrees(2e-6))).expect("a page");
        assert!(third.starts_with("# By hand\n") && third.ends_with("\nmore\n"), "{third}");
        assert_eq!(third.matches("| W2 |").count(), 2, "{third}");
        assert!(third.contains("| 2000.000 (1000.000 to 3000.000) | 4000.000 (2000.000 to 9000.000) | 2.00 (2.00 to 3.00) | 2e-6 | 100 / 200 |"), "{third}");
        assert!(third.contains("channels-last") && third.contains("has no check"), "{third}");
        assert!(refreshed("no rows", &row("PyTorch", Agreement::NotAsked)).is_err());
    }

    #[test]
    fn a_row_whose_check_disagrees_shows_no_time() {
        let row = row("PyTorch", Agreement::Disagrees("number 1: 2e0 against 3e0".to_owned()));
        assert!(row.refused() && row.line().contains("| - | - | REFUSED | disagrees: number 1"), "{}", row.line());
    }

    #[test]
    fn days_are_dates() {
        for (days, date) in [(0, "1970-01-01"), (11_016, "2000-02-29"), (20_780, "2026-11-23"), (47_540, "2100-02-28")]
        {
            assert_eq!(day(days), date);
        }
    }
}
