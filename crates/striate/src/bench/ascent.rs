//! Drawing by gradient ascent: a step on one channel of a net, as the atlas takes it.

use burn::tensor::{Device, Tensor, TensorData};
use striate_data::preprocess::Preprocess;
use striate_engine::device::chosen;
use striate_engine::ops::{self, PoolSpec};
use striate_kernels::rng::Key;
use striate_nn::{Frozen, NetError, Viewed};
use striate_train::explain::maximise::{Ascent, Maximise, Style};
use striate_train::explain::{Sight, Target};

use super::formula::filled;
use super::inference;
use super::task::{Output, Task};

/// The net, a layer in its middle and a channel.
const NET: &str = "efficientnet_lite0";
const LAYER: &str = "blocks.4.2.conv_pwl";
const CHANNEL: usize = 7;
/// Side of the parts whose means are compared, in pixels.
const PART: usize = 32;

struct Drawing {
    net: Frozen<Viewed>,
    preprocess: Preprocess,
    device: Device,
    ascent: Ascent,
}

impl Task for Drawing {
    fn run(&mut self) -> Vec<Output> {
        let Self { net, preprocess, device, ascent } = self;
        let drawn = ascent.step(&Sight { net, preprocess, device });
        let [h, w] = preprocess.size;
        let drawn = Tensor::from_data(TensorData::new(drawn, [1, 3, h, w]), &*device);
        // Adam makes whole steps of the signs of rounding errors: single pixels differ between programs, parts of the picture do not.
        vec![Output::Maps(ops::avg_pool2d(drawn, PoolSpec::tiles(PART)))]
    }
}

/// By formula weights, values in `[-1, 1]`.
pub(super) fn ascent(side: usize) -> Result<Box<dyn Task>, NetError> {
    let device = chosen();
    let net = Viewed::Net(filled(inference::config(NET)?.init_zeros(&device)?));
    let layers = net.conv_layers();
    let layer = layers.iter().find(|layer| layer.path == LAYER).expect("a layer of the net").id;
    let preprocess = Preprocess { size: [side; 2], ..Preprocess::rgb() };
    let target = Target::Channel(layer, CHANNEL);
    // Steps of waves are all alike, however many there are.
    let of = Maximise { target, style: Style::Distill, steps: 1, pictures: 1, key: Key::new(0) };
    let net = Frozen::new(net);
    let ascent = Ascent::new(&Sight { net: &net, preprocess: &preprocess, device: &device }, of);
    Ok(Box::new(Drawing { net, preprocess, device, ascent }))
}

/// Multiply-adds of one run, which goes forward to the layer and back to the picture.
pub(super) fn macs(side: usize) -> Result<u64, NetError> {
    let device = Device::flex();
    let net = Viewed::Net(inference::config(NET)?.init_zeros(&device)?);
    let layers = net.conv_layers();
    let mut sum = 0;
    for seen in net.fields(3, [side; 2], &device) {
        let layer = layers.iter().find(|layer| layer.id == seen.id).expect("a layer of the net");
        sum += layer.shape.iter().product::<usize>() * seen.fields.len();
        if layer.path == LAYER {
            break;
        }
    }
    Ok(2 * sum as u64)
}
