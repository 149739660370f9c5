//! Any program and any bytes: an event that prints as one object, or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Program;
use sources::programs;

fuzz_target!(|input: (u8, &[u8])| {
    let (program, bytes) = input;
    let program = Program::ALL[usize::from(program) % Program::ALL.len()];
    if let Ok(payload) = programs::decode(program, bytes) {
        assert!(serde_json::to_value(&payload).is_ok_and(|value| value.is_object()));
    }
    // The same bytes as the data of an instruction.
    let _ = programs::accounts(program, bytes, bytes.len());
});
