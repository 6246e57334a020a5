//! Where nets compute: one device for the process, the CPU unless another is chosen before the first net is built.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use burn::tensor::{Device, Tensor};

/// Names of the devices of this build; the feature `cuda` adds one.
pub const NAMES: &[&str] = if cfg!(feature = "cuda") { &["cpu", "cuda"] } else { &["cpu"] };

static CHOSEN: OnceLock<Device> = OnceLock::new();

/// The device asked for does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("the device or its driver does not answer; leave --device out to compute on the CPU")
    }
}

impl std::error::Error for Unavailable {}

/// Makes every net from now on compute on the device of this name.
///
/// # Errors
/// If the device does not answer.
///
/// # Panics
/// If it is none of [`NAMES`], or one is chosen already.
pub fn choose(name: &str) -> Result<(), Unavailable> {
    let device = match name {
        "cpu" => Device::flex(),
        #[cfg(feature = "cuda")]
        "cuda" => Device::cuda(0),
        _ => panic!("device::choose: {name} is none of {NAMES:?}"),
    };
    // Drivers that are not there are told by a panic.
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let answer = catch_unwind(AssertUnwindSafe(|| Tensor::<1>::ones([1], &device).into_scalar::<f32>()));
    std::panic::set_hook(tell);
    if !matches!(answer, Ok(1.0)) {
        return Err(Unavailable);
    }
    CHOSEN.set(device).expect("a device is chosen once");
    Ok(())
}

/// Returns when the chosen device has computed all that it was given, so that its time can be taken.
///
/// # Panics
/// If the device failed.
pub fn wait() {
    chosen().sync().expect("the device computes what it is given");
}

/// Whether this thread is the device's own. What panics there Burn catches: a kernel of several that cannot be made is passed
/// over, and a result that was not computed is an error where it is read.
pub fn computes_here() -> bool {
    std::thread::current().name().is_some_and(|name| name.starts_with("DSD-") || name.starts_with("DSU-"))
}

/// The chosen device, without autodiff.
pub fn chosen() -> Device {
    CHOSEN.get().cloned().unwrap_or_else(Device::flex)
}
