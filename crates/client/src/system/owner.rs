//! Becoming somebody else, for good: root that works in another user's folder writes there as that user, so
//! that nothing in it can lead its hand elsewhere, and all that it makes belongs to whose the folder is.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

/// Becomes the owner of `folder`, where we are root and it is not root's.
pub(crate) fn become_owner_of(folder: &Path) -> io::Result<()> {
    // not of what a link leads to: whoever may put one there decides
    let owner = folder.symlink_metadata()?;
    if !Uid::effective().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
    setgroups(&[group])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    Ok(())
}
