//! The packages: what is in them, and what an installation, an upgrade, a removal and a purge do on a
//! copy of this machine that nobody keeps.
//!
//! Made of the programs as they were built beside this test; `cargo deb` and `cargo generate-rpm` come
//! from `tests/run`.

mod contents;
mod life;
mod made;
mod scripts;

use std::path::{Path, PathBuf};

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
