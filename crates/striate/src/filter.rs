//! Convolves a picture, or an array of one to three axes, with a named or given kernel.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{GrayImage, ImageFormat, RgbImage};
use striate_data::decode::{self, Limits};
use striate_data::picture::Pixels;
use striate_nn::write_atomic;
use striate_vision::array::Array;
pub use striate_vision::boundary::Boundary;
pub use striate_vision::convolve::Mode;
use striate_vision::convolve::{ConvolveOptions, convolve};
use striate_vision::kernel::Kernel;
pub use striate_vision::kernel_text::NAMES;
use striate_vision::{kernel_text, npy};

use crate::error::Error;
use crate::labels::check_free;
use crate::report::FilterReport;

/// Bytes of a `.npy` file at most.
const MAX_BYTES: u64 = 4 << 30;

/// What to filter, how, and where the answer goes.
#[derive(Clone, Debug)]
pub struct FilterOptions {
    /// A picture, or an array as `.npy`.
    pub input: PathBuf,
    /// A name with numbers (`gaussian:2`), weights (`0 1 2; 2 2 0; 0 1 2`), or a `.npy` file.
    pub kernel: String,
    /// Which positions of the kernel give an output.
    pub mode: Mode,
    /// What stands outside of the input.
    pub boundary: Boundary,
    /// Whether to mirror the kernel: convolution in the mathematician's sense.
    pub flip: bool,
    /// `.npy` for the numbers, `.png` for a drawing of them.
    pub out: PathBuf,
    /// Whether to replace `out`.
    pub overwrite: bool,
}

/// What is filtered, and the value of white if it is a picture of whole numbers.
struct Input {
    array: Array,
    is_picture: bool,
    white: Option<f32>,
    notes: Vec<String>,
}

/// Filters one picture or array. A picture's values are taken as they are stored: `0..=255` or `0..=65535`.
pub fn filter(options: &FilterOptions) -> Result<FilterReport, Error> {
    let draws = match extension(&options.out).as_str() {
        "png" => true,
        "npy" => false,
        _ => {
            let what = format!("{} is neither .png nor .npy", options.out.display());
            return Err(Error::request(what, "name the answer .png for a drawing or .npy for the numbers"));
        }
    };
    check_free(&options.out, options.overwrite)?;
    let kernel = if extension(Path::new(&options.kernel)) == "npy" {
        Kernel::from_array(read_npy(Path::new(&options.kernel))?)?
    } else {
        kernel_text::parse(&options.kernel)?
    };
    let input = read(&options.input)?;
    if input.is_picture && kernel.shape().len() > 2 {
        let what = format!("a kernel of {} axes on {}, a picture", kernel.shape().len(), options.input.display());
        return Err(Error::request(what, "give a kernel of rows, or a volume as .npy"));
    }
    // A list of weights goes along the rows.
    let kernel = if kernel.shape().len() == 1 && input.array.shape().len() > 1 { kernel.raised_to(2)? } else { kernel };
    let how = ConvolveOptions { mode: options.mode, boundary: options.boundary, flip: options.flip };
    let y = convolve(&input.array, &kernel, how)?;
    let finite = || y.values().iter().copied().filter(|v| v.is_finite());
    let least = finite().reduce(f32::min).unwrap_or(0.0);
    let greatest = finite().reduce(f32::max).unwrap_or(0.0);
    let drawn = draws.then(|| black_and_white(least, greatest, input.white));
    let bytes = match drawn {
        Some(ends) => draw(&y, ends)?,
        None => npy::to_npy_bytes(&y),
    };
    write_atomic(&options.out, &bytes).map_err(Error::writing(&options.out))?;
    Ok(FilterReport {
        file: options.input.display().to_string(),
        out: options.out.display().to_string(),
        kernel: kernel.shape().to_vec(),
        separable: kernel.factors().is_some(),
        shape: y.shape().to_vec(),
        least,
        greatest,
        drawn,
        notes: input.notes,
    })
}

fn extension(path: &Path) -> String {
    path.extension().map(|end| end.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn read(path: &Path) -> Result<Input, Error> {
    if extension(path) == "npy" {
        return Ok(Input { array: read_npy(path)?, is_picture: false, white: None, notes: Vec::new() });
    }
    let decoded = decode::read(path, &Limits::default())
        .map_err(|why| Error::File { path: path.to_path_buf(), why: why.to_string() })?;
    let picture = decoded.picture;
    let mut shape = vec![picture.height, picture.width];
    if picture.channels > 1 {
        shape.push(picture.channels);
    }
    let (values, white) = match picture.pixels {
        Pixels::U8(values) => (values.into_iter().map(f32::from).collect(), Some(255.0)),
        Pixels::U16(values) => (values.into_iter().map(f32::from).collect(), Some(65535.0)),
        Pixels::F32(values) => (values, None),
    };
    let notes = decoded.notes.iter().map(ToString::to_string).collect();
    Ok(Input { array: Array::new(shape, values), is_picture: true, white, notes })
}

pub(crate) fn read_npy(path: &Path) -> Result<Array, Error> {
    let file = |why: String| Error::File { path: path.to_path_buf(), why };
    let meta = std::fs::metadata(path).map_err(Error::reading(path))?;
    if !meta.is_file() {
        return Err(file("it is no regular file; give a .npy file".into()));
    }
    if meta.len() > MAX_BYTES {
        return Err(file(format!("it has {} bytes, more than {MAX_BYTES}; give a smaller array", meta.len())));
    }
    let bytes = std::fs::read(path).map_err(Error::reading(path))?;
    npy::from_npy_bytes(&bytes, npy::Limits::default()).map_err(|why| file(why.to_string()))
}

/// The values drawn black and white: 0 is mid-gray where there is anything below it, else black, and white is the
/// picture's own if that is enough.
fn black_and_white(least: f32, greatest: f32, white: Option<f32>) -> [f32; 2] {
    let largest = least.abs().max(greatest.abs()).max(f32::MIN_POSITIVE);
    // What rounding leaves above white is white.
    match white.filter(|white| greatest <= white * 1.0001) {
        _ if least < 0.0 => [-largest, largest],
        Some(white) => [0.0, white],
        None => [0.0, largest],
    }
}

fn draw(y: &Array, [black, white]: [f32; 2]) -> Result<Vec<u8>, Error> {
    let (h, w, c) = match *y.shape() {
        [w] => (1, w, 1),
        [h, w] | [h, w, 1] => (h, w, 1),
        [h, w, 3] => (h, w, 3),
        _ => {
            let what = format!("the answer has the shape {:?}, which is no picture's", y.shape());
            return Err(Error::request(what, "write it as .npy"));
        }
    };
    let (black, range) = (f64::from(black), f64::from(white) - f64::from(black));
    let level = |&v: &f32| ((f64::from(v) - black) / range * 255.0).round().clamp(0.0, 255.0) as u8;
    let levels: Vec<u8> = y.values().iter().map(level).collect();
    let (wide, high) = (u32::try_from(w).unwrap_or(u32::MAX), u32::try_from(h).unwrap_or(u32::MAX));
    let mut png = Cursor::new(Vec::new());
    let written = if c == 3 {
        RgbImage::from_raw(wide, high, levels).map(|image| image.write_to(&mut png, ImageFormat::Png))
    } else {
        GrayImage::from_raw(wide, high, levels).map(|image| image.write_to(&mut png, ImageFormat::Png))
    };
    match written {
        Some(Ok(())) => Ok(png.into_inner()),
        _ => Err(Error::request(format!("an answer of {h} x {w} pixels cannot be drawn"), "write it as .npy")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(folder: &Path, kernel: &str, out: &str) -> FilterOptions {
        FilterOptions {
            input: folder.join("in.npy"),
            kernel: kernel.into(),
            mode: Mode::Same,
            boundary: Boundary::Reflect,
            flip: false,
            out: folder.join(out),
            overwrite: false,
        }
    }

    #[test]
    fn an_array_becomes_an_array_or_a_drawing_around_gray() {
        let folder = tempfile::tempdir().expect("a folder");
        let x = Array::new(vec![1, 4], vec![0.0, 0.0, 8.0, 8.0]);
        std::fs::write(folder.path().join("in.npy"), npy::to_npy_bytes(&x)).expect("writes");
        let report = filter(&options(folder.path(), "1 -1", "y.npy")).expect("filters");
        assert_eq!((report.shape, report.kernel, report.least, report.drawn), (vec![1, 4], vec![1, 2], -8.0, None));
        let y = read_npy(&folder.path().join("y.npy")).expect("an array");
        assert_eq!(y.values(), [0.0, 0.0, -8.0, 0.0]);
        let report = filter(&options(folder.path(), "1 -1", "y.png")).expect("filters");
        assert_eq!(report.drawn, Some([-8.0, 8.0]));
        let drawn = read(&folder.path().join("y.png")).expect("a picture");
        let mut volume = options(folder.path(), "1|1", "v.npy");
        volume.input = folder.path().join("y.png");
        assert!(filter(&volume).expect_err("a picture").to_string().contains("a volume as .npy"));
        assert_eq!(drawn.array, Array::new(vec![1, 4], vec![128.0, 128.0, 0.0, 128.0]));
        let error = |o: &FilterOptions| filter(o).expect_err("refused").to_string();
        assert!(error(&options(folder.path(), "1 -1", "y.png")).contains("--overwrite"));
        assert!(error(&options(folder.path(), "1 -1", "y.jpg")).contains("neither .png nor .npy"));
        assert!(error(&options(folder.path(), "gauss:1", "z.npy")).contains("gaussian:SIGMA"));
        assert!(error(&options(folder.path(), "no.npy", "z.npy")).contains("check its name"));
    }

    #[test]
    fn what_black_and_white_stand_for() {
        assert_eq!(black_and_white(0.0, 200.0, Some(255.0)), [0.0, 255.0]);
        assert_eq!(black_and_white(0.0, 900.0, Some(255.0)), [0.0, 900.0]);
        assert_eq!(black_and_white(-3.0, 2.0, Some(255.0)), [-3.0, 3.0]);
        assert!(black_and_white(0.0, 0.0, None)[1] > 0.0);
    }
}
