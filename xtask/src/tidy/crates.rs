//! Who uses whom: the table of ARCHITECTURE.md held against what cargo knows, and who may name the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cargo;

/// The head of the table.
const HEAD: &str = "| crate | may use (of ours) |";
/// The only crate that lists a crate of Burn.
const ENGINE: &str = "striate-engine";

type Uses = BTreeMap<String, BTreeSet<String>>;

/// What the table does not allow, or does not have.
pub fn problems(root: &Path) -> Result<Vec<String>> {
    let path = root.join("ARCHITECTURE.md");
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let allowed = table(&page).with_context(|| format!("{}: no table with the head {HEAD}", path.display()))?;
    let output = cargo(root)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .output()
        .context("cannot start cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let listed = listed(&serde_json::from_slice(&output.stdout).context("cargo metadata wrote no JSON")?);
    Ok(compare(&allowed, &listed))
}

/// Crates with the crates of ours that they may use.
fn table(page: &str) -> Option<Uses> {
    let rows = page.lines().skip_while(|line| *line != HEAD).skip(2).take_while(|line| line.starts_with('|'));
    let uses: Uses = rows
        .filter_map(|row| {
            let mut cells = row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', ""));
            let (name, may_use) = (cells.next()?, cells.next()?);
            Some((name, may_use.split(',').map(|c| c.trim().to_owned()).filter(|c| c != "nothing").collect()))
        })
        .collect();
    (!uses.is_empty()).then_some(uses)
}

/// Crates of the workspace with all that they list, also for tests and builds.
fn listed(metadata: &Value) -> Uses {
    let names = |values: &Value| -> BTreeSet<String> {
        values.as_array().into_iter().flatten().filter_map(|v| v["name"].as_str()).map(str::to_owned).collect()
    };
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.filter_map(|p| Some((p["name"].as_str()?.to_owned(), names(&p["dependencies"])))).collect()
}

fn compare(allowed: &Uses, listed: &Uses) -> Vec<String> {
    let mut problems = Vec::new();
    for name in allowed.keys().filter(|name| !listed.contains_key(*name)) {
        problems.push(format!("ARCHITECTURE.md: the table has {name}, the workspace has not"));
    }
    for (name, uses) in listed {
        let Some(may_use) = allowed.get(name) else {
            problems.push(format!("ARCHITECTURE.md: {name} is missing in the table"));
            continue;
        };
        for used in uses {
            if listed.contains_key(used) && !may_use.contains(used) {
                problems.push(format!("{name} uses {used}, which the table in ARCHITECTURE.md does not allow"));
            }
            if (used == "burn" || used.starts_with("burn-")) && name != ENGINE {
                problems.push(format!("{name} lists {used}: only {ENGINE} names the engine"));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_table_does_not_allow_is_found() {
        let allowed =
            table(&format!("text\n{HEAD}\n|---|---|\n| `a` | nothing |\n| `b` | `a` |\n| `gone` | `a` |\n\nmore"));
        let metadata = serde_json::json!({ "packages": [
            { "name": "a", "dependencies": [{ "name": "b" }, { "name": "serde" }] },
            { "name": "b", "dependencies": [{ "name": "a" }, { "name": "burn-core" }] },
            { "name": "new", "dependencies": [] },
        ]});
        let problems = compare(&allowed.expect("the table is there"), &listed(&metadata));
        let start = ["ARCHITECTURE.md: the table has gone", "a uses b", "b lists burn-core", "ARCHITECTURE.md: new"];
        assert_eq!(problems.len(), start.len(), "{problems:?}");
        problems.iter().zip(start).for_each(|(problem, start)| assert!(problem.starts_with(start), "{problem}"));
        assert_eq!(table("no table"), None);
    }
}
