//! A table of vectors as a file: `.npy` with a CSV of its rows beside it, or one Parquet file that holds both.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, FloatType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use striate_nn::write_atomic;
use striate_vision::array::Array;
use striate_vision::npy;

use crate::error::Error;
use crate::labels::cell;

/// Kinds of table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Npy,
    Parquet,
}

/// Where a row comes from.
pub(crate) struct Row<'a> {
    pub(crate) file: String,
    pub(crate) label: Option<&'a str>,
}

/// The columns: a name, a label that may be missing, and the vector as a list of floats.
const SCHEMA: &str = "message vectors {
    required binary file (utf8);
    optional binary label (utf8);
    required group vector (list) { repeated group list { required float element; } }
}";

impl Kind {
    /// By the ending of the file's name.
    pub(crate) fn of(path: &Path) -> Result<Self, Error> {
        match path.extension().and_then(|end| end.to_str()) {
            Some("npy") => Ok(Self::Npy),
            Some("parquet") => Ok(Self::Parquet),
            _ => {
                let what = format!("{} ends in neither .npy nor .parquet", path.display());
                Err(Error::request(what, "name the table such as x.npy or x.parquet"))
            }
        }
    }
}

/// Writes `table` (`[N, D]`) to `out`; `names` is where the rows of an `.npy` are named.
pub(crate) fn write(kind: Kind, table: &Array, rows: &[Row], out: &Path, names: &Path) -> Result<(), Error> {
    match kind {
        Kind::Npy => {
            write_atomic(out, &npy::to_npy_bytes(table)).map_err(Error::writing(out))?;
            write_atomic(names, csv(rows).as_bytes()).map_err(Error::writing(names))
        }
        Kind::Parquet => {
            let bytes = parquet(table, rows).expect("a table in memory can be encoded");
            write_atomic(out, &bytes).map_err(Error::writing(out))
        }
    }
}

/// `row,file,label`, a line for each row of the table.
fn csv(rows: &[Row]) -> String {
    let line = |(i, row): (usize, &Row)| format!("{i},{},{}\r\n", cell(&row.file), cell(row.label.unwrap_or("")));
    "\u{feff}row,file,label\r\n".to_owned() + &rows.iter().enumerate().map(line).collect::<String>()
}

fn parquet(table: &Array, rows: &[Row]) -> Result<Vec<u8>, ParquetError> {
    let columns = table.shape()[1];
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_created_by(format!("striate {}", env!("CARGO_PKG_VERSION")))
        .build();
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    let text = |text: &str| ByteArray::from(text.as_bytes().to_vec());

    let files: Vec<ByteArray> = rows.iter().map(|row| text(&row.file)).collect();
    let labels: Vec<ByteArray> = rows.iter().filter_map(|row| row.label.map(text)).collect();
    let labelled: Vec<i16> = rows.iter().map(|row| i16::from(row.label.is_some())).collect();
    // Of a list, repetition 0 begins a row; every element is there.
    let begins: Vec<i16> = (0..table.values().len()).map(|i| i16::from(i % columns != 0)).collect();
    let there = vec![1; begins.len()];
    let mut index = 0;
    while let Some(mut column) = group.next_column()? {
        match index {
            0 => column.typed::<ByteArrayType>().write_batch(&files, None, None)?,
            1 => column.typed::<ByteArrayType>().write_batch(&labels, Some(&labelled), None)?,
            _ => column.typed::<FloatType>().write_batch(table.values(), Some(&there), Some(&begins))?,
        };
        column.close()?;
        index += 1;
    }
    group.close()?;
    file.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    #[test]
    fn a_parquet_table_reads_back() {
        let table = Array::new(vec![3, 2], vec![1.0, 2.5, -3.0, 0.0, f32::MAX, 1e-30]);
        let row = |file: &str, label| Row { file: file.to_owned(), label };
        let rows = [row("a, b.png", Some("cat")), row("ü.jpg", None), row("c.png", Some("dog"))];
        let bytes = parquet(&table, &rows).expect("encodes");
        assert_eq!(bytes, parquet(&table, &rows).expect("encodes"), "the same bytes each time");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), &bytes).expect("written");
        let reader = SerializedFileReader::new(file.reopen().expect("the file")).expect("a Parquet file");
        for (i, read) in reader.get_row_iter(None).expect("rows").enumerate() {
            let read = read.expect("a row");
            assert_eq!(read.get_string(0).expect("a name"), &rows[i].file);
            assert_eq!(read.get_string(1).ok().map(String::as_str), rows[i].label);
            let list = read.get_list(2).expect("a vector");
            let values: Vec<String> = list.elements().iter().map(ToString::to_string).collect();
            let want: Vec<f32> = values.iter().map(|v| v.parse().expect("a number")).collect();
            assert_eq!(want, table.values()[2 * i..2 * i + 2]);
        }
    }

    #[test]
    fn other_endings_are_refused() {
        assert_eq!(Kind::of(Path::new("x.parquet")).ok(), Some(Kind::Parquet));
        let e = Kind::of(Path::new("x.txt")).expect_err("refused").to_string();
        assert!(e.contains(".npy") && e.contains(".parquet"), "{e}");
    }
}
