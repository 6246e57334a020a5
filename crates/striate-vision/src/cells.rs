//! A grid over an image: which rows and columns a cell has.

/// Cells down and across.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Cells from top to bottom.
    pub rows: usize,
    /// Cells from left to right.
    pub columns: usize,
}

impl Grid {
    /// How many cells.
    pub fn count(self) -> usize {
        self.rows * self.columns
    }

    /// Whether every cell of an image `[H, W]` has a pixel.
    pub(crate) fn fits(self, [h, w]: [usize; 2]) -> bool {
        (1..=h).contains(&self.rows) && (1..=w).contains(&self.columns)
    }
}

/// The part of `n` pixels that cell `i` of `cells` has: together they have all, and no two differ by more than one.
pub(crate) fn part(i: usize, cells: usize, n: usize) -> std::ops::Range<usize> {
    i * n / cells..(i + 1) * n / cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_share_all_pixels() {
        let parts: Vec<_> = (0..3).map(|i| part(i, 3, 10)).collect();
        assert_eq!(parts, [0..3, 3..6, 6..10]);
        assert!(Grid { rows: 3, columns: 1 }.fits([3, 1]) && !Grid { rows: 0, columns: 1 }.fits([3, 1]));
        assert_eq!(Grid { rows: 2, columns: 3 }.count(), 6);
    }
}
