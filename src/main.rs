//! The `overhear` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    overhear::cli::main()
}
