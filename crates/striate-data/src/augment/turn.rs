//! Sine and cosine by one polynomial, so that every machine draws the same bits.

/// An angle, as its sine and cosine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Turn {
    pub sin: f64,
    pub cos: f64,
}

impl Turn {
    /// Exact at multiples of 90 degrees, else within 1e-15.
    pub(super) fn degrees(angle: f64) -> Self {
        let quarter = (angle / 90.0).round();
        let x = (angle - quarter * 90.0) * (std::f64::consts::PI / 180.0); // |x| <= pi/4
        let z = x * x;
        // Taylor series; the first term left out is below 1e-17.
        let term = |sum: f64, n: f64| 1.0 - sum * z / (n * (n - 1.0));
        let sin = x * [17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0].into_iter().fold(1.0, term);
        let cos = [16.0, 14.0, 12.0, 10.0, 8.0, 6.0, 4.0, 2.0].into_iter().fold(1.0, term);
        match quarter.rem_euclid(4.0) as u8 {
            0 => Self { sin, cos },
            1 => Self { sin: cos, cos: -sin },
            2 => Self { sin: -sin, cos: -cos },
            _ => Self { sin: -cos, cos: sin },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_to_the_system_s_own() {
        for tenth in -4000..4000 {
            let angle = f64::from(tenth) / 10.0;
            let Turn { sin, cos } = Turn::degrees(angle);
            let (want_sin, want_cos) = angle.to_radians().sin_cos();
            assert!((sin - want_sin).abs() < 1e-14 && (cos - want_cos).abs() < 1e-14, "{angle}: {sin} {cos}");
        }
        assert_eq!(Turn::degrees(0.0), Turn { sin: 0.0, cos: 1.0 });
        assert_eq!(Turn::degrees(-90.0), Turn { sin: -1.0, cos: 0.0 });
    }
}
