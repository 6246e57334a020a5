//! Near-duplicates: the same picture recompressed, resized, slightly brightened or in another format.

/// Two pictures that show the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicatePair {
    /// The earlier one.
    pub a: usize,
    /// The later one.
    pub b: usize,
    /// In words.
    pub why: String,
}
