//! How time and memory grow: the same training with ever larger batches, pictures, nets and data sets.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use striate_nn::write_atomic;
use striate_train::recipe::Rule;

use super::formula::formula;
use super::measure::median;
use super::memory::peak_mib;
use super::{scale_chart, training};
use crate::error::Error;
use crate::labels::check_free;
use crate::train::{TrainOptions, train};

/// What [`write`] writes.
const FILES: [&str; 2] = ["scale.csv", "scale.svg"];

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// Pictures of a training step.
    Batch,
    /// Side of the pictures, in pixels.
    Side,
    /// Layers of the net.
    Depth,
    /// Pictures of the data set, from reading them to the saved model.
    Data,
}

/// One measurement: `batch=64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// What grows.
    pub axis: Axis,
    /// How far.
    pub value: usize,
}

/// What one measurement gave: a row of the CSV.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScaleRow {
    /// What grows.
    pub axis: Axis,
    /// How far.
    pub value: usize,
    /// Pictures that were learned from in `seconds`.
    pub pictures: usize,
    /// Median time of a training step; of a whole training of one epoch where the data grows.
    pub seconds: f64,
    /// Most memory the process held, where the system tells.
    pub peak_mib: Option<u64>,
}

impl Axis {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Batch, Self::Side, Self::Depth, Self::Data];

    fn values(self) -> &'static [usize] {
        match self {
            Self::Batch => &[1, 2, 4, 8, 16, 32, 64, 128],
            Self::Side => &[16, 32, 64, 128, 256],
            Self::Depth => &[20, 32, 44, 56, 110],
            Self::Data => &[1000, 2000, 4000, 8000, 16000],
        }
    }

    /// The measurements along it, rising.
    pub fn points(self) -> Vec<Point> {
        self.values().iter().map(|&value| Point { axis: self, value }).collect()
    }

    /// What was measured, as a heading.
    pub fn about(self) -> &'static str {
        match self {
            Self::Batch => "a step of ResNet-20, pictures of 32x32, by batch",
            Self::Side => "a step of ResNet-20, batch 8, by side of the pictures in pixels",
            Self::Depth => "a step of ResNet-n, batch 16, pictures of 32x32, by n layers",
            Self::Data => "LeNet-5 from data to model, one epoch, by number of 28x28 pictures",
        }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Batch => "batch",
            Self::Side => "side",
            Self::Depth => "depth",
            Self::Data => "data",
        })
    }
}

impl FromStr for Axis {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|axis| axis.to_string() == name);
        known.ok_or_else(|| {
            Error::request(format!("{name:?} cannot be scaled"), "there are batch, side, depth and data")
        })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.axis, self.value)
    }
}

impl FromStr for Point {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::request(format!("{text:?} is no point"), "give one such as batch=64");
        let (axis, value) = text.split_once('=').ok_or_else(wrong)?;
        Ok(Self { axis: axis.parse()?, value: value.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)? })
    }
}

/// Measures one point. The peak of memory is that of the process, so each point wants a process of its own. `scratch` is a
/// folder that may be written to.
pub fn measure(point: Point, scratch: &Path) -> Result<ScaleRow, Error> {
    let Point { axis, value } = point;
    let (pictures, seconds) = match axis {
        Axis::Batch => (value, step("resnet20", [value, 3, 32, 32])?),
        Axis::Side => (8, step("resnet20", [8, 3, value, value])?),
        Axis::Depth => (16, step(&format!("resnet{value}"), [16, 3, 32, 32])?),
        Axis::Data => (value, whole_training(value, scratch)?),
    };
    Ok(ScaleRow { axis, value, pictures, seconds, peak_mib: peak_mib() })
}

/// Median time of a step; three at least, and for half a second.
fn step(net: &str, shape: [usize; 4]) -> Result<f64, Error> {
    let mut task = training::classifier(net, shape, Rule::Sgd)?;
    task.run(); // takes memory
    let (begun, mut times) = (Instant::now(), Vec::new());
    while times.len() < 3 || begun.elapsed() < Duration::from_millis(500) {
        let start = Instant::now();
        task.run();
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(median(&times))
}

/// The task `train` on so many pictures of noise in IDX files.
fn whole_training(pictures: usize, scratch: &Path) -> Result<f64, Error> {
    let data = scratch.join("data");
    fs::create_dir_all(&data).map_err(Error::writing(&data))?;
    let byte = |value: f32| ((value + 0.5) * 256.0) as u8;
    // Picture by picture: what is held at once here must not be the peak that is measured.
    let pixels = (0..pictures as u32).flat_map(|i| formula(28 * 28, i).into_iter().map(byte)).collect();
    let labels = (0..pictures).map(|i| (i % 10) as u8).collect();
    let sizes = [pictures as u32, 28, 28];
    for (name, sizes, values) in
        [("train-images-idx3-ubyte", &sizes[..], pixels), ("train-labels-idx1-ubyte", &sizes[..1], labels)]
    {
        let path = data.join(name);
        fs::write(&path, idx(sizes, values)).map_err(Error::writing(&path))?;
    }
    let options = TrainOptions {
        data: data.to_string_lossy().into_owned(),
        model: Some("lenet5".to_owned()),
        recipe: None,
        rung: None,
        epochs: Some(1),
        lr: None,
        batch: None,
        image_size: None,
        seed: None,
        out: Some(scratch.join("run")),
        budget: Duration::from_secs(120),
        group_by: None,
        strict: false,
        allow_leaks: false,
        overwrite: true,
        checkpoint_every: Duration::from_secs(30),
        command: String::new(),
    };
    let start = Instant::now();
    train(&options, &|_| {})?;
    Ok(start.elapsed().as_secs_f64())
}

/// A file of MNIST's format.
fn idx(sizes: &[u32], values: Vec<u8>) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// Makes the folder `out`; an error where it holds such files already and they may not be replaced.
pub fn make_out(out: &Path, overwrite: bool) -> Result<(), Error> {
    fs::create_dir_all(out).map_err(Error::writing(out))?;
    FILES.iter().try_for_each(|name| check_free(&out.join(name), overwrite))
}

/// Writes `scale.csv` and `scale.svg` into the folder `out`; gives their paths.
pub fn write(out: &Path, rows: &[ScaleRow]) -> Result<Vec<PathBuf>, Error> {
    let paths = FILES.map(|name| out.join(name)).to_vec();
    for (path, text) in paths.iter().zip([csv(rows), scale_chart::svg(rows)]) {
        write_atomic(path, text.as_bytes()).map_err(Error::writing(path))?;
    }
    Ok(paths)
}

/// The rows as a table for a spreadsheet.
fn csv(rows: &[ScaleRow]) -> String {
    let mut text = "axis,value,pictures,seconds,seconds_per_picture,peak_mib\n".to_owned();
    for ScaleRow { axis, value, pictures, seconds, peak_mib } in rows {
        let peak = peak_mib.map_or(String::new(), |mib| mib.to_string());
        text += &format!("{axis},{value},{pictures},{seconds:.6},{:.6},{peak}\n", seconds / *pictures as f64);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_read_back() {
        for point in Axis::ALL.into_iter().flat_map(Axis::points) {
            assert_eq!(point.to_string().parse::<Point>().expect("its own name"), point);
        }
        for wrong in ["batch", "batch=0", "batch=x", "width=3"] {
            assert!(wrong.parse::<Point>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_small_data_set_is_trained_on_and_told_as_csv() {
        let scratch = std::env::temp_dir().join(format!("striate-scale-{}", std::process::id()));
        let row = measure(Point { axis: Axis::Data, value: 40 }, &scratch).expect("trains");
        fs::remove_dir_all(&scratch).expect("the folder goes");
        assert!(row.seconds > 0.0 && row.pictures == 40, "{row:?}");
        let row = ScaleRow { axis: Axis::Depth, value: 20, pictures: 16, seconds: 0.8, peak_mib: Some(90) };
        assert!(csv(&[row]).ends_with("\ndepth,20,16,0.800000,0.050000,90\n"));
    }
}
