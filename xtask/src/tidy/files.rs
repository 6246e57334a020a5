//! Rules of single Rust files: one idea each, said in the first line, under a name that tells it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const MAX_LINES: usize = 400;
/// Folders that hold what tools made.
const MADE: [&str; 5] = ["target", "corpus", "artifacts", "runs", "node_modules"];
/// Names of files that hold no idea.
const NAMELESS: [&str; 9] = ["util", "utils", "common", "base", "helper", "helpers", "misc", "shared", "stuff"];
/// What may not stand in a file, and why; in two halves, so that it does not stand in this one.
const BANNED: [([&str; 2], &str); 6] = [
    (["dbg", "!("], "is for debugging"),
    (["todo", "!("], "is not done"),
    (["unimplemented", "!("], "is not done"),
    (["TO", "DO"], "is not done"),
    (["FIX", "ME"], "is not done"),
    (["```ign", "ore"], "is a doctest that never runs"),
];
/// Crates that may print: programs.
const PRINTING: [&str; 2] = ["crates/striate-cli", "xtask"];
const PRINTS: [&str; 4] = ["println!(", "eprintln!(", "print!(", "eprint!("];

/// What breaks a rule, as `file:line: why`.
pub fn problems(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for top in ["crates", "xtask", "fuzz"] {
        collect(&root.join(top), &mut files)?;
    }
    files.sort();
    let mut problems = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/");
        problems.extend(problems_of(&name, &text));
    }
    Ok(problems)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && !MADE.contains(&name.as_str()) {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn problems_of(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        problems.push(format!("{name}: {lines} lines, at most {MAX_LINES}: it is two ideas"));
    }
    if !text.starts_with("//! ") {
        problems.push(format!("{name}:1: the first line says in //! what the file is for"));
    }
    let stem = name.rsplit('/').next().and_then(|file| file.strip_suffix(".rs")).unwrap_or(name);
    if NAMELESS.contains(&stem) {
        problems.push(format!("{name}: the name says nothing: name the idea"));
    }
    let library = name.contains("/src/") && !PRINTING.iter().any(|program| name.starts_with(program));
    let code_lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
    for (i, line) in text.lines().enumerate() {
        for (halves, why) in BANNED {
            if line.contains(&halves.concat()) {
                problems.push(format!("{name}:{}: {} {why}", i + 1, halves.concat()));
            }
        }
        let code = line.trim_start();
        if library && i < code_lines && !code.starts_with("//") && PRINTS.iter().any(|print| code.contains(print)) {
            problems.push(format!("{name}:{}: a library prints nothing", i + 1));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_fault() {
        let faults = |name: &str, text: &str| problems_of(name, text).len();
        assert_eq!(faults("crates/a/src/b.rs", "//! B.\n"), 0);
        assert_eq!(faults("crates/a/src/b.rs", "// B.\n"), 1);
        assert_eq!(faults("crates/a/src/utils.rs", "//! B.\n"), 1);
        assert_eq!(faults("crates/a/src/b.rs", &format!("//! B.\n{}", "\n".repeat(400))), 1);
        assert_eq!(faults("crates/a/src/b.rs", &format!("//! B.\n    {}x);\n", ["dbg", "!("].concat())), 1);
        assert_eq!(faults("crates/a/src/b.rs", "//! B.\nfn f() { println!(\"b\") }\n"), 1);
        assert_eq!(faults("crates/a/src/b.rs", "//! B.\n#[cfg(test)]\nmod tests { println!(\"b\") }\n"), 0);
        assert_eq!(faults("crates/striate-cli/src/b.rs", "//! B.\nfn f() { println!(\"b\") }\n"), 0);
    }
}
