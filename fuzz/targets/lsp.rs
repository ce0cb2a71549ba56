#![no_main]

#[path = "../../tests/authoring/sessions.rs"]
mod sessions;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sessions::session(bytes));
