//! Any bytes as a `.npy` array, and any text as a kernel: `cargo fuzz run npy`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use striate_vision::kernel::Kernel;
use striate_vision::kernel_text;
use striate_vision::npy::{Limits, from_npy_bytes, to_npy_bytes};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_header_bytes: 1 << 12, max_elements: 1 << 16, max_axes: 8 };
    if let Ok(array) = from_npy_bytes(bytes, limits) {
        let again = from_npy_bytes(&to_npy_bytes(&array), limits).expect("our own bytes");
        assert_eq!(again.shape(), array.shape());
        let _ = Kernel::from_array(array);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = kernel_text::parse(text);
    }
});
