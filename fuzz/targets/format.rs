#![no_main]

#[path = "../../tests/authoring/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| properties::format(text));
