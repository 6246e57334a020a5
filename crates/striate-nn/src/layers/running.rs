//! Running statistics: state that a training pass updates and no gradient reaches.

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, ParamId, RunningState,
};
use burn::tensor::{Device, Tensor};

/// A statistic of each channel, `[C]`.
///
/// Unlike Burn's [`RunningState`], a clone is a copy: a net that goes on training does not change the clone that was kept
/// as the best so far.
#[derive(Debug)]
pub struct Running {
    id: ParamId,
    state: RunningState<Tensor<1>>,
}

impl Running {
    /// Starts at `value`.
    pub fn new(value: Tensor<1>) -> Self {
        Self::with_id(ParamId::new(), value)
    }

    fn with_id(id: ParamId, value: Tensor<1>) -> Self {
        Self { id, state: RunningState::with_id(id, value.without_autodiff()) }
    }

    /// The statistic as it is now.
    pub fn value(&self) -> Tensor<1> {
        self.state.value()
    }

    /// Moves a share `momentum` of the way to `value`.
    pub(crate) fn update(&self, value: Tensor<1>, momentum: f32) {
        self.state.update(self.value() * (1.0 - momentum) + value * momentum);
        self.state.value_sync(); // Burn keeps an update back until it is asked for; a checkpoint must not miss the last one
    }
}

impl Clone for Running {
    fn clone(&self) -> Self {
        Self::with_id(self.id, self.value())
    }
}

impl Module for Running {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.state.collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        self.to_device(device)
    }

    fn to_device(self, device: &Device) -> Self {
        Self::with_id(self.id, self.value().to_device(device))
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        self.state.visit(visitor);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let Self { id, state } = self;
        Self { id, state: state.map(mapper) }
    }

    fn valid(&self) -> Self {
        self.clone()
    }

    fn train(self) -> Self {
        self
    }

    fn materialize(self) -> Self {
        self
    }
}

impl ModuleDisplayDefault for Running {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&format!("Running {:?}", self.value().dims())).optional()
    }
}

impl ModuleDisplay for Running {}
