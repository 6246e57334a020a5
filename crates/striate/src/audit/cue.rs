//! What could tell the classes apart without the subject: properties of files and of whole pictures, as a few numbers.

use std::collections::BTreeSet;

use striate_data::scan::FileFact;

use crate::prepare::Prepared;

const DAY: f64 = 86_400.0;
/// Stands for a date that is not there, before all others.
const NO_DATE: f64 = -1e9;

/// A property of each of some pictures.
pub(super) struct Cue {
    /// Its name in answers.
    pub name: &'static str,
    /// Its numbers, or why there are none.
    pub values: Result<Values, &'static str>,
    /// Whether it follows from what the subject looks like as well, so that it need be no shortcut.
    pub may_be_signal: bool,
    /// What it may mean where it tells classes apart.
    pub meaning: &'static str,
}

/// The property itself.
pub(super) enum Values {
    /// Numbers, row-major `[N, D]`, and D.
    Numbers(Vec<f64>, usize),
    /// Numbers of names, `[N]`; the same name has the same number.
    Names(Vec<u32>),
}

/// All cues of `pictures`.
pub(super) fn cues(prepared: &Prepared, pictures: &[usize]) -> Vec<Cue> {
    let facts = || pictures.iter().map(|&i| &prepared.scan.facts[i]);
    let files: Option<Vec<&FileFact>> = facts().map(|fact| fact.origin.as_ref()).collect();
    const NO_FILES: &str = "the pictures are not files of their own, so they have none";
    let of_files = |values: fn(&[&FileFact]) -> Result<Values, &'static str>| match &files {
        Some(files) => values(files),
        None => Err(NO_FILES),
    };
    let size = facts().flat_map(|fact| {
        let (h, w) = (f64::from(fact.height), f64::from(fact.width));
        [w, h, w * h, w / h.max(1.0)]
    });
    let colour = facts().flat_map(|fact| fact.appearance.mean.map(f64::from));
    let border = facts().flat_map(|fact| {
        let look = &fact.appearance;
        [look.frame[0], look.frame[1], look.frame[2], look.frame[3], look.frame_luma].map(f64::from)
    });
    let cue = |name, may_be_signal, meaning, values| Cue { name, values, may_be_signal, meaning };
    vec![
        cue(
            "file size",
            true,
            "it follows the detail of a picture, which may be real signal, or how its file was made, which could be a shortcut",
            of_files(|files| varied(files.iter().map(|file| file.bytes as f64).collect(), 1)),
        ),
        cue(
            "picture size",
            false,
            "it could be a shortcut: pictures of this class may come from another source",
            varied(size.collect(), 4),
        ),
        cue(
            "mean colour",
            true,
            "it may be real signal, the subject's own colour, or a shortcut, its surroundings",
            varied(colour.collect(), 3),
        ),
        cue("border", false, "a frame could be a shortcut: crop it away and train again", varied(border.collect(), 5)),
        cue("camera", false, "it could be a shortcut: photograph all classes with each camera", of_files(cameras)),
        cue(
            "file date",
            false,
            "it could be a shortcut: the classes may have been photographed in different circumstances",
            of_files(dates),
        ),
    ]
}

fn varied(values: Vec<f64>, columns: usize) -> Result<Values, &'static str> {
    let first = &values[..columns.min(values.len())];
    let same = values.chunks_exact(columns).all(|row| row == first);
    if same {
        Err("it is the same for every picture, so it tells nothing")
    } else {
        Ok(Values::Numbers(values, columns))
    }
}

fn cameras(files: &[&FileFact]) -> Result<Values, &'static str> {
    let names: BTreeSet<Option<&str>> = files.iter().map(|file| file.camera.as_deref()).collect();
    let number = |file: &&FileFact| names.iter().position(|name| *name == file.camera.as_deref()).unwrap_or(0) as u32;
    match names.len() {
        0 | 1 if files.iter().all(|file| file.camera.is_none()) => Err("no file names its camera (EXIF)"),
        0 | 1 => Err("it is the same for every picture, so it tells nothing"),
        _ => Ok(Values::Names(files.iter().map(number).collect())),
    }
}

/// The day a picture was taken where most files tell, else the day its file was written. Days, not seconds: copying or
/// unpacking writes files in the order of their folders within minutes.
fn dates(files: &[&FileFact]) -> Result<Values, &'static str> {
    let taken = files.iter().filter(|file| file.taken.is_some()).count();
    let date = |file: &&FileFact| if 2 * taken >= files.len() { file.taken } else { file.modified };
    let days: Vec<f64> = files.iter().map(|file| date(file).map_or(NO_DATE, |s| (s as f64 / DAY).floor())).collect();
    let known = || days.iter().copied().filter(|&day| day > NO_DATE);
    let (first, last) = known().fold((f64::MAX, f64::MIN), |(first, last), day| (first.min(day), last.max(day)));
    if last - first < 2.0 {
        return Err(
            "the files do not tell when the pictures were taken (EXIF), and all were written within two days, as copying does",
        );
    }
    varied(days, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(modified: i64, taken: Option<i64>, camera: Option<&str>) -> FileFact {
        FileFact { bytes: 1, modified: Some(modified), taken, camera: camera.map(Into::into) }
    }

    #[test]
    fn dates_of_a_copy_are_no_dates() {
        let copied: Vec<FileFact> = (0..9).map(|i| file(1_000_000 + 100 * i, None, None)).collect();
        assert!(dates(&copied.iter().collect::<Vec<_>>()).is_err_and(|why| why.contains("copying")));
        let years: Vec<FileFact> = (0..9).map(|i| file(40_000_000 * i, None, None)).collect();
        assert!(dates(&years.iter().collect::<Vec<_>>()).is_ok());
        let taken: Vec<FileFact> = (0..9).map(|i| file(1_000_000, (i != 4).then_some(86_400 * 30 * i), None)).collect();
        let Ok(Values::Numbers(days, 1)) = dates(&taken.iter().collect::<Vec<_>>()) else { panic!("dates") };
        assert_eq!((days[1], days[4]), (30.0, NO_DATE));
    }

    #[test]
    fn one_camera_or_none_tells_nothing() {
        let of = |names: &[Option<&str>]| {
            let files: Vec<FileFact> = names.iter().map(|name| file(0, None, *name)).collect();
            match cameras(&files.iter().collect::<Vec<_>>()) {
                Ok(Values::Names(codes)) => Ok(codes),
                Ok(Values::Numbers(..)) => panic!("names"),
                Err(why) => Err(why),
            }
        };
        assert!(of(&[None, None]).is_err_and(|why| why.contains("no file names")));
        assert!(of(&[Some("a"), Some("a")]).is_err_and(|why| why.contains("same")));
        assert_eq!(of(&[Some("b"), None, Some("a"), Some("b")]), Ok(vec![2, 0, 1, 2]));
    }
}
