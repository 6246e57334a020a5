//! Dropout. Srivastava et al. 2014 <https://jmlr.org/papers/v15/srivastava14a.html>.

use burn::module::Module;
use burn::tensor::Tensor;
use striate_engine::ops::{self, DropoutMask};

use crate::Pass;

/// In a [`Pass::Train`] sets each value to 0 with probability `p` and divides the others by `1 - p`; else does nothing.
#[derive(Module, Debug)]
pub struct Dropout {
    p: f64,
    layer: u64,
}

impl Dropout {
    /// `layer` tells the dropout layers of one net apart, so that their masks differ.
    ///
    /// # Panics
    /// If `p` is not in `[0, 1)`.
    pub fn new(p: f64, layer: u64) -> Self {
        assert!((0.0..1.0).contains(&p), "Dropout: p must be in [0, 1), got {p}");
        Self { p, layer }
    }

    /// # Shapes
    /// - `x`, output: `[N, ...]`
    ///
    /// # Panics
    /// If a training pass names another number of pictures than N.
    pub fn forward<const D: usize>(&self, x: Tensor<D>, pass: &Pass) -> Tensor<D> {
        let Pass::Train(noise) = pass else { return x };
        if self.p == 0.0 {
            return x;
        }
        let shape = x.dims();
        assert_eq!(
            noise.pictures.len(),
            shape[0],
            "Dropout: the noise names another number of pictures than the batch has"
        );
        let (row, p) = (shape[1..].iter().product::<usize>(), self.p as f32);
        let (key, kept) = (noise.key.with_name("dropout").with(self.layer), 1.0 / (1.0 - p));
        let mut values = Vec::with_capacity(row * shape[0]);
        for &picture in &noise.pictures {
            let mut stream = key.with(picture).stream();
            values.extend((0..row).map(|_| if stream.uniform() < p { 0.0 } else { kept }));
        }
        ops::dropout(x, DropoutMask { values })
    }
}
