//! A kernel: the weights of a correlation over one to three axes, and the factors that make it cheap where it has them.

use crate::array::Array;
use crate::error::Error;

/// Weights along one axis at most.
pub const MAX_SIDE: usize = 1023;

/// Weights of a kernel at most.
pub const MAX_WEIGHTS: usize = 1 << 18;

/// How far a weight may lie from the product of factors, relative to the largest weight: the rounding of f32 weights that
/// were computed as a product.
const RANK_ONE: f64 = 5e-7;

/// Weights over one to three axes, the last axis along a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    shape: Vec<usize>,
    weights: Vec<f32>,
    /// One list for each axis, if the weights are their product.
    factors: Option<Vec<Vec<f32>>>,
}

impl Kernel {
    /// From weights, the last axis fastest; an outer product is recognised as one.
    ///
    /// # Errors
    /// If there are none, too many, more than three axes, or a weight is not finite.
    pub fn new(shape: &[usize], weights: Vec<f32>) -> Result<Self, Error> {
        check(shape)?;
        let len: usize = shape.iter().product();
        if len != weights.len() {
            let what = format!("{} weights do not fill the shape {shape:?}", weights.len());
            return Err(Error::kernel(what, format!("give {len} weights")));
        }
        if let Some(at) = weights.iter().position(|w| !w.is_finite()) {
            let what = format!("weight {} of {len} is {}", at + 1, weights[at]);
            return Err(Error::kernel(what, "give finite numbers"));
        }
        let factors = factors(shape, &weights);
        Ok(Self { shape: shape.to_vec(), weights, factors })
    }

    /// The outer product of factors, one for each axis.
    ///
    /// # Errors
    /// As [`Kernel::new`].
    pub fn separable(factors: Vec<Vec<f32>>) -> Result<Self, Error> {
        let shape: Vec<usize> = factors.iter().map(Vec::len).collect();
        check(&shape)?;
        if factors.iter().flatten().any(|w| !w.is_finite()) {
            return Err(Error::kernel("a weight is not finite", "give finite numbers"));
        }
        Ok(Self::product(factors))
    }

    /// The outer product of factors that are finite and within the limits.
    pub(crate) fn product(factors: Vec<Vec<f32>>) -> Self {
        let weights = factors.iter().fold(vec![1.0], |all: Vec<f32>, factor| {
            all.iter().flat_map(|&left| factor.iter().map(move |&right| left * right)).collect()
        });
        Self { shape: factors.iter().map(Vec::len).collect(), weights, factors: Some(factors) }
    }

    /// From an array, such as one read from a `.npy` file.
    ///
    /// # Errors
    /// As [`Kernel::new`].
    pub fn from_array(array: Array) -> Result<Self, Error> {
        let shape = array.shape().to_vec();
        Self::new(&shape, array.into_values())
    }

    /// Weights along each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The weights, the last axis fastest.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// One list of weights for each axis, if the kernel is their product.
    pub fn factors(&self) -> Option<&[Vec<f32>]> {
        self.factors.as_deref()
    }

    /// The kernel mirrored along every axis, as in the mathematician's convolution.
    pub fn flipped(mut self) -> Self {
        self.weights.reverse();
        self.factors.iter_mut().flatten().for_each(|factor| factor.reverse());
        self
    }

    /// The same weights over `axes` axes, new ones of size 1 in front: a list becomes a row.
    ///
    /// # Errors
    /// If it has more axes already.
    pub fn raised_to(mut self, axes: usize) -> Result<Self, Error> {
        let Some(new) = axes.checked_sub(self.shape.len()) else {
            let what = format!("it has {} axes, {axes} are wanted", self.shape.len());
            return Err(Error::kernel(what, "give a kernel with fewer axes"));
        };
        self.shape.splice(0..0, std::iter::repeat_n(1, new));
        if let Some(factors) = &mut self.factors {
            factors.splice(0..0, std::iter::repeat_n(vec![1.0], new));
        }
        Ok(self)
    }
}

fn check(shape: &[usize]) -> Result<(), Error> {
    if !(1..=3).contains(&shape.len()) {
        return Err(Error::kernel(format!("it has {} axes", shape.len()), "give one, two or three"));
    }
    if let Some(side) = shape.iter().find(|side| !(1..=MAX_SIDE).contains(*side)) {
        return Err(Error::kernel(
            format!("a side of {side} weights"),
            format!("give 1 to {MAX_SIDE} along each axis"),
        ));
    }
    let len: usize = shape.iter().product();
    if len > MAX_WEIGHTS {
        return Err(Error::kernel(format!("{len} weights"), format!("give at most {MAX_WEIGHTS}")));
    }
    Ok(())
}

/// The lists whose outer product the weights are, through the largest weight; `None` if they are no such product.
fn factors(shape: &[usize], weights: &[f32]) -> Option<Vec<Vec<f32>>> {
    let pivot = (0..weights.len()).max_by(|&a, &b| weights[a].abs().total_cmp(&weights[b].abs()))?;
    let top = f64::from(weights[pivot]);
    if top == 0.0 {
        return None; // all weights are 0 and none is ever read
    }
    let mut factors = Vec::new();
    let mut stride = weights.len();
    for (axis, &side) in shape.iter().enumerate() {
        stride /= side;
        let first = pivot - pivot / stride % side * stride;
        // All but the last are divided by the largest weight, so that small integers stay what they are.
        let scale = if axis + 1 == shape.len() { 1.0 } else { top };
        factors.push((0..side).map(|i| (f64::from(weights[first + i * stride]) / scale) as f32).collect::<Vec<f32>>());
    }
    let near = weights.iter().enumerate().all(|(at, &weight)| {
        let (mut rest, mut product) = (at, 1.0);
        for factor in factors.iter().rev() {
            product *= f64::from(factor[rest % factor.len()]);
            rest /= factor.len();
        }
        (product - f64::from(weight)).abs() <= RANK_ONE * top.abs()
    });
    near.then_some(factors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_products_are_found_and_others_are_not() {
        let sobel = Kernel::new(&[3, 3], vec![-1., 0., 1., -2., 0., 2., -1., 0., 1.]).expect("a kernel");
        let factors = sobel.factors().expect("a product");
        assert_eq!((factors[0].len(), factors[1].len()), (3, 3));
        let lecture = Kernel::new(&[3, 3], vec![0., 1., 2., 2., 2., 0., 0., 1., 2.]).expect("a kernel");
        assert!(lecture.factors().is_none());
        let product = Kernel::separable(vec![vec![0.1, 0.7], vec![3.0, 1.0, -0.3], vec![0.2, 5.0]]).expect("a kernel");
        let found = Kernel::new(&[2, 3, 2], product.weights().to_vec()).expect("a kernel");
        let again = Kernel::separable(found.factors().expect("a product").to_vec()).expect("a kernel");
        for (a, b) in again.weights().iter().zip(product.weights()) {
            assert!((a - b).abs() < 2e-6, "{a} {b}");
        }
        assert!(Kernel::new(&[2], vec![0.0; 2]).expect("zeros are a kernel").factors().is_none());
    }

    #[test]
    fn what_is_no_kernel_is_refused_with_advice() {
        let error =
            |shape: &[usize], weights: Vec<f32>| Kernel::new(shape, weights).expect_err("no kernel").to_string();
        assert!(error(&[], vec![]).contains("give one, two or three"));
        assert!(error(&[0], vec![]).contains("a side of 0"));
        assert!(error(&[2, 2], vec![1.0; 3]).contains("give 4 weights"));
        assert!(error(&[3], vec![1.0, f32::NAN, 0.0]).contains("weight 2 of 3 is NaN"));
        assert!(error(&[1023, 1023], vec![]).contains("at most"));
    }
}
