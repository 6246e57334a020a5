//! What augmentation does, as pictures: a row for each picture, unchanged first, then as training may see it.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, imageops};
use striate_data::augment::Augment;
use striate_data::dataset::Dataset;
use striate_data::preprocess::Preprocess;
use striate_kernels::rng::Key;
use striate_nn::registry;
use striate_nn::write_atomic;

use crate::error::Error;
use crate::event::Observer;
use crate::labels::check_free;
use crate::prepare::{PrepareOptions, Prepared, look};
use crate::thumb::to_rgb;
use crate::{input, recipes};

/// Rows of the sheet, and changed pictures in each.
const ROWS: usize = 6;
const DRAWS: usize = 7;
/// Small pictures are enlarged to about this side, in pixels.
const SIDE: u32 = 96;
/// Between the pictures, in pixels.
const GAP: u32 = 4;

/// Which pictures to show, and what to do to them.
#[derive(Clone, Copy)]
pub struct SheetSpec<'a> {
    /// Where they are.
    pub dataset: &'a Dataset,
    /// A row each.
    pub pictures: &'a [usize],
    /// Picture to input.
    pub preprocess: &'a Preprocess,
    /// What is drawn.
    pub augment: &'a Augment,
    /// Changed pictures in a row.
    pub draws: usize,
    /// Decides what is drawn.
    pub seed: u64,
}

/// Rows of pictures as the net would see them, but for normalisation. Pictures that cannot be read have no row.
pub fn rows(spec: &SheetSpec) -> Vec<Vec<RgbImage>> {
    let [height, width] = spec.preprocess.size;
    let shape = [spec.preprocess.channels(), height, width];
    let row = |&i: &usize| {
        let unit = spec.preprocess.to_unit(&spec.dataset.picture(i).ok()?.picture);
        let draw = |n: u64| {
            let mut unit = unit.clone();
            spec.augment.apply(&mut unit, shape, Key::new(spec.seed).with_name("augment").with(n).with(i as u64));
            to_rgb(&unit, spec.preprocess.size)
        };
        Some(std::iter::once(to_rgb(&unit, spec.preprocess.size)).chain((0..spec.draws as u64).map(draw)).collect())
    };
    spec.pictures.iter().filter_map(row).collect()
}

/// # Panics
/// Never: writing to memory does not fail.
fn png(picture: RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut bytes, ImageFormat::Png).expect("a PNG can be written to memory");
    bytes.into_inner()
}

/// All rows on one white picture, small ones enlarged by a whole number.
fn join(rows: &[Vec<RgbImage>]) -> RgbImage {
    let Some(first) = rows.first().and_then(|row| row.first()) else { return RgbImage::new(1, 1) };
    let scale = (SIDE / first.width().max(first.height())).max(1);
    let (width, height) = (first.width() * scale, first.height() * scale);
    let columns = rows.iter().map(Vec::len).max().unwrap_or(1) as u32;
    let size = |n: u32, side: u32| n * side + (n + 1) * GAP;
    let mut sheet = RgbImage::from_pixel(size(columns, width), size(rows.len() as u32, height), Rgb([255; 3]));
    for (y, row) in rows.iter().enumerate() {
        for (x, picture) in row.iter().enumerate() {
            let large = imageops::resize(picture, width, height, imageops::FilterType::Nearest);
            let place = |n: usize, side: u32| i64::from(GAP + n as u32 * (side + GAP));
            imageops::replace(&mut sheet, &large, place(x, width), place(y, height));
        }
    }
    sheet
}

/// What to draw a sheet of, and where to put it.
#[derive(Clone, Debug)]
pub struct SheetOptions {
    /// Data.
    pub data: String,
    /// The recipe whose augmentation is shown: a built-in name or the path of a TOML file.
    pub recipe: Option<String>,
    /// The PNG.
    pub out: PathBuf,
    /// Whether to replace `out`.
    pub overwrite: bool,
    /// Decides what is drawn; the recipe's where not given.
    pub seed: Option<u64>,
}

/// What was drawn.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SheetReport {
    /// The PNG.
    pub sheet: String,
    /// The recipe.
    pub recipe: String,
    /// Its augmentation in words.
    pub augment: String,
    /// Names of the pictures, a row each.
    pub pictures: Vec<String>,
}

/// Draws what a recipe's augmentation does to some pictures of the data, and writes it as a PNG.
pub fn augment_sheet(options: &SheetOptions, observer: Observer) -> Result<SheetReport, Error> {
    check_free(&options.out, options.overwrite)?;
    let name = options.recipe.as_deref().unwrap_or(recipes::DEFAULT);
    let recipe = recipes::load(name)?;
    let prepare = PrepareOptions { data: options.data.clone(), group_by: None, strict: false };
    let data = look(&prepare, observer)?;
    let largest = registry::find(&recipe.model.name).map_or(SIDE as usize, |entry| entry.image_size);
    let preprocess = input::of_recipe(&recipe.input, &data, largest);
    let pictures = some_of_each_class(&data, ROWS);
    let spec = SheetSpec {
        dataset: &data.dataset,
        pictures: &pictures,
        preprocess: &preprocess,
        augment: &recipe.augment,
        draws: DRAWS,
        seed: options.seed.unwrap_or(recipe.train.seed),
    };
    let rows = rows(&spec);
    if rows.is_empty() {
        let what = format!("{}: no picture can be read", options.data);
        return Err(Error::request(what, format!("`striate inspect {}` says what is wrong with each", options.data)));
    }
    write_sheet(&options.out, &rows)?;
    Ok(SheetReport {
        sheet: options.out.display().to_string(),
        recipe: name.to_string(),
        augment: recipe.augment.to_string(),
        pictures: pictures.iter().map(|&i| data.dataset.name(i)).collect(),
    })
}

fn write_sheet(out: &Path, rows: &[Vec<RgbImage>]) -> Result<(), Error> {
    write_atomic(out, &png(join(rows))).map_err(Error::writing(out))
}

/// Readable pictures, `n` at most, taken in turn from each class.
fn some_of_each_class(data: &Prepared, n: usize) -> Vec<usize> {
    let faulty: Vec<usize> = data.scan.faults.iter().map(|fault| fault.index).collect();
    let mut classes: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
    for (i, example) in data.dataset.examples.iter().enumerate() {
        let of_class = classes.entry(example.label).or_default();
        if of_class.len() < n && faulty.binary_search(&i).is_err() {
            of_class.push(i);
        }
    }
    let turns = (0..n).flat_map(|turn| classes.values().filter_map(move |of_class| of_class.get(turn).copied()));
    turns.take(n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_its_rows_and_columns() {
        let cell = RgbImage::from_pixel(8, 8, Rgb([9, 9, 9]));
        let sheet = join(&[vec![cell.clone(), cell.clone(), cell.clone()], vec![cell]]);
        assert_eq!(sheet.dimensions(), (3 * 96 + 4 * 4, 2 * 96 + 3 * 4));
        assert_eq!((sheet.get_pixel(4, 4).0, sheet.get_pixel(0, 0).0), ([9; 3], [255; 3]));
    }
}
