#![no_main]

#[allow(dead_code, reason = "each target tries some of them")]
#[path = "../../tests/hostile/honest.rs"]
mod honest;
#[allow(dead_code, reason = "each target tries some of them")]
#[path = "../../tests/hostile/readers.rs"]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::try_one_of(readers::TEXT, bytes));
