#![no_main]

#[allow(dead_code, reason = "each target tries one of them")]
#[path = "../../tests/authoring/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| properties::analyze(text));
