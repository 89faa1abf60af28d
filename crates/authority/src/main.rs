//! The doorway of `tsmgate-authority`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tsmgate_authority::cli::main()
}
