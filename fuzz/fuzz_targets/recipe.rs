//! Any text as a recipe: `cargo fuzz run recipe fuzz/corpus/recipe recipes crates/striate-train/tests/bad/recipe`.
//!
//! The parser's file is taken in as it is: by way of the crate the fuzzer would build all of Burn.

#![no_main]

#[path = "../../crates/striate-train/src/recipe.rs"]
mod recipe;

use libfuzzer_sys::fuzz_target;
use recipe::Recipe;

fuzz_target!(|text: &str| {
    let Ok(read) = Recipe::parse(text) else { return };
    let again = read.to_toml();
    assert_eq!(Recipe::parse(&again).expect("its own text"), read);
});
