//! Where the cache is: a folder that goes with the system's run, and never /tmp, where anybody could be first.

use std::env::var_os;
use std::path::PathBuf;

use super::CacheFault;
use crate::system::folder::{is_ours, users_folder};

/// Names the folder itself.
const VARIABLE: &str = "TSMGATE_RUNTIME_DIR";
/// Our folder in one that is not ours alone to name.
const NAME: &str = "tsmgate";

/// The folder of this user.
pub(super) fn folder() -> Result<PathBuf, CacheFault> {
    let named = |variable| var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(folder) = named(VARIABLE) {
        return Ok(folder);
    }
    // sudo and its like can leave another user's here
    let folders = [named("XDG_RUNTIME_DIR"), Some(users_folder())];
    let ours = folders.into_iter().flatten().find(|path| path.is_absolute() && is_ours(path));
    ours.map(|path| path.join(NAME)).ok_or(CacheFault::NoFolder)
}
