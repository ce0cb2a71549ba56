#![no_main]

#[path = "../../tests/hostile/honest.rs"]
mod honest;
#[path = "../../tests/hostile/readers.rs"]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::try_one_of(readers::COSTS, bytes));
