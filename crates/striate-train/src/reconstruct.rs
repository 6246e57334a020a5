//! The task of an autoencoder: pictures that come back from their codes as they were.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};
use striate_data::crops::Crops;
use striate_data::loader::{Batch, LoadError, LoaderSpec, for_each_batch};
use striate_data::preprocess::Preprocess;
use striate_nn::coders::{Coder, CoderConfig};
use striate_nn::{NetError, Pass};

use crate::coder_start::started;
use crate::fit::{Epoch, FitError, Judgement, Task};
use crate::metrics::psnr::psnr;
use crate::pixel_loss::{Units, pixel_loss};
use crate::recipe::Recipe;

/// Pictures that go through the net at a time where it is judged.
const BATCH: usize = 16;

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
    /// Channels, height and width of a picture.
    pub(crate) fn shape(&self) -> [usize; 3] {
        let CoderConfig { in_channels, image_size: [h, w], .. } = *self.coder;
        [in_channels, h, w]
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

    fn ready(&self, net: Coder) -> Result<Coder, FitError> {
        started(self, net)
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
