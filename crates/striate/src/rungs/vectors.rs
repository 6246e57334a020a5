//! Vectors of pictures by one fixed way, each computed once and shared among rungs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use burn::tensor::{Tensor, TensorData};
use striate_data::preprocess::Preprocess;
use striate_train::infer;

use super::Bench;
use crate::error::Error;
use crate::event::Event;

/// Vectors that are computed from others at a time.
const BATCH: usize = 32;

/// Batches of what it gets to vectors, `[N, ...]` to `[N, D]`.
type Encode<'a, const D: usize> = Box<dyn Fn(Tensor<D>) -> Tensor<2> + 'a>;

/// Pictures as vectors of one length.
pub(crate) struct Vectors<'a> {
    bench: Bench<'a>,
    source: Source<'a>,
    known: RefCell<BTreeMap<usize, Vec<f32>>>,
}

/// What vectors are made of, and how.
enum Source<'a> {
    Pictures(Preprocess, Encode<'a, 4>),
    Vectors(Rc<Vectors<'a>>, Encode<'a, 2>),
}

impl<'a> Vectors<'a> {
    /// What `encode` makes of batches of pictures, `[N, C, H, W]` to `[N, D]`.
    pub fn of_pictures(
        bench: Bench<'a>,
        preprocess: Preprocess,
        encode: impl Fn(Tensor<4>) -> Tensor<2> + 'a,
    ) -> Rc<Self> {
        Rc::new(Self { bench, source: Source::Pictures(preprocess, Box::new(encode)), known: RefCell::default() })
    }

    /// What `encode` makes of batches of other vectors, `[N, E]` to `[N, D]`.
    pub fn above(below: Rc<Vectors<'a>>, encode: impl Fn(Tensor<2>) -> Tensor<2> + 'a) -> Rc<Self> {
        let bench = below.bench;
        Rc::new(Self { bench, source: Source::Vectors(below, Box::new(encode)), known: RefCell::default() })
    }

    /// `[N, D]` of these pictures.
    pub fn of(&self, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        let missing: Vec<usize> = {
            let known = self.known.borrow();
            pictures.iter().copied().filter(|i| !known.contains_key(i)).collect()
        };
        if !missing.is_empty() {
            let rows = self.compute(&missing)?;
            let rows = rows.chunks_exact(rows.len() / missing.len()).map(<[f32]>::to_vec);
            self.known.borrow_mut().extend(missing.iter().copied().zip(rows));
        }
        let known = self.known.borrow();
        Ok(pictures.iter().flat_map(|i| known[i].iter().copied()).collect())
    }

    /// Pictures whose vectors are at hand.
    pub fn known(&self) -> Vec<usize> {
        self.known.borrow().keys().copied().collect()
    }

    fn compute(&self, pictures: &[usize]) -> Result<Vec<f32>, Error> {
        match &self.source {
            Source::Pictures(preprocess, encode) => {
                let total = pictures.len() as u64;
                let progress = |done: usize| {
                    let (done, note) = (done as u64, String::new());
                    (self.bench.context.observer)(Event::Progress { done, total, unit: "pictures", note });
                };
                Ok(infer::rows(&self.bench.infer(preprocess, pictures, None), &progress, &**encode)?)
            }
            Source::Vectors(below, encode) => {
                let mut rows = Vec::new();
                for batch in pictures.chunks(BATCH) {
                    let x = below.of(batch)?;
                    let shape = [batch.len(), x.len() / batch.len()];
                    let y = encode(Tensor::from_data(TensorData::new(x, shape), self.bench.device)); // [N, D]
                    rows.extend(y.into_data().try_into_vec_as::<f32>().expect("a net computes in f32"));
                }
                Ok(rows)
            }
        }
    }
}
