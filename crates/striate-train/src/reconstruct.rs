//! The task of an autoencoder: pictures that come back from their codes as they were.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};
use striate_data::crops::Crops;
use striate_data::loader::{Batch, LoadError, LoaderSpec, for_each_batch};
use striate_data::preprocess::Preprocess;
use striate_kernels::symmetric::largest_eigenpairs;
use striate_nn::coders::{Coder, CoderConfig, SQUARE};
use striate_nn::weights::{load_named, named_tensors};
use striate_nn::{NetError, Pass};

use crate::fit::{Epoch, FitError, Judgement, Task};
use crate::metrics::psnr::psnr;
use crate::pixel_loss::{Units, pixel_loss};
use crate::recipe::Recipe;

/// Pictures that go through the net at a time where it is judged.
const BATCH: usize = 16;
/// Squares whose principal components a convolutional autoencoder begins with.
const SQUARES: usize = 6000;

/// Where the pictures come from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// Whole pictures: `order`, `batch` and `augment` are set for each epoch.
    Whole(LoaderSpec<'a>),
    /// So many squares an epoch, cut at random.
    Crops(&'a Crops, usize),
}

/// What to learn from, and how.
#[derive(Clone, Copy)]
pub struct ReconstructSpec<'a> {
    /// How.
    pub recipe: &'a Recipe,
    /// The autoencoder.
    pub coder: &'a CoderConfig,
    /// The pictures.
    pub source: Source<'a>,
    /// Picture to input.
    pub preprocess: &'a Preprocess,
    /// Prepared pictures that are held out for validation, `[N, C, H, W]`; may be empty.
    pub valid: &'a [f32],
    /// Where to compute; without autodiff.
    pub device: &'a Device,
}

impl ReconstructSpec<'_> {
    fn shape(&self) -> [usize; 3] {
        let CoderConfig { in_channels, image_size: [h, w], .. } = *self.coder;
        [in_channels, h, w]
    }

    /// Second moments about the mean of squares of the pictures, and that mean: `[L, L]` of which `i <= j` is filled, `[L]`.
    fn moments(&self, length: usize) -> Result<(Vec<f64>, Vec<f64>), FitError> {
        let [c, h, w] = self.shape();
        let key = striate_kernels::rng::Key::new(self.recipe.train.seed).with_name("squares");
        let batch = self.items().min(64);
        let (mut sums, mut firsts, mut count) = (vec![0.0_f64; length * length], vec![0.0_f64; length], 0);
        let mut square = vec![0.0_f64; length];
        let epoch = Epoch { key, batch, from: 0, end: (self.items() / batch).max(1) };
        self.for_each_batch::<FitError>(epoch, |Batch { pixels, .. }| {
            for picture in pixels.chunks_exact(c * h * w) {
                for at in 0..(h / SQUARE) * (w / SQUARE) {
                    let (top, left) = (at / (w / SQUARE) * SQUARE, at % (w / SQUARE) * SQUARE);
                    for (i, value) in square.iter_mut().enumerate() {
                        let (channel, dy, dx) = (i / (SQUARE * SQUARE), i / SQUARE % SQUARE, i % SQUARE);
                        *value = f64::from(picture[(channel * h + top + dy) * w + left + dx]);
                    }
                    for (i, &a) in square.iter().enumerate() {
                        firsts[i] += a;
                        sums[i * length..][i..length].iter_mut().zip(&square[i..]).for_each(|(sum, b)| *sum += a * b);
                    }
                    count += 1;
                }
                if count >= SQUARES {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let mean: Vec<f64> = firsts.iter().map(|sum| sum / count as f64).collect();
        let central = |(at, sum): (usize, &f64)| sum / count as f64 - mean[at / length] * mean[at % length];
        Ok((sums.iter().enumerate().map(central).collect(), mean))
    }
}

impl Task for ReconstructSpec<'_> {
    type Net = Coder;
    type Batch = Batch;

    fn recipe(&self) -> &Recipe {
        self.recipe
    }

    fn device(&self) -> &Device {
        self.device
    }

    fn items(&self) -> usize {
        match self.source {
            Source::Whole(loader) => loader.order.len(),
            Source::Crops(_, per_epoch) => per_epoch,
        }
    }

    fn init(&self) -> Result<Coder, NetError> {
        self.coder.init(self.recipe.train.seed, self.device)
    }

    /// Gives the linear maps of a convolutional autoencoder the principal components of squares, all multiplied by one number that
    /// makes codes of deviation 1 on average.
    fn ready(&self, net: Coder) -> Result<Coder, FitError> {
        if !matches!(net, Coder::Conv(_)) {
            return Ok(net);
        }
        let mut tensors = named_tensors(&net);
        let (length, kept) = (self.coder.in_channels * SQUARE * SQUARE, tensors["embed.bias"].values.len());
        let (moments, mean) = self.moments(length)?;
        let kept = kept.min(length);
        let (variances, axes) = largest_eigenpairs(&moments, length, kept).expect("finite moments have axes");
        let deviation = variances.iter().map(|v| v.max(0.0).sqrt()).sum::<f64>() / kept as f64;
        let scale = 1.0 / deviation.max(1e-6);
        for (k, axis) in axes.chunks_exact(length).enumerate() {
            let along: f64 = axis.iter().zip(&mean).map(|(a, m)| a * m).sum();
            for (i, a) in axis.iter().enumerate() {
                let outputs = tensors["unembed.weight"].shape[1];
                tensors.get_mut("embed.weight").expect("a layer of it").values[k * length + i] = (a * scale) as f32;
                tensors.get_mut("unembed.weight").expect("a layer of it").values[i * outputs + k] = (a / scale) as f32;
            }
            tensors.get_mut("embed.bias").expect("a layer of it").values[k] = (-along * scale) as f32;
        }
        tensors.get_mut("unembed.bias").expect("a layer of it").values = mean.iter().map(|&m| m as f32).collect();
        Ok(load_named(net, &tensors)?)
    }

    fn for_each_batch<E: From<LoadError>>(
        &self,
        Epoch { key, batch, from, end }: Epoch,
        mut f: impl FnMut(Batch) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let augment = (!self.recipe.augment.is_none()).then_some((&self.recipe.augment, key.with_name("augment")));
        match self.source {
            Source::Whole(loader) => {
                let mut order = loader.order.to_vec();
                key.with_name("order").stream().shuffle(&mut order);
                let order = &order[from * batch..end * batch];
                for_each_batch(&LoaderSpec { order, batch, augment, ..loader }, f)
            }
            Source::Crops(crops, _) => {
                let shape = crops.shape();
                for number in from..end {
                    let mut pixels = Vec::with_capacity(batch * shape.iter().product::<usize>());
                    let mut indices = Vec::with_capacity(batch);
                    for item in number * batch..(number + 1) * batch {
                        let place = crops.place(key.with_name("crop").with(item as u64));
                        let mut crop = crops.cut(place);
                        if let Some((augment, key)) = augment {
                            augment.apply(&mut crop, shape, key.with(item as u64));
                        }
                        self.preprocess.normalise(&mut crop);
                        pixels.extend(crop);
                        indices.push(place.picture);
                    }
                    let [c, h, w] = shape;
                    if f(Batch { pixels, shape: [batch, c, h, w], indices })?.is_break() {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    fn loss(&self, net: &Coder, batch: Batch, _: Epoch) -> Tensor<1> {
        let pixels = TensorData::new(batch.pixels, batch.shape);
        let x = Tensor::<4>::from_data(pixels, &self.device.clone().autodiff()); // [N, C, H, W]
        let pass = Pass::Infer; // no dropout, no norm: training and inference are one
        let back = net.decode(net.encode(x.clone(), &pass), &pass);
        let units = Units { mean: self.preprocess.mean[0], std: self.preprocess.std[0] };
        pixel_loss(self.recipe.train.loss, back, x.inner(), units)
    }

    fn judge(&self, net: Coder) -> Result<Option<Judgement>, FitError> {
        if self.valid.is_empty() {
            return Ok(None);
        }
        let [c, h, w] = self.shape();
        let picture = c * h * w;
        let mut ratios = Vec::new();
        let mut squares = 0.0;
        for pixels in self.valid.chunks(BATCH * picture) {
            let shape = [pixels.len() / picture, c, h, w];
            let x = Tensor::<4>::from_data(TensorData::new(pixels.to_vec(), shape), self.device);
            let back = net.decode(net.encode(x, &Pass::Infer), &Pass::Infer);
            let mut back = back.into_data().try_into_vec::<f32>().expect("an autoencoder computes in f32");
            if !back.iter().all(|v| v.is_finite()) {
                return Err(FitError::NoNumber);
            }
            squares += back.iter().zip(pixels).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
            let mut wanted = pixels.to_vec();
            self.preprocess.unnormalise(&mut back);
            self.preprocess.unnormalise(&mut wanted);
            back.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
            ratios.extend(back.chunks_exact(picture).zip(wanted.chunks_exact(picture)).map(|(a, b)| psnr(a, b)));
        }
        let loss = squares / self.valid.len() as f64;
        let psnr = ratios.iter().sum::<f64>() / ratios.len() as f64;
        Ok(Some(Judgement { loss, balanced_accuracy: None, psnr: Some(psnr) }))
    }
}
