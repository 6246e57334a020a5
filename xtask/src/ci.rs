//! Every check of the repository, the cheapest first.
//!
//! Clippy, tests and docs use one profile and the same features, so that nothing is compiled twice for the same use.
//! Clippy needs metadata of the dependencies beside their code; docs use the same metadata, so it is made once.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::{cargo, tidy};

/// One check.
struct Step {
    name: &'static str,
    cargo: &'static [&'static str],
    env: &'static [(&'static str, &'static str)],
}

const STEPS: [Step; 6] = [
    Step { name: "fmt", cargo: &["fmt", "--all", "--check"], env: &[] },
    Step { name: "tidy", cargo: &[], env: &[] }, // runs in this program
    Step {
        name: "clippy",
        cargo: &["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"],
        env: &[],
    },
    Step { name: "test", cargo: &["test", "--release", "--workspace", "--no-fail-fast"], env: &[] },
    Step {
        name: "doc",
        cargo: &["doc", "--release", "--workspace", "--no-deps"],
        env: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    Step { name: "deny", cargo: &["deny", "check", "licenses", "bans", "sources"], env: &[] },
];

/// Runs the steps named in `arguments`, all without a name. Stops at the first that fails, unless `--keep-going`.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let (options, names): (Vec<&str>, Vec<&str>) =
        arguments.iter().map(String::as_str).partition(|a| a.starts_with('-'));
    let keep_going = match options[..] {
        [] => false,
        ["--keep-going"] => true,
        _ => bail!("ci knows only --keep-going, got {}", options.join(" ")),
    };
    let known = STEPS.map(|step| step.name);
    for name in &names {
        ensure!(known.contains(name), "there is no step {name}; there are {}", known.join(", "));
    }
    let mut summary = Vec::new();
    let mut failed = false;
    for step in STEPS.iter().filter(|step| names.is_empty() || names.contains(&step.name)) {
        println!("==> {}", step.name);
        let start = Instant::now();
        let outcome = run_step(root, step);
        let word = match &outcome {
            Ok(true) => "passed".to_owned(),
            Ok(false) => "skipped: not installed".to_owned(),
            Err(error) => format!("FAILED: {error:#}"),
        };
        summary.push(format!("{:<7} {:>5.0} s  {word}", step.name, start.elapsed().as_secs_f64()));
        failed |= outcome.is_err();
        if failed && !keep_going {
            break;
        }
    }
    println!("\n{}", summary.join("\n"));
    ensure!(!failed, "a check failed");
    Ok(())
}

/// `false` where the tool is not installed.
fn run_step(root: &Path, step: &Step) -> Result<bool> {
    if step.name == "tidy" {
        return tidy::run(root).map(|()| true);
    }
    if step.name == "deny" && !cargo(root).args(["deny", "--version"]).output().is_ok_and(|o| o.status.success()) {
        println!("cargo-deny is not installed: licences, bans and sources are not checked (cargo install cargo-deny)");
        return Ok(false);
    }
    let status = cargo(root)
        .args(step.cargo)
        .envs(step.env.iter().copied())
        .status()
        .with_context(|| format!("cannot start cargo {}", step.cargo.join(" ")))?;
    ensure!(status.success(), "cargo {} ended with {status}", step.cargo.join(" "));
    Ok(true)
}
