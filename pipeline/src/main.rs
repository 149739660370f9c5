//! The binary `millrace`.

use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::keep_pages();
    pipeline::main()
}
