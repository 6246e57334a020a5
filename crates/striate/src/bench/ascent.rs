//! Drawing by gradient ascent: steps on one channel of a net, as the atlas takes them.

use burn::module::ParamId;
use burn::tensor::{Device, Tensor, TensorData};
use striate_data::preprocess::Preprocess;
use striate_engine::device::chosen;
use striate_kernels::rng::Key;
use striate_nn::{Frozen, NetError};
use striate_train::explain::maximise::{Maximise, Style, maximise};
use striate_train::explain::{Sight, Target};

use super::formula::filled;
use super::inference;
use super::task::{Output, Task};

/// Steps of one run.
pub(super) const STEPS: usize = 8;
/// The net, a layer in its middle and a channel.
const NET: &str = "efficientnet_lite0";
const LAYER: &str = "blocks.4.2.conv_pwl";
const CHANNEL: usize = 7;

struct Ascent {
    net: Frozen,
    layer: ParamId,
    preprocess: Preprocess,
    device: Device,
}

impl Task for Ascent {
    fn run(&mut self) -> Vec<Output> {
        let Self { net, layer, preprocess, device } = self;
        let sight = Sight { net, preprocess, device };
        let target = Target::Channel(*layer, CHANNEL);
        let of = Maximise { target, style: Style::Distill, steps: STEPS, pictures: 1, key: Key::new(0) };
        let drawn = maximise(&sight, &of, &mut || ());
        let [h, w] = preprocess.size;
        vec![Output::Maps(Tensor::from_data(TensorData::new(drawn, [1, 3, h, w]), &*device))]
    }
}

/// [`STEPS`] steps by formula weights, values in `[-1, 1]`.
pub(super) fn ascent(side: usize) -> Result<Box<dyn Task>, NetError> {
    let device = chosen();
    let net = filled(inference::config(NET)?.init_zeros(&device)?);
    let layers = net.conv_layers();
    let layer = layers.iter().find(|layer| layer.path == LAYER).expect("a layer of the net").id;
    let preprocess = Preprocess { size: [side; 2], ..Preprocess::rgb() };
    Ok(Box::new(Ascent { net: Frozen::new(net), layer, preprocess, device }))
}

/// Multiply-adds of one run: each step goes forward to the layer and back to the picture.
pub(super) fn macs(side: usize) -> Result<u64, NetError> {
    let device = Device::flex();
    let net = inference::config(NET)?.init_zeros(&device)?;
    let layers = net.conv_layers();
    let mut sum = 0;
    for seen in net.fields(3, [side; 2], &device) {
        let layer = layers.iter().find(|layer| layer.id == seen.id).expect("a layer of the net");
        sum += layer.shape.iter().product::<usize>() * seen.fields.len();
        if layer.path == LAYER {
            break;
        }
    }
    Ok((2 * STEPS * sum) as u64)
}
