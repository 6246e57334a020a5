//! Kernels from text: a name with numbers, as `gaussian:2`, or weights, as `0 1 2; 2 2 0; 0 1 2`.

use crate::error::Error;
use crate::kernel::{Kernel, MAX_WEIGHTS};
use crate::named::{self, Gabor, TRUNCATE};

/// What a name makes, for messages and help.
pub const NAMES: &str = "uniform:SIDE, gaussian:SIGMA, sobel-x, sobel-y, edge-x, edge-y, oriented:DEGREES,SIGMA, log:SIGMA, \
                         gabor:WAVELENGTH,DEGREES";

/// Reads a kernel: a name of [`NAMES`], or weights with spaces or commas between them, `;` or a new line between rows and
/// `|` between planes. One row is a kernel of one axis, rows are one of two, planes one of three.
///
/// ```
/// let kernel = striate_vision::kernel_text::parse("0 1 2; 2 2 0; 0 1 2")?;
/// assert_eq!(kernel.shape(), [3, 3]);
/// # Ok::<(), striate_vision::error::Error>(())
/// ```
///
/// # Errors
/// That say which word or row cannot be understood.
pub fn parse(text: &str) -> Result<Kernel, Error> {
    let text = text.trim();
    let looks_named = text.starts_with(|c: char| c.is_ascii_alphabetic());
    // Not a number that is spelt with letters, which `weights` refuses.
    if looks_named && !["nan", "inf"].iter().any(|word| text.to_ascii_lowercase().starts_with(word)) {
        return named(text);
    }
    weights(text)
}

fn named(text: &str) -> Result<Kernel, Error> {
    let (name, numbers) = text.split_once(':').unwrap_or((text, ""));
    let numbers: Vec<f64> = split(numbers).map(number).collect::<Result<_, _>>()?;
    let kernel = match (name.trim().to_ascii_lowercase().as_str(), numbers.as_slice()) {
        ("uniform", &[side]) if side.fract() == 0.0 && side >= 1.0 => named::uniform(side as usize)?,
        ("gaussian", &[sigma]) => named::gaussian(sigma, TRUNCATE)?,
        ("gaussian", &[sigma, truncate]) => named::gaussian(sigma, truncate)?,
        ("sobel-x", []) => named::sobel_x(),
        ("sobel-y", []) => named::sobel_y(),
        ("edge-x", []) => named::edge_x(),
        ("edge-y", []) => named::edge_y(),
        ("oriented", &[angle]) => named::oriented(angle, 1.0)?,
        ("oriented", &[angle, sigma]) => named::oriented(angle, sigma)?,
        ("log", &[sigma]) => named::laplacian_of_gaussian(sigma)?,
        ("gabor", &[wavelength]) => Gabor::new(wavelength, 0.0).kernel()?,
        ("gabor", &[wavelength, angle]) => Gabor::new(wavelength, angle).kernel()?,
        _ => {
            let what = format!("{text:?} is no kernel's name with its numbers");
            return Err(Error::kernel(what, format!("give one of {NAMES}, or weights as 0 1 2; 2 2 0; 0 1 2")));
        }
    };
    Ok(kernel)
}

fn weights(text: &str) -> Result<Kernel, Error> {
    let mut shape: [Option<usize>; 2] = [None, None]; // rows of a plane, weights of a row
    let mut all = Vec::new();
    let planes: Vec<&str> = text.split('|').collect();
    for (p, plane) in planes.iter().enumerate() {
        let rows: Vec<&str> = plane.split([';', '\n']).map(str::trim).filter(|row| !row.is_empty()).collect();
        same(&mut shape[0], rows.len(), || format!("plane {}", p + 1), "rows")?;
        for (r, row) in rows.iter().enumerate() {
            let before = all.len();
            for word in split(row) {
                if all.len() == MAX_WEIGHTS {
                    return Err(Error::kernel(format!("more than {MAX_WEIGHTS} weights"), "give fewer"));
                }
                all.push(number(word)? as f32);
            }
            same(&mut shape[1], all.len() - before, || format!("row {}", r + 1), "weights")?;
        }
    }
    let (rows, side) = (shape[0].unwrap_or(0), shape[1].unwrap_or(0));
    match (planes.len(), rows) {
        (1, 0) => Err(Error::kernel("no weight is there", "give weights as 0 1 2; 2 2 0; 0 1 2, or a name")),
        (1, 1) => Kernel::new(&[side], all),
        (1, _) => Kernel::new(&[rows, side], all),
        _ => Kernel::new(&[planes.len(), rows, side], all),
    }
}

/// Holds every row to the length of the first.
fn same(first: &mut Option<usize>, many: usize, place: impl Fn() -> String, of: &str) -> Result<(), Error> {
    let wanted = *first.get_or_insert(many);
    if wanted == many {
        return Ok(());
    }
    Err(Error::kernel(format!("{} has {many} {of}, the first has {wanted}", place()), "give as many everywhere"))
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty())
}

fn number(word: &str) -> Result<f64, Error> {
    let found = word.parse::<f64>().ok().filter(|v| v.is_finite() && (*v as f32).is_finite());
    let shown: String = word.chars().take(40).collect();
    found.ok_or_else(|| Error::kernel(format!("{shown:?} is not a finite number"), "give numbers such as -1 or 0.25"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_and_their_shapes() {
        for (text, shape) in [
            ("1 -1", vec![2]),
            ("1;-1", vec![2, 1]),
            ("0 1 2; 2 2 0; 0 1 2", vec![3, 3]),
            ("1,2\n3,4\n", vec![2, 2]),
            ("1 2; 3 4 | 5 6; 7 8 | 0 0; 0 0", vec![3, 2, 2]),
            ("gaussian:2", vec![17, 17]),
            ("gaussian: 1, 2", vec![5, 5]),
            ("Sobel-X", vec![3, 3]),
            ("uniform:5", vec![5, 5]),
        ] {
            assert_eq!(parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).shape(), shape, "{text}");
        }
    }

    #[test]
    fn faults_are_named() {
        for (text, part) in [
            ("", "no weight is there"),
            ("1 2; 3", "row 2 has 1 weights, the first has 2"),
            ("1 | 2; 3", "plane 2 has 2 rows"),
            ("1 x", "\"x\" is not a finite number"),
            ("nan", "not a finite number"),
            ("1e300", "not a finite number"),
            ("gauss:2", "give one of uniform:SIDE"),
            ("gaussian:-1", "sigma is -1"),
            ("gaussian:1e9", "it reaches"),
            ("uniform:1e18", "a side of"),
            ("gabor:0", "wavelength is 0"),
        ] {
            let message = parse(text).expect_err(text).to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_kernel_or_an_error(text in "[a-z0-9 .,;|:\\-]{0,40}") {
            let _ = parse(&text);
        }
    }
}
