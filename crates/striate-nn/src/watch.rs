//! What the convolutions of a net give on the way, and which pixels each unit of theirs sees.

use std::cell::RefCell;

use burn::module::ParamId;
use burn::tensor::{Tensor, TensorData};
use striate_engine::ops::{self, Activation, Conv2dSpec};

use crate::frozen::Plan;
use crate::weights::Parameter;
use crate::{Pass, Viewed};

/// Listens to a forward pass ([`Pass::Watch`]) of a frozen net and keeps what convolutions give, norm, residual and activation applied
/// where they are one operation with it. What it keeps is on the graph of the input, where that has one.
#[derive(Debug)]
pub struct Watch<'a> {
    way: Way<'a>,
    seen: RefCell<Vec<Seen>>,
}

#[derive(Clone, Copy, Debug)]
enum Way<'a> {
    All(&'a Plan),
    Until(&'a Plan, ParamId),
    From(&'a Plan, ParamId),
    /// Each convolution gives the greatest value that its windows hold, in place of a sum.
    Reach,
}

/// What one convolution gave.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Of its weights.
    pub id: ParamId,
    /// `[N, C, H, W]`.
    pub output: Tensor<4>,
}

impl<'a> Watch<'a> {
    /// Keeps what all convolutions give.
    pub fn all(plan: &'a Plan) -> Self {
        Self::new(Way::All(plan))
    }

    /// Keeps what the convolution with weights `id` gives before its activation, and ends there: what comes after it is not computed, and
    /// the net's own answer means nothing.
    pub fn until(plan: &'a Plan, id: ParamId) -> Self {
        Self::new(Way::Until(plan, id))
    }

    /// Keeps what the convolution with weights `id` gives; the graph begins there, so that the net's answer has a gradient to it.
    pub fn from(plan: &'a Plan, id: ParamId) -> Self {
        Self::new(Way::From(plan, id))
    }

    fn new(way: Way<'a>) -> Self {
        Self { way, seen: RefCell::default() }
    }

    /// What was seen since, first to last.
    pub fn take(&self) -> Vec<Seen> {
        self.seen.take()
    }

    /// The pass that computes; `None` where coordinates travel.
    pub(crate) fn inner(&self) -> Option<Pass<'a>> {
        match self.way {
            Way::All(plan) | Way::Until(plan, _) | Way::From(plan, _) => Some(Pass::Frozen(plan)),
            Way::Reach => None,
        }
    }

    /// What joins two ways of a net.
    pub(crate) fn sum(&self, a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
        if matches!(self.way, Way::Reach) { a.max_pair(b) } else { ops::add(a, b) }
    }

    /// Whether the rest need not be computed.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.way, Way::Until(..)) && !self.seen.borrow().is_empty()
    }

    /// The activation that the convolution with weights `id` is to end with.
    pub(crate) fn activation(&self, id: ParamId, own: Activation) -> Activation {
        match self.way {
            Way::Until(_, last) if last == id => Activation::Identity,
            _ => own,
        }
    }

    /// Keeps the output; gives what the net goes on with.
    pub(crate) fn saw(&self, id: ParamId, output: Tensor<4>) -> Tensor<4> {
        let wanted = match self.way {
            Way::All(_) | Way::Reach => true,
            Way::Until(_, last) => last == id && !self.is_over(),
            Way::From(_, first) => first == id,
        };
        if !wanted {
            return output;
        }
        let output = match self.way {
            Way::From(..) => output.without_autodiff().autodiff().require_grad(),
            _ => output,
        };
        self.seen.borrow_mut().push(Seen { id, output: output.clone() });
        output
    }
}

/// A convolution of a net.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvLayer {
    /// Where it stands: `layer1.0.conv1`.
    pub path: String,
    /// Of its weights.
    pub id: ParamId,
    /// Of its weights: `[C_out, C_in / groups, K, K]`.
    pub shape: [usize; 4],
}

/// Part of a picture that a unit sees: pixels `top..bottom` and `left..right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Row after the last.
    pub bottom: usize,
    /// Column after the last.
    pub right: usize,
}

/// The fields of a convolution's units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// Of the convolution's weights.
    pub id: ParamId,
    /// C, H, W of what it gives.
    pub shape: [usize; 3],
    /// Of each unit of a channel, row by row; all channels see the same.
    pub fields: Vec<Field>,
}

impl Viewed {
    /// Every convolution, by the order of their names in the net.
    pub fn conv_layers(&self) -> Vec<ConvLayer> {
        let conv = |Parameter { path, id, shape }: Parameter| {
            let path = path.strip_suffix(".weight").unwrap_or(&path).to_owned();
            Some(ConvLayer { path, id, shape: shape.try_into().ok()? })
        };
        self.parameters().into_iter().filter_map(conv).collect()
    }

    /// Which pixels of a picture of `size` the units of each convolution see, in the order in which they are met; zeros around the
    /// picture count for nothing. A unit's field is the whole of what it can depend on.
    ///
    /// The net itself is run, on pictures that hold how far each pixel is from the four edges: where convolutions, pools and sums give the
    /// greatest value of what they see, the outputs are the fields. Along a path without branches that is the arithmetic of
    /// Araujo, Norris, Sim 2019 <https://doi.org/10.23915/distill.00021>.
    pub fn fields(&self, channels: usize, [h, w]: [usize; 2], device: &burn::tensor::Device) -> Vec<Fields> {
        let from_edges = |y: usize, x: usize| [h - y, w - x, y + 1, x + 1];
        let mut values = Vec::with_capacity(4 * channels * h * w);
        for edge in 0..4 {
            for _ in 0..channels {
                values.extend((0..h * w).map(|i| from_edges(i / w, i % w)[edge] as f32));
            }
        }
        let x = Tensor::<4>::from_data(TensorData::new(values, [4, channels, h, w]), device); // [4, C, H, W]
        let watch = Watch::new(Way::Reach);
        self.features(x, &Pass::Watch(&watch));
        let fields = |Seen { id, output }: Seen| {
            let [_, c, rows, columns] = output.dims();
            let values = output.into_data().try_into_vec::<f32>().expect("a net computes in f32");
            let at = |edge: usize, unit: usize| values[edge * c * rows * columns + unit] as usize;
            let field = |unit: usize| Field {
                top: h - at(0, unit),
                left: w - at(1, unit),
                bottom: at(2, unit),
                right: at(3, unit),
            };
            Fields { id, shape: [c, rows, columns], fields: (0..rows * columns).map(field).collect() }
        };
        watch.take().into_iter().map(fields).collect()
    }
}

/// The greatest value in each window of all channels, given to each of `c_out` channels; windows that see zeros alone have 0.
pub(crate) fn reach(x: &Tensor<4>, [c_out, kernel]: [usize; 2], spec: Conv2dSpec) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let (rows, columns) = (spec.windows(h, kernel), spec.windows(w, kernel));
    let values = x.clone().into_data().try_into_vec::<f32>().expect("coordinates are f32");
    let mut y = Vec::with_capacity(n * c_out * rows.len() * columns.len());
    for picture in values.chunks_exact(c * h * w) {
        let mut greatest = vec![0.0_f32; h * w];
        for channel in picture.chunks_exact(h * w) {
            greatest.iter_mut().zip(channel).for_each(|(most, v)| *most = most.max(*v));
        }
        let mut plane = Vec::with_capacity(rows.len() * columns.len());
        for row in &rows {
            for column in &columns {
                let taps = row.iter().flat_map(|&y| column.iter().map(move |&x| y * w + x));
                plane.push(taps.map(|i| greatest[i]).fold(0.0, f32::max));
            }
        }
        (0..c_out).for_each(|_| y.extend_from_slice(&plane));
    }
    let shape = [n, c_out, rows.len(), columns.len()];
    Tensor::from_data(TensorData::new(y, shape), &x.device())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NetConfig;
    use burn::tensor::Device;

    fn net(name: &str, channels: usize, size: usize) -> (Viewed, Vec<(ConvLayer, Fields)>) {
        let config =
            NetConfig { in_channels: channels, image_size: [size; 2], ..NetConfig::new(name, 5).expect("a name") };
        let device = Device::flex();
        let net = Viewed::Net(config.init(3, &device).expect("builds"));
        let layers = net.conv_layers();
        let fields = net.fields(channels, [size; 2], &device);
        let layer = |fields: Fields| (layers.iter().find(|l| l.id == fields.id).expect("a layer").clone(), fields);
        let fields = fields.into_iter().map(layer).collect();
        (net, fields)
    }

    /// `r = sum_l (k_l - 1) prod_(i < l) s_i + 1` of Araujo et al., equation 2, in the middle of a large picture.
    fn arithmetic(path: &[(usize, usize)]) -> usize {
        let (mut field, mut jump) = (1, 1);
        for &(kernel, stride) in path {
            field += (kernel - 1) * jump;
            jump *= stride;
        }
        field
    }

    #[test]
    fn fields_are_those_of_the_arithmetic() {
        let sides = |fields: &Fields| {
            let [_, h, w] = fields.shape;
            let field = fields.fields[h / 2 * w + w / 2];
            [field.bottom - field.top, field.right - field.left]
        };
        let (_, layers) = net("conv4", 3, 128);
        let mut path = Vec::new();
        for (layer, fields) in &layers {
            path.push((3, 1));
            assert_eq!(sides(fields), [arithmetic(&path); 2], "{}", layer.path);
            path.push((2, 2));
        }
        assert_eq!(layers.len(), 4);

        // The stem, then the longer way through each block; ReLU and norms see a pixel.
        let (_, layers) = net("resnet18", 3, 224);
        let of = |path: &str| sides(&layers.iter().find(|(layer, _)| layer.path == path).expect("a layer").1);
        let mut path = vec![(7, 2), (3, 2)];
        assert_eq!(of("conv1"), [7; 2]);
        for (stage, stride) in [(1, 1), (2, 2), (3, 2)] {
            for block in 0..2 {
                path.push((3, if block == 0 { stride } else { 1 }));
                assert_eq!(
                    of(&format!("layer{stage}.{block}.conv1")),
                    [arithmetic(&path).min(224); 2],
                    "{stage}.{block}"
                );
                path.push((3, 1));
                assert_eq!(
                    of(&format!("layer{stage}.{block}.conv2")),
                    [arithmetic(&path).min(224); 2],
                    "{stage}.{block}"
                );
            }
        }
    }

    /// A pixel outside of a unit's field changes nothing in it but for rounding: Winograd's tiles mix what they hold.
    #[test]
    fn units_see_their_fields_and_no_more() {
        let size = 48;
        for name in ["efficientnet_lite0", "squeezenet1_1"] {
            let (net, layers) = net(name, 3, size);
            let device = Device::flex();
            let outputs = |changed: Option<(usize, usize)>| {
                let mut values: Vec<f32> = (0..3 * size * size).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
                if let Some((y, x)) = changed {
                    (0..3).for_each(|c| values[(c * size + y) * size + x] += 3.0);
                }
                let plan = Plan::default();
                let watch = Watch::all(&plan);
                let x = Tensor::<4>::from_data(TensorData::new(values, [1, 3, size, size]), &device);
                net.features(x, &Pass::Watch(&watch));
                watch
                    .take()
                    .into_iter()
                    .map(|seen| seen.output.into_data().try_into_vec::<f32>().expect("f32"))
                    .collect::<Vec<_>>()
            };
            let before = outputs(None);
            for changed in [(0, 0), (20, 31), (47, 5)] {
                for ((layer, fields), (a, b)) in layers.iter().zip(before.iter().zip(outputs(Some(changed)))) {
                    let units = fields.fields.len();
                    for (unit, field) in fields.fields.iter().enumerate() {
                        let (y, x) = changed;
                        let inside = (field.top..field.bottom).contains(&y) && (field.left..field.right).contains(&x);
                        let differs =
                            (0..fields.shape[0]).any(|c| (a[c * units + unit] - b[c * units + unit]).abs() > 1e-4);
                        assert!(inside || !differs, "{name} {}: unit {unit} at {changed:?}", layer.path);
                    }
                }
            }
        }
    }
}
