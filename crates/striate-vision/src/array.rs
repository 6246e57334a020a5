//! An array of f32 with a shape, the last axis fastest.

/// Numbers and how they are counted: an image is `[H, W]` or `[H, W, C]`, a volume `[D, H, W]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Array {
    /// # Panics
    /// If the shape does not count the values.
    pub fn new(shape: Vec<usize>, values: Vec<f32>) -> Self {
        let len = shape.iter().try_fold(1_usize, |len, &side| len.checked_mul(side));
        assert!(len == Some(values.len()), "Array::new: {} values do not fill {shape:?}", values.len());
        Self { shape, values }
    }

    /// Sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers, the last axis fastest.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The numbers alone.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "3 values do not fill [2, 2]")]
    fn a_shape_counts_the_values() {
        Array::new(vec![2, 2], vec![0.0; 3]);
    }
}
