//! What stands outside of an image, by the names of `scipy.ndimage`.

/// How a line goes on beyond its ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Boundary {
    /// `0 0 0 | a b c | 0 0 0`, "constant" in SciPy.
    #[default]
    Zeros,
    /// `c b a | a b c | c b a`
    Reflect,
    /// `a a a | a b c | c c c`
    Nearest,
}

impl Boundary {
    /// All of them, by name.
    pub const NAMES: [(&str, Self); 3] =
        [("zeros", Self::Zeros), ("reflect", Self::Reflect), ("nearest", Self::Nearest)];

    /// Which element of a line of `n` stands at `at`; `None` for a zero.
    pub fn source(self, at: isize, n: usize) -> Option<usize> {
        let end = n as isize;
        if (0..end).contains(&at) {
            return Some(at as usize);
        }
        match self {
            Self::Zeros => None,
            _ if n == 0 => None,
            Self::Nearest => Some(at.clamp(0, end - 1) as usize),
            Self::Reflect => {
                let at = at.rem_euclid(2 * end);
                Some(at.min(2 * end - 1 - at) as usize)
            }
        }
    }

    /// Writes `line`, pixels of `c` numbers, from the pixel at `-before` on, until `to` is full.
    pub(crate) fn pad(self, line: &[f32], c: usize, before: usize, to: &mut [f32]) {
        let n = line.len() / c;
        let inside = (before * c).min(to.len())..((before + n) * c).min(to.len());
        to[inside.clone()].copy_from_slice(&line[..inside.len()]);
        for i in (0..before).chain(before + n..to.len() / c) {
            let Some(to) = to.get_mut(i * c..(i + 1) * c) else { continue };
            match self.source(i as isize - before as isize, n) {
                Some(at) => to.copy_from_slice(&line[at * c..(at + 1) * c]),
                None => to.fill(0.0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_as_scipy_says() {
        let padded = |boundary: Boundary, before: usize, len: usize| {
            let mut to = vec![f32::NAN; len];
            boundary.pad(&[1.0, 2.0, 3.0], 1, before, &mut to);
            to.iter().map(|v| v.to_string()).collect::<String>()
        };
        assert_eq!(padded(Boundary::Zeros, 2, 7), "0012300");
        assert_eq!(padded(Boundary::Nearest, 2, 7), "1112333");
        assert_eq!(padded(Boundary::Reflect, 5, 13), "2332112332112");
        assert_eq!(padded(Boundary::Reflect, 2, 4), "2112");
        assert_eq!(padded(Boundary::Zeros, 4, 2), "00");
    }
}
