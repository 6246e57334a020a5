//! Chores of the repository: `cargo xtask ci` runs every check, `cargo xtask tidy` the quick ones of ours.

mod bench_record;
mod ci;
mod same_bits;
mod tidy;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

const USAGE: &str = "usage: cargo xtask <chore>

  ci [--keep-going] [STEP...]   every check, the cheapest first, or only these steps:
                                fmt, tidy, clippy, test, doc, deny
  bench-record [--works W1,W2] [--rounds 7] [--threads 2] [--torch CMD] [--ort CMD]
                                times striate in turn with programs that speak the lines of `striate bench --peer`,
                                and refreshes the rows of BENCHMARKS.md
  same-bits                     threads 1, 2, 3 and runs killed at 20 moments: the same model, to the byte
  tidy                          length and head of files, names, who uses whom";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands in the repository")?;
    match arguments.split_first().map(|(chore, rest)| (chore.as_str(), rest)) {
        Some(("ci", rest)) => ci::run(root, rest),
        Some(("bench-record", rest)) => bench_record::run(root, rest),
        Some(("same-bits", [])) => same_bits::run(root),
        Some(("tidy", [])) => tidy::run(root),
        Some(("help" | "--help" | "-h", _)) => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("what to do?\n{USAGE}"),
    }
}

/// The cargo that runs this, in the repository.
fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    cargo
}
