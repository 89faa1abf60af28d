//! The units as they are shipped: what systemd says of them without running them, and a real systemd
//! that boots with them and runs the programs as they are built. `cargo build --workspace` comes first.

mod authority;
mod boot;
mod files;
mod forward;
mod machine;
mod runner;

use std::path::{Path, PathBuf};

/// A path of the repository.
fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// Whether we are root, without which neither users can be made nor a machine be booted.
fn root() -> bool {
    let root = nix::unistd::Uid::effective().is_root();
    if !root {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "this test needs root");
        eprintln!("LEFT OUT: what systemd does with the units (needs root)");
    }
    root
}
