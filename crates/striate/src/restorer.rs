//! A saved restorer, ready to use: a picture of any size, restored in tiles that overlap so far that no seam can be.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use striate_engine::device::chosen;
use striate_nn::restorers::Restorer;
use striate_nn::weights::{NamedTensors, load_named};
use striate_nn::{Pass, Plan};
use striate_train::fit::FitError;
use striate_train::restorer_manifest::RestorerManifest;

use crate::error::Error;
use crate::model_file::{self, Weights};
use crate::picture_file::cut;

/// Side of what a tile brings in, in pixels; what it looks at is larger.
const TILE: usize = 512;

/// A restorer and all that is needed to use it.
pub struct RestorerModel {
    /// What the file says of itself.
    pub manifest: RestorerManifest,
    net: Restorer,
    plan: Plan,
    device: Device,
    tile: usize,
}

impl RestorerModel {
    /// Reads a model file, or that of a run folder.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let refuse = |why: &str, advice| {
            Err(Error::NotAModel { path: model_file::model_path(path), why: why.to_string(), advice })
        };
        let advice = "give a model that `striate train --recipe denoise` or `--recipe inpaint` made";
        match model_file::weights(path)? {
            Weights::Restorer(manifest, tensors) => Self::new(path, *manifest, &tensors),
            Weights::Own(..) => refuse("this is a classifier, which gives labels and no pictures", advice),
            Weights::Coder(..) => refuse(
                "this is an autoencoder, which knows no damage",
                "`striate reconstruct` with it, or fill in what is gone: `striate restore --mask`",
            ),
            Weights::Foreign(_) => refuse("these are weights of another program", advice),
        }
    }

    /// The restorer that was read from `path`.
    pub(crate) fn new(path: &Path, manifest: RestorerManifest, tensors: &NamedTensors) -> Result<Self, Error> {
        let device = chosen();
        let in_file = |source| Error::Weights { path: model_file::model_path(path), source };
        let net = manifest.restorer.init_zeros(&device).map_err(in_file)?;
        let net = load_named(net, tensors).map_err(in_file)?;
        Ok(Self { manifest, net, plan: Plan::default(), device, tile: TILE })
    }

    /// The net.
    pub(crate) fn net(&self) -> &Restorer {
        &self.net
    }

    /// The picture restored, in `[0, 1]`; what lies outside is cut off. `progress` hears of tiles done, and of how many.
    ///
    /// # Shapes
    /// - `values`, output: `shape` = `[C, H, W]`; `map`: `[H, W]` where the net takes one, else empty
    pub fn restore(
        &self,
        values: &[f32],
        map: &[f32],
        shape: [usize; 3],
        progress: &dyn Fn(u64, u64),
    ) -> Result<Vec<f32>, Error> {
        let [c, h, w] = shape;
        let multiple = self.net.multiple();
        let margin = self.net.reach().next_multiple_of(multiple);
        let core = self.tile.next_multiple_of(multiple);
        let mut out = vec![0.0; values.len()];
        let (rows, columns) = (h.div_ceil(core), w.div_ceil(core));
        for tile in 0..rows * columns {
            let (top, left) = (tile / columns * core, tile % columns * core);
            let (bottom, right) = ((top + core).min(h), (left + core).min(w));
            let (from_y, from_x) = (top.saturating_sub(margin), left.saturating_sub(margin));
            // At the picture's end the last squares are filled up with mirrored pixels.
            let end = |at: usize, side: usize| {
                if at + margin >= side { side.next_multiple_of(multiple) } else { at + margin }
            };
            let (to_y, to_x) = (end(bottom, h), end(right, w));
            let (height, width) = (to_y - from_y, to_x - from_x);
            let tensor = |planes: &[f32], count: usize| {
                let part = cut(planes, [h, w], [from_y, from_x], [to_y, to_x]);
                Tensor::<4>::from_data(TensorData::new(part, [1, count, height, width]), &self.device)
            };
            let given = tensor(values, c);
            let maps = (!map.is_empty()).then(|| tensor(map, 1));
            let answer = self.net.forward(given, maps, &Pass::Frozen(&self.plan));
            let answer = answer.into_data().try_into_vec::<f32>().expect("a net computes in f32");
            if !answer.iter().all(|v| v.is_finite()) {
                return Err(FitError::NoNumber.into());
            }
            for (plane, part) in out.chunks_exact_mut(h * w).zip(answer.chunks_exact(height * width)) {
                for y in top..bottom {
                    let row = &part[(y - from_y) * width + (left - from_x)..][..right - left];
                    plane[y * w + left..y * w + right].iter_mut().zip(row).for_each(|(o, v)| *o = v.clamp(0.0, 1.0));
                }
            }
            progress(tile as u64 + 1, (rows * columns) as u64);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use striate_nn::restorers::RestorerConfig;
    use striate_nn::weights::named_tensors;
    use striate_train::damage::Damage;
    use striate_train::manifest::{FORMAT, Provenance};
    use striate_train::restorer_manifest::TASK;

    #[test]
    fn tiles_leave_no_seam() {
        for (name, depth) in [("ffdnet", 2), ("dncnn", 4), ("unet", 1)] {
            let config = RestorerConfig { width: 6, depth, ..RestorerConfig::new(name, 1, 1).expect("a name") };
            let tensors = named_tensors(&config.init(5, &Device::flex()).expect("builds"));
            let manifest = RestorerManifest {
                format: FORMAT,
                task: TASK.into(),
                restorer: config,
                damage: Damage::Gaussian { sigma: [25.0; 2], told: true },
                scale: 1.0,
                provenance: Provenance {
                    recipe: String::new(),
                    seed: 0,
                    data_fingerprint: String::new(),
                    trained_on: 1,
                    version: String::new(),
                },
                metrics: BTreeMap::new(),
            };
            let mut model = RestorerModel::new(Path::new("x"), manifest, &tensors).expect("fits");
            let shape = [1, 171, 149];
            let values: Vec<f32> = (0..171 * 149).map(|i| (i * 7 % 101) as f32 / 101.0).collect();
            let map = vec![0.1; values.len()];
            let mut run = |tile| {
                model.tile = tile;
                model.restore(&values, &map, shape, &|_, _| ()).expect("restores")
            };
            let whole = run(512);
            let off = run(40).iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-5, "{name}: tiles are off by {off}");
        }
    }
}
