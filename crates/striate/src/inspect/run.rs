//! What a run folder says: its recipe, how far it came, what it left.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;
use striate_train::run::Run;

use crate::error::Error;

/// A run folder.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RunInfo {
    /// The folder.
    pub run: String,
    /// Whether it came to its end and left a model.
    pub finished: bool,
    /// The model file, where it is finished.
    pub model: Option<String>,
    /// The report, where it is finished.
    pub report: Option<String>,
    /// The recipe, as TOML.
    pub recipe: String,
    /// The last line of `metrics.jsonl` for each training of the run.
    pub last: BTreeMap<String, Value>,
    /// Lines of `metrics.jsonl`.
    pub records: usize,
}

pub(super) fn inspect(folder: &Path) -> Result<RunInfo, Error> {
    let (run, recipe) = Run::open(folder)?;
    let there = |name: &str| Some(run.path(name)).filter(|path| path.is_file()).map(|path| path.display().to_string());
    let model = there("model.safetensors");
    let (last, records) = last_records(&run.path("metrics.jsonl"))?;
    Ok(RunInfo {
        run: folder.display().to_string(),
        finished: model.is_some(),
        model,
        report: there("report.html"),
        recipe: recipe.to_toml(),
        last,
        records,
    })
}

/// Line by line, so that a long run costs no memory. A line cut off by a crash counts for nothing.
fn last_records(path: &Path) -> Result<(BTreeMap<String, Value>, usize), Error> {
    let mut last = BTreeMap::new();
    let mut records = 0;
    if !path.is_file() {
        return Ok((last, records));
    }
    for line in BufReader::new(File::open(path).map_err(Error::reading(path))?).lines() {
        let line = line.map_err(Error::reading(path))?;
        if let Ok(Value::Object(mut record)) = serde_json::from_str(&line) {
            let training =
                record.remove("training").and_then(|name| name.as_str().map(String::from)).unwrap_or_default();
            last.insert(training, Value::Object(record));
            records += 1;
        }
    }
    Ok((last, records))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_record_of_each_training_is_kept() {
        let path = std::env::temp_dir().join(format!("striate-metrics-{}.jsonl", std::process::id()));
        let lines = "{\"training\":\"a\",\"epoch\":1}\n{\"training\":\"a\",\"epoch\":2}\n{\"training\":\"b\",\"epoch\":1}\n{\"trai";
        std::fs::write(&path, lines).expect("writes");
        let (last, records) = last_records(&path).expect("reads");
        assert_eq!((records, &last["a"]["epoch"], &last["b"]["epoch"]), (3, &Value::from(2), &Value::from(1)));
        std::fs::remove_file(path).expect("removes");
    }
}
