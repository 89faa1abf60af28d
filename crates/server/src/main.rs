//! The doorway of `tsmgated`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tsmgate_server::cli::main()
}
