//! Pictures to vectors, as a table for other programs: rows in the order of the data, names and labels beside it.

use std::ops::ControlFlow;
use std::path::PathBuf;

use striate_data::dataset::{Dataset, OpenOptions};
use striate_vision::array::Array;
use striate_vision::pca::Pca;

use crate::encoder::Encoder;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::labels::check_free;
use crate::predict::file_name;
use crate::report::{EmbedReport, Fault};
use crate::stream::in_batches;
use crate::table::{self, Row};
use crate::vector_cache::{Key, VectorCache};

/// Principal components that `pca` keeps at most.
const COMPONENTS: usize = 64;

/// What to turn into vectors, by what, and where they go.
#[derive(Clone, Debug)]
pub struct EmbedOptions {
    /// Pictures, as the user named them.
    pub data: String,
    /// One of [`crate::encoder::NAMES`], `pca`, or a model.
    pub with: String,
    /// The `.npy` or `.parquet` file.
    pub out: PathBuf,
    /// Whether to replace `out`.
    pub overwrite: bool,
}

/// A picture on its way.
enum Item {
    Known(Key),
    Fresh(Key, Vec<f32>),
    Fault(String),
}

/// Writes `out` (`[N, D]`, f32; an `.npy` has a `.csv` beside it that names its rows: number, file, label), and keeps `out` with
/// `.cache`, from which a later run takes what it would compute again. Pictures that cannot be read have no row and are named in the report.
pub fn embed(options: &EmbedOptions, observer: Observer) -> Result<EmbedReport, Error> {
    let EmbedOptions { data, with, out, overwrite } = options;
    let kind = table::Kind::of(out)?;
    let cache = out.with_extension("cache");
    let names = if kind == table::Kind::Npy { out.with_extension("csv") } else { out.clone() };
    check_free(out, *overwrite)?;
    check_free(&names, *overwrite)?;
    let encoder = Encoder::open(if with == "pca" { "pixels" } else { with })?;
    let dataset = Dataset::open(data, &OpenOptions::default())?;
    let mut cache = VectorCache::open(&cache, &encoder.id)?;
    let Vectors { keys, faults, computed } = all(&dataset, &encoder, &mut cache, observer)?;
    let Some(columns) = keys.first().map(|(_, key)| cache.known()[key].len()) else {
        let what = format!("{data}: there is no picture that can be read");
        return Err(Error::request(what, "`striate inspect` names each fault"));
    };
    let values: Vec<f32> = keys.iter().flat_map(|(_, key)| cache.known()[key].iter().copied()).collect();
    let mut table = Array::new(vec![keys.len(), columns], values);
    if with == "pca" {
        let k = COMPONENTS.min(columns).min(keys.len().saturating_sub(1)).max(1);
        table = Pca::fit(&table, k)?.transform(&table)?;
    }
    let rows: Vec<Row> = keys.iter().map(|(i, _)| row(&dataset, *i)).collect();
    table::write(kind, &table, &rows, out, &names)?;
    Ok(EmbedReport {
        with: with.clone(),
        rows: keys.len(),
        columns: table.shape()[1],
        computed,
        reused: keys.len() - computed,
        faults,
        out: out.display().to_string(),
        names: names.display().to_string(),
    })
}

/// Which picture has which vector.
struct Vectors {
    keys: Vec<(usize, Key)>,
    faults: Vec<Fault>,
    computed: usize,
}

fn all(dataset: &Dataset, encoder: &Encoder, cache: &mut VectorCache, observer: Observer) -> Result<Vectors, Error> {
    let total = dataset.len();
    observer(Event::Stage(format!("making vectors of {total} pictures")));
    let mut vectors = Vectors { keys: Vec::with_capacity(total), faults: Vec::new(), computed: 0 };
    let before = cache.known().keys().copied().collect::<std::collections::HashSet<Key>>();
    let look = |i: usize| {
        let look = || {
            let key = dataset.digest(i)?;
            if before.contains(&key) {
                return Ok(Item::Known(key));
            }
            Ok(Item::Fresh(key, encoder.preprocess.apply(&dataset.picture(i)?.picture)))
        };
        look().unwrap_or_else(|e: striate_data::decode::PictureError| Item::Fault(e.to_string()))
    };
    let mut outcome = Ok(());
    in_batches(total, encoder.batch(), look, |first, batch| {
        outcome = take(first, batch, (dataset, encoder), cache, &mut vectors);
        let done = (vectors.keys.len() + vectors.faults.len()) as u64;
        observer(Event::pictures(done, total as u64));
        if outcome.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    outcome.map(|()| vectors)
}

fn take(
    first: usize,
    batch: Vec<Item>,
    (dataset, encoder): (&Dataset, &Encoder),
    cache: &mut VectorCache,
    vectors: &mut Vectors,
) -> Result<(), Error> {
    let (mut keys, mut fresh) = (Vec::new(), Vec::new());
    for (i, item) in (first..).zip(batch) {
        match item {
            Item::Known(key) => vectors.keys.push((i, key)),
            Item::Fresh(key, prepared) => {
                vectors.keys.push((i, key));
                keys.push(key);
                fresh.push(prepared);
            }
            Item::Fault(error) => vectors.faults.push(Fault { file: file_name(dataset, i), error }),
        }
    }
    if fresh.is_empty() {
        return Ok(());
    }
    vectors.computed += fresh.len();
    let rows = encoder.encode(&fresh)?;
    let columns = rows.len() / fresh.len();
    keys.into_iter().zip(rows.chunks_exact(columns)).try_for_each(|(key, row)| cache.push(key, row.to_vec()))
}

fn row(dataset: &Dataset, i: usize) -> Row<'_> {
    let label = dataset.examples[i].label.map(|label| dataset.classes[label as usize].as_str());
    Row { file: file_name(dataset, i), label }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_computes_nothing_and_a_new_picture_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let pictures = folder.path().join("pictures");
        std::fs::create_dir(&pictures).expect("a folder");
        let draw = |name: &str, level: u8| {
            let image = image::GrayImage::from_fn(40, 30, |x, y| image::Luma([level.wrapping_add((x * y) as u8)]));
            image.save(pictures.join(name)).expect("a picture");
        };
        (0..5).for_each(|i| draw(&format!("{i}.png"), 40 * i));
        let options = EmbedOptions {
            data: pictures.to_str().expect("Unicode").into(),
            with: "hog".into(),
            out: folder.path().join("x.npy"),
            overwrite: true,
        };
        let run = || embed(&options, &|_| {}).expect("embeds");
        let first = run();
        let bytes = std::fs::read(&options.out).expect("the table");
        assert_eq!((first.rows, first.columns, first.computed, first.reused), (5, 2916, 5, 0));
        let second = run();
        assert_eq!((second.computed, second.reused), (0, 5));
        assert_eq!(std::fs::read(&options.out).expect("the table"), bytes);
        draw("3.png", 7);
        std::fs::write(pictures.join("z.png"), b"\x89PNG\r\n\x1a\nno more").expect("a file");
        let third = run();
        assert_eq!((third.computed, third.reused, third.faults.len()), (1, 4, 1));
        let names = std::fs::read_to_string(options.out.with_extension("csv")).expect("the names");
        assert!(names.lines().count() == 6 && names.contains("4.png"), "{names}");
        let refused = |options: EmbedOptions| embed(&options, &|_| {}).expect_err("refused").to_string();
        assert!(refused(EmbedOptions { overwrite: false, ..options.clone() }).contains("--overwrite"));
        assert!(refused(EmbedOptions { with: "hogg".into(), ..options.clone() }).contains("efficientnet_lite0"));
        assert!(refused(EmbedOptions { out: "x.txt".into(), ..options.clone() }).contains(".npy"));
    }
}
