//! Labels as a CSV that a spreadsheet opens: UTF-8 with a byte order mark, and no cell that it would take for a formula.

use std::path::Path;

use striate_nn::write_atomic;

use crate::error::Error;
use crate::report::Prediction;

const HEADER: &str = "\u{feff}file,label,probability,second_label,second_probability,error,unlike\r\n";

/// Refuses, before any work is done, a place where the file could not be written or something stands already.
pub fn check_free(out: &Path, overwrite: bool) -> Result<(), Error> {
    if out.is_dir() {
        return Err(Error::request(
            format!("{} is a folder", out.display()),
            "name a file with --out, such as labels.csv or x.npy",
        ));
    }
    if out.symlink_metadata().is_ok() && !overwrite {
        return Err(Error::Exists(out.to_path_buf()));
    }
    let probe = out.with_file_name(format!(".striate-probe-{}", std::process::id()));
    std::fs::File::create(&probe).map_err(Error::writing(out))?;
    std::fs::remove_file(&probe).map_err(Error::writing(out))
}

/// The rows so far, some 80 bytes each.
pub struct Table {
    text: String,
}

impl Table {
    /// Without rows.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { text: HEADER.to_string() }
    }

    /// Adds a row.
    pub fn push(&mut self, prediction: &Prediction) {
        let row = match prediction {
            Prediction::Labelled { file, label, probability, top, unlike, .. } => {
                let (second, second_probability) = match top.get(1) {
                    Some((label, p)) => (cell(label), format!("{p:.4}")),
                    None => (String::new(), String::new()),
                };
                let unlike = unlike.map_or("", |unlike| if unlike { "yes" } else { "no" });
                let label = cell(label.as_deref().unwrap_or_default());
                format!("{},{label},{probability:.4},{second},{second_probability},,{unlike}\r\n", cell(file))
            }
            Prediction::Failed { file, error } => format!("{},,,,,{},\r\n", cell(file), cell(error)),
        };
        self.text += &row;
    }

    /// Writes the file, whole or not at all.
    pub fn write(&self, out: &Path) -> Result<(), Error> {
        write_atomic(out, self.text.as_bytes()).map_err(Error::writing(out))
    }
}

/// A cell: quoted where it must be, and with a leading `'` where a spreadsheet would compute it (OWASP, CSV injection).
pub(crate) fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let text = if formula { format!("'{text}") } else { text.to_string() };
    let quote = formula || text.contains([',', ';', '"', '\n', '\r', '\t']) || text.trim() != text;
    if quote { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_text_to_a_spreadsheet() {
        for (text, written) in [
            ("a.jpg", "a.jpg"),
            ("=1+2.jpg", "\"'=1+2.jpg\""),
            ("-x", "\"'-x\""),
            ("@digits/3", "\"'@digits/3\""),
            ("a, \"b\"", "\"a, \"\"b\"\"\""),
            ("größe\n", "\"größe\n\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }

    #[test]
    fn rows_have_the_header_s_columns() {
        let mut table = Table::new();
        let top = vec![("fish".to_string(), 0.75), ("tool".to_string(), 0.25)];
        let (file, label) = ("a.jpg".to_string(), "fish".to_string());
        let unlike = Some(true);
        table.push(&Prediction::Labelled {
            file,
            label: Some(label),
            probability: 0.75,
            top,
            unlike,
            distance: Some(1.2),
        });
        table.push(&Prediction::Failed { file: "b.jpg".into(), error: "is empty, copy it again".into() });
        let lines: Vec<&str> = table.text.lines().collect();
        assert_eq!(lines[1], "a.jpg,fish,0.7500,tool,0.2500,,yes");
        assert_eq!(lines[2], "b.jpg,,,,,\"is empty, copy it again\",");
        assert!(table.text.starts_with('\u{feff}'));
    }

    #[test]
    fn an_existing_file_is_kept_unless_asked() {
        let file = std::env::temp_dir().join(format!("striate-labels-{}.csv", std::process::id()));
        std::fs::write(&file, "mine").expect("writes");
        assert!(matches!(check_free(&file, false), Err(Error::Exists(_))));
        assert!(check_free(&file, true).is_ok());
        assert!(check_free(&std::env::temp_dir(), true).is_err());
        assert!(check_free(Path::new("/no/such/folder/labels.csv"), false).is_err());
        std::fs::remove_file(file).expect("removes");
    }
}
