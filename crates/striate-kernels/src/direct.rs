//! Direct convolution: every output pixel is a row of a product whose factors are read where they lie, tap by tap.
//!
//! Serves any kernel, stride, dilation and number of groups, forward and for the gradient of the input, where each phase
//! of the stride has taps of its own.

use rayon::prelude::*;

use crate::conv2d::Conv2dShape;
use crate::memory::buffer;
use crate::padded::{is_padded, pad, sides};
use crate::product::{Finish, Product, packed_len, panel_of, panel_width};
use crate::shared_slice::Shared;

/// Output pixels that one task takes at most: each packed weight that is read serves so many rows.
const ROWS: usize = 96;

/// Columns of one group, as the product reads them.
struct Columns {
    /// Offsets of the taps in the weights of one pair of channels.
    taps: Vec<usize>,
    /// Channels on the inner axis, and from one to the next in the weights.
    inner: (usize, usize),
    /// Columns, and from one to the next.
    n: (usize, usize),
}

impl Columns {
    fn len(&self) -> usize {
        packed_len(self.taps.len() * self.inner.0, self.n.0)
    }

    /// Packs `weight` (of one group) into panels.
    fn pack(&self, weight: &[f32], packed: &mut [f32]) {
        let (n, depth) = (self.n.0, self.inner.0);
        let (width, all) = (panel_width(), self.taps.len() * depth);
        let to = Shared::new(packed);
        (0..n.div_ceil(width) * self.taps.len()).into_par_iter().with_min_len(4).for_each(|task| {
            let (panel, tap) = (task / self.taps.len(), task % self.taps.len());
            let (columns, width_here) = panel_of(panel, n);
            let start = panel * width * all + tap * depth * width_here;
            // SAFETY: each task has the rows of one tap in one panel.
            let rows = unsafe { std::slice::from_raw_parts_mut(to.at(start), depth * width_here) };
            for (k, row) in rows.chunks_exact_mut(width_here).enumerate() {
                let base = self.taps[tap] + k * self.inner.1 + panel * width * self.n.1;
                for (lane, value) in row.iter_mut().enumerate() {
                    *value = if lane < columns { weight[base + lane * self.n.1] } else { 0.0 };
                }
            }
        });
    }
}

/// The stride, where each output pixel is made of one pixel of the input.
fn pointwise(shape: &Conv2dShape) -> Option<usize> {
    let inside = |out: usize, side: usize| (out - 1) * shape.stride < side;
    let all = shape.h_out * shape.w_out > 0 && inside(shape.h_out, shape.h) && inside(shape.w_out, shape.w);
    (shape.kh * shape.kw == 1 && shape.pad == [0, 0] && all).then_some(shape.stride)
}

/// Weights packed for [`forward`].
pub(crate) fn pack_forward(shape: &Conv2dShape, weight: &[f32]) -> Vec<f32> {
    if is_padded(shape) {
        let columns = padded_columns(shape);
        let (taps, c_in) = (shape.kh * shape.kw, shape.c_in);
        let turned: Vec<f32> = (0..weight.len())
            .map(|i| weight[i / (taps * c_in) * taps * c_in + i % c_in * taps + i / c_in % taps]) // [C_out, KH, KW, C_in]
            .collect();
        let mut packed = buffer(columns.len());
        columns.pack(&turned, &mut packed);
        return packed;
    }
    let columns = forward_columns(shape);
    let each = columns.len();
    let mut packed = buffer(each * shape.groups);
    let of_group = weight.len() / shape.groups;
    for (group, packed) in packed.chunks_exact_mut(each.max(1)).enumerate() {
        columns.pack(&weight[group * of_group..][..of_group], packed);
    }
    packed
}

fn forward_columns(shape: &Conv2dShape) -> Columns {
    let taps = shape.kh * shape.kw;
    Columns {
        taps: (0..taps).collect(),
        inner: (shape.c_in / shape.groups, taps),
        n: (shape.c_out / shape.groups, taps * shape.c_in / shape.groups),
    }
}

/// A row of taps is one inner axis, of weights `[C_out, KH, KW, C_in]`.
fn padded_columns(shape: &Conv2dShape) -> Columns {
    let depth = shape.kw * shape.c_in;
    Columns {
        taps: (0..shape.kh).map(|ky| ky * depth).collect(),
        inner: (depth, 1),
        n: (shape.c_out, shape.kh * depth),
    }
}

/// Convolves `x` with packed weights into `y`.
///
/// # Safety
/// The pointers of `finish` can be read for C_out and the size of `y`.
pub(crate) unsafe fn forward(shape: &Conv2dShape, x: &[f32], packed: &[f32], finish: Finish, y: &mut [f32]) {
    let rows = |[h, w]: [usize; 2], whole| Rows {
        many: shape.n * shape.h_out * shape.w_out,
        grid: [shape.h_out, shape.w_out],
        first: [0, 0],
        step: 1,
        target: [shape.h_out, shape.w_out, shape.c_out],
        source: [h, w, shape.c_in],
        groups: shape.groups,
        whole,
    };
    if is_padded(shape) {
        let rows = rows(sides(shape), Some(shape.stride));
        let tap = |_: usize, _: usize, _: usize| None;
        // SAFETY: the padded pictures hold all that outputs reach; the caller vouches for `finish`.
        return unsafe { rows.run(&padded_columns(shape), &pad(shape, x), packed, finish, y, &tap) };
    }
    let (columns, rows) = (forward_columns(shape), rows([shape.h, shape.w], pointwise(shape)));
    let tap = |y: usize, x: usize, tap: usize| shape.pixel_under(tap, y, x);
    // SAFETY: `tap` gives pixels inside the source; the caller vouches for `finish`.
    unsafe { rows.run(&columns, x, packed, finish, y, &tap) }
}

/// The gradient of the input, or a transposed convolution, with a last touch.
///
/// # Safety
/// The pointers of `finish` can be read for C_in and the size of `dx`.
pub(crate) unsafe fn transposed(shape: &Conv2dShape, gradient: &[f32], weight: &[f32], finish: Finish, dx: &mut [f32]) {
    let s = shape.stride;
    let (c_group, all) = (shape.c_in / shape.groups, shape.kh * shape.kw);
    let of_group = weight.len() / shape.groups;
    for phase in 0..s * s {
        let first = [phase / s, phase % s];
        let meets = |first: usize, pad: usize, t: usize| {
            (first + pad + s * shape.dilation * t - shape.dilation * t).is_multiple_of(s)
        };
        let taps: Vec<usize> = (0..all)
            .filter(|tap| {
                meets(first[0], shape.pad[0], tap / shape.kw) && meets(first[1], shape.pad[1], tap % shape.kw)
            })
            .collect();
        if first[0] >= shape.h || first[1] >= shape.w {
            continue;
        }
        let grid = [(shape.h - first[0]).div_ceil(s), (shape.w - first[1]).div_ceil(s)];
        let columns =
            Columns { taps: taps.clone(), inner: (shape.c_out / shape.groups, all * c_group), n: (c_group, all) };
        let each = columns.len();
        let mut packed = buffer(each * shape.groups);
        for group in 0..shape.groups {
            columns.pack(&weight[group * of_group..][..of_group], &mut packed[group * each..][..each]);
        }
        let rows = Rows {
            many: shape.n * grid[0] * grid[1],
            grid,
            first,
            step: s,
            target: [shape.h, shape.w, shape.c_in],
            source: [shape.h_out, shape.w_out, shape.c_out],
            groups: shape.groups,
            whole: pointwise(shape).filter(|&stride| stride == 1),
        };
        let tap = |iy: usize, ix: usize, tap: usize| {
            let tap = taps[tap];
            let y = (iy + shape.pad[0]) as isize - (tap / shape.kw * shape.dilation) as isize;
            let x = (ix + shape.pad[1]) as isize - (tap % shape.kw * shape.dilation) as isize;
            let (y, x) = (y.div_euclid(s as isize), x.div_euclid(s as isize)); // exact: the phase has only such taps
            let inside = y >= 0 && x >= 0 && y < shape.h_out as isize && x < shape.w_out as isize;
            inside.then_some((y as usize, x as usize))
        };
        // SAFETY: as in `forward`.
        unsafe { rows.run(&columns, gradient, &packed, finish, dx, &tap) }
    }
}

/// Pixels of the target that are computed, and what they read.
struct Rows {
    many: usize,
    /// Rows are the pixels `first + step * (i, j)` with `(i, j)` inside this.
    grid: [usize; 2],
    first: [usize; 2],
    step: usize,
    /// Height, width and channels.
    target: [usize; 3],
    source: [usize; 3],
    groups: usize,
    /// The stride, where the source holds all that taps meet, each tap a line below the one before; nobody is asked then.
    whole: Option<usize>,
}

impl Rows {
    /// # Safety
    /// `tap` gives pixels inside the source; the pointers of `finish` fit the target.
    unsafe fn run(
        &self,
        columns: &Columns,
        source: &[f32],
        packed: &[f32],
        finish: Finish,
        target: &mut [f32],
        tap: &(dyn Fn(usize, usize, usize) -> Option<(usize, usize)> + Sync),
    ) {
        let [h_source, w_source, c_source] = self.source;
        let [h_target, w_target, c_target] = self.target;
        let (depth, n, taps) = (columns.inner.0, columns.n.0, columns.taps.len());
        let zeros = vec![0.0_f32; c_source];
        let panels = n.div_ceil(panel_width());
        let blocks = self.many.div_ceil(ROWS);
        let wanted = 4 * rayon::current_num_threads();
        // More tasks than blocks of rows only where there are too few blocks: then panels are split, too.
        let splits = if blocks * self.groups >= wanted { 1 } else { wanted.div_ceil(blocks * self.groups) };
        let panels_each = panels.div_ceil(splits).max(1);
        let splits = panels.div_ceil(panels_each);
        let to = Shared::new(target);
        (0..blocks * self.groups * splits).into_par_iter().for_each(|task| {
            let (block, rest) = (task / (self.groups * splits), task % (self.groups * splits));
            let (group, split) = (rest / splits, rest % splits);
            let range = block * ROWS..((block + 1) * ROWS).min(self.many);
            let rows = range.len();
            let mut table: Vec<*const f32> = vec![zeros.as_ptr(); taps * rows];
            let mut out_rows = Vec::with_capacity(rows);
            let (mut x, y) = (range.start % self.grid[1], range.start / self.grid[1]);
            let (mut image, mut line) = (y / self.grid[0], y % self.grid[0]);
            while out_rows.len() < rows {
                let row = out_rows.len();
                let many = (self.grid[1] - x).min(rows - row); // to the end of the line
                let py = self.first[0] + self.step * line;
                let to = ((image * h_target + py) * w_target + self.first[1]) * c_target + group * n;
                out_rows.extend((x..x + many).map(|x| to + self.step * x * c_target));
                let at = |y: usize, x: usize| ((image * h_source + y) * w_source + x) * c_source + group * depth;
                for t in 0..taps {
                    let table = &mut table[t * rows + row..][..many];
                    if let Some(stride) = self.whole {
                        let (from, step) = (at(line * stride + t, x * stride), stride * c_source);
                        assert!(from + (many - 1) * step + depth <= source.len(), "direct: taps lie in the source");
                        for (i, to) in table.iter_mut().enumerate() {
                            *to = source.as_ptr().wrapping_add(from + i * step);
                        }
                        continue;
                    }
                    for (i, to) in table.iter_mut().enumerate() {
                        if let Some((sy, sx)) = tap(py, self.first[1] + self.step * (x + i), t) {
                            *to = source[at(sy, sx)..].as_ptr();
                        }
                    }
                }
                x = 0;
                line += 1;
                if line == self.grid[0] {
                    (image, line) = (image + 1, 0);
                }
            }
            let mut finish = finish;
            if !finish.bias.is_null() {
                finish.bias = finish.bias.wrapping_add(group * n);
            }
            // SAFETY: rows and columns lie inside the tensors; tasks write different ones.
            unsafe {
                Product {
                    rows,
                    table: table.as_ptr(),
                    taps,
                    depth,
                    b: packed[group * columns.len()..].as_ptr(),
                    n,
                    panels: split * panels_each..((split + 1) * panels_each).min(panels),
                    out: to.at(0),
                    out_rows: out_rows.as_ptr(),
                    finish,
                }
                .run();
            }
        });
    }
}
