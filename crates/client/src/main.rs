//! `tsmgate`: the door to the command line, and nothing else.

fn main() -> std::process::ExitCode {
    tsmgate_client::cli::main()
}
