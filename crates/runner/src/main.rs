//! The doorway of `tsmgate-runner`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tsmgate_runner::cli::main()
}
