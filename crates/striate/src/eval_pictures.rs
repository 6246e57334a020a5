//! Scores a restorer or an autoencoder: how near what it gives is to the picture wanted, beside simple ways to the same end.

mod baselines;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use striate_kernels::rng::Key;
use striate_train::metrics::psnr::{chroma, luma, psnr, psnr_rounded};
use striate_train::metrics::ssim::{ms_ssim, ssim};
use striate_vision::array::Array;
use striate_vision::npy::to_npy_bytes;

use crate::coder::CoderModel;
use crate::coder_score::{came, prepared as ready};
use crate::components_beside::components_beside;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::model_file::{Weights, model_path, weights};
use crate::prepare::{PrepareOptions, Prepared, look_at, open};
use crate::restore_score::trial;
use crate::restorer::RestorerModel;
use baselines::Baselines;

/// What to score, and on what.
#[derive(Clone, Debug)]
pub struct EvalPicturesOptions {
    /// A model file or run folder.
    pub model: PathBuf,
    /// Pictures; labels are not looked at.
    pub data: String,
    /// `train`, `valid`, `test` or `all`; where not given, the test split if there is one, else all.
    pub split: Option<String>,
    /// Whether a damaged picture is an error.
    pub strict: bool,
    /// Draws what pictures suffer, and the bootstrap.
    pub seed: u64,
    /// A folder for what was compared, as `.npy`.
    pub save: Option<PathBuf>,
}

/// Figures of one way, means over pictures; all on values in `[0, 1]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Nearness {
    /// Peak signal-to-noise ratio over all values, cut off but not rounded, in dB.
    pub psnr: f64,
    /// The same after rounding to 8 bits.
    pub psnr_rounded: f64,
    /// The same of the luma (Rec. 601), of coloured pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psnr_luma: Option<f64>,
    /// The same of both chroma planes together, of coloured pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psnr_chroma: Option<f64>,
    /// Structural similarity, Gaussian window of 11 taps and deviation 1.5, over the pictures that are large enough.
    pub ssim: Option<f64>,
    /// Multi-scale structural similarity: five scales, or as many as fit with their weights scaled to the sum 1.
    pub ms_ssim: Option<f64>,
}

/// The answer of `eval` for nets that give pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PictureEvaluation {
    /// `psnr`.
    pub metric: &'static str,
    /// Its mean, in dB: over pictures, or over all crops of an autoencoder of crops.
    pub value: f64,
    /// 95 % interval of `value`: percentile bootstrap over groups of pictures.
    pub ci95: [f64; 2],
    /// Pictures, or crops, scored.
    pub n: usize,
    /// The given split that was scored, or `all`.
    pub split: &'static str,
    /// All figures of the net.
    #[serde(flatten)]
    pub figures: Nearness,
    /// Simple ways to the same end, on the same pictures.
    pub baselines: BTreeMap<String, Nearness>,
    /// What the ratios are of, in words.
    pub conventions: String,
    /// Damaged pictures left out.
    pub skipped: usize,
}

/// A way's answer for one picture, held against the picture wanted.
pub(crate) fn nearness(answer: &[f32], wanted: &[f32], shape: [usize; 3]) -> Nearness {
    let [c, h, w] = shape;
    let cut: Vec<f32> = answer.iter().map(|v| v.clamp(0.0, 1.0)).collect();
    let plane = h * w;
    let coloured = c == 3;
    Nearness {
        psnr: psnr(&cut, wanted),
        psnr_rounded: psnr_rounded(&cut, wanted),
        psnr_luma: coloured.then(|| psnr(&luma(&cut, plane), &luma(wanted, plane))),
        psnr_chroma: coloured.then(|| psnr(&chroma(&cut, plane).concat(), &chroma(wanted, plane).concat())),
        ssim: ssim(&cut, wanted, shape),
        ms_ssim: ms_ssim(&cut, wanted, shape),
    }
}

/// Means over pictures.
pub(crate) fn mean(all: &[Nearness]) -> Nearness {
    let over = |f: &dyn Fn(&Nearness) -> Option<f64>| {
        let values: Vec<f64> = all.iter().filter_map(f).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    Nearness {
        psnr: over(&|n| Some(n.psnr)).unwrap_or(0.0),
        psnr_rounded: over(&|n| Some(n.psnr_rounded)).unwrap_or(0.0),
        psnr_luma: over(&|n| n.psnr_luma),
        psnr_chroma: over(&|n| n.psnr_chroma),
        ssim: over(&|n| n.ssim),
        ms_ssim: over(&|n| n.ms_ssim),
    }
}

/// Whether the model at `path` gives pictures, and not labels.
pub fn gives_pictures(path: &Path) -> Result<bool, Error> {
    Ok(matches!(weights(path)?, Weights::Coder(..) | Weights::Restorer(..)))
}

/// Scores the model.
pub fn eval_pictures(options: &EvalPicturesOptions, observer: Observer) -> Result<PictureEvaluation, Error> {
    let weights = weights(&options.model)?;
    let data = PrepareOptions { data: options.data.clone(), group_by: None, strict: options.strict };
    let prepared = look_at(open(&data)?, options.strict, observer)?;
    prepared.warnings.iter().for_each(|warning| observer(Event::Warning(warning.clone())));
    let (split, indices) = chosen(&prepared, options)?;
    let mut scores = Scores { options, groups: Vec::new(), net: Vec::new(), baselines: Baselines::default() };
    let conventions = match weights {
        Weights::Restorer(manifest, tensors) => {
            let model = RestorerModel::new(&options.model, *manifest, &tensors)?;
            scores.of_restorer(&model, &prepared, &indices, observer)?
        }
        Weights::Coder(manifest, tensors) => {
            let model = CoderModel::new(&options.model, *manifest, &tensors)?;
            scores.of_coder(&model, &prepared, &indices, observer)?
        }
        Weights::Own(..) | Weights::Foreign(_) => {
            let why = "this model gives no pictures".into();
            return Err(Error::NotAModel {
                path: model_path(&options.model),
                why,
                advice: "score a classifier on labels",
            });
        }
    };
    let figures = mean(&scores.net);
    Ok(PictureEvaluation {
        metric: "psnr",
        value: figures.psnr,
        ci95: scores.ci95(),
        n: scores.net.len(),
        split,
        figures,
        baselines: scores.baselines.means(),
        conventions,
        skipped: prepared.scan.faults.len(),
    })
}

/// The split's name and its readable pictures, labelled or not.
fn chosen(prepared: &Prepared, options: &EvalPicturesOptions) -> Result<(&'static str, Vec<usize>), Error> {
    use striate_data::dataset::Split;
    let of = |split| prepared.readable(split);
    let (name, indices) = match options.split.as_deref() {
        Some("train") => ("train", of(Some(Split::Train))),
        Some("valid" | "val") => ("valid", of(Some(Split::Valid))),
        Some("test") => ("test", of(Some(Split::Test))),
        None if !of(Some(Split::Test)).is_empty() => ("test", of(Some(Split::Test))),
        _ => ("all", of(None)),
    };
    if indices.is_empty() {
        let what = format!("{}: no picture of the split {name} can be read", options.data);
        return Err(Error::request(what, "give other pictures, or another --split"));
    }
    Ok((name, indices))
}

struct Scores<'a> {
    options: &'a EvalPicturesOptions,
    /// Group of each picture or crop scored.
    groups: Vec<u32>,
    net: Vec<Nearness>,
    baselines: Baselines,
}

impl Scores<'_> {
    fn of_restorer(
        &mut self,
        model: &RestorerModel,
        prepared: &Prepared,
        indices: &[usize],
        observer: Observer,
    ) -> Result<String, Error> {
        let damage = &model.manifest.damage;
        if !damage.is_known() {
            let what = "this net learned from noisy pictures alone, and nothing says what they were without the noise";
            return Err(Error::request(what, "look at what `striate restore` gives"));
        }
        observer(Event::Stage(format!("scoring {} pictures", indices.len())));
        for (done, &index) in indices.iter().enumerate() {
            let trial = trial(model, &prepared.dataset, index, self.options.seed)?;
            self.net.push(nearness(&trial.restored, &trial.clean, trial.shape));
            self.groups.push(prepared.groups[index]);
            self.baselines.of_damage(damage, &trial)?;
            let name = prepared.dataset.name(index);
            self.save(&name, "clean", &trial.clean, trial.shape)?;
            self.save(&name, "damaged", &trial.damaged.values, trial.shape)?;
            self.save(&name, "restored", &trial.restored, trial.shape)?;
            if damage.is_holes() {
                self.save(&name, "mask", &trial.damaged.map, [1, trial.shape[1], trial.shape[2]])?;
            }
            progress(observer, done, indices.len());
        }
        let scale = model.manifest.scale;
        let damage = serde_json::to_string(damage).unwrap_or_default();
        Ok(format!(
            "means over pictures whose sides were multiplied by {scale}; damage {damage}, noise neither cut off nor rounded; values in [0, 1], answers cut off"
        ))
    }

    fn of_coder(
        &mut self,
        model: &CoderModel,
        prepared: &Prepared,
        indices: &[usize],
        observer: Observer,
    ) -> Result<String, Error> {
        let [height, width] = model.manifest.preprocess.size;
        let shape = [model.manifest.preprocess.channels(), height, width];
        let components = components_beside(model, prepared, observer)?;
        observer(Event::Stage(format!("scoring {} pictures", indices.len())));
        for (done, &index) in indices.iter().enumerate() {
            for (number, came) in came(model, &prepared.dataset, index)?.into_iter().enumerate() {
                self.net.push(nearness(&came.back, &came.unit, shape));
                self.groups.push(prepared.groups[index]);
                self.baselines.of_code(&came.unit, shape, model.manifest.coder.code);
                if let Some(pca) = &components {
                    let back = pca.reconstruct(&ready(pca, &came.unit))?;
                    self.baselines.add("pca", "", nearness(&back, &came.unit, shape));
                }
                let name = std::path::Path::new(&prepared.dataset.name(index)).with_extension("");
                let name = format!("{}-{number:03}.png", name.display());
                self.save(&name, "clean", &came.unit, shape)?;
                self.save(&name, "restored", &came.back, shape)?;
            }
            progress(observer, done, indices.len());
        }
        if self.net.is_empty() {
            let what = format!("no picture holds a crop of {width}x{height} pixels at the scale of the model");
            return Err(Error::request(what, "give larger pictures"));
        }
        Ok(match model.manifest.crops {
            Some(scale) => format!(
                "means over all {width}x{height} crops side by side of pictures whose sides were multiplied by {scale}; values in [0, 1], answers cut off"
            ),
            None => format!("means over pictures made {width}x{height} pixels; values in [0, 1], answers cut off"),
        })
    }

    fn save(&self, name: &str, what: &str, values: &[f32], shape: [usize; 3]) -> Result<(), Error> {
        let Some(folder) = &self.options.save else { return Ok(()) };
        let path = crate::picture_file::place(folder, name).with_extension(format!("{what}.npy"));
        std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(Error::writing(&path))?;
        let bytes = to_npy_bytes(&Array::new(shape.to_vec(), values.to_vec()));
        striate_nn::write_atomic(&path, &bytes).map_err(Error::writing(&path))
    }

    /// Percentile bootstrap of the mean, over groups of pictures.
    fn ci95(&self) -> [f64; 2] {
        let mut groups: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
        for (group, score) in self.groups.iter().zip(&self.net) {
            let (sum, n) = groups.entry(*group).or_default();
            *sum += score.psnr;
            *n += 1.0;
        }
        let groups: Vec<(f64, f64)> = groups.into_values().collect();
        let key = Key::new(self.options.seed).with_name("bootstrap");
        let resampled = |i: u64| {
            let mut stream = key.with(i).stream();
            let drawn = (0..groups.len()).map(|_| groups[stream.below(groups.len())]);
            let (sum, n) = drawn.fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
            sum / n
        };
        let mut means: Vec<f64> = (0..2000).map(resampled).collect();
        means.sort_by(f64::total_cmp);
        [means[49], means[1950]]
    }
}

fn progress(observer: Observer, done: usize, total: usize) {
    let (done, total) = (done as u64 + 1, total as u64);
    observer(Event::pictures(done, total));
}
