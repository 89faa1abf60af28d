//! Users of this host, as its user database has them: what they are called and which groups they are in.
//!
//! The kernel says which user is at the other end of a local socket; it does not say in which groups that
//! user is, but only which one the process happens to run with.

use std::ffi::CString;
use std::io;

use nix::errno::Errno;
use nix::unistd::{Uid, User, getgrouplist};

/// A user of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// What it is called; to be escaped where it is shown.
    pub(crate) name: String,
    /// All groups it is in, by number.
    pub(crate) groups: Vec<u32>,
}

/// The user with this number, where the host knows one. May wait for a directory on the network.
///
/// # Errors
/// The user database does not answer; that is not the same as that there is none.
pub(crate) fn account(uid: u32) -> io::Result<Option<Account>> {
    let user = match User::from_uid(Uid::from_raw(uid)) {
        // getpwuid_r(3): these too may say that there is no such user
        Ok(None) | Err(Errno::ENOENT | Errno::ESRCH) => return Ok(None),
        Ok(Some(user)) => user,
        Err(errno) => return Err(errno.into()),
    };
    let name = CString::new(user.name.as_bytes())?;
    let groups = getgrouplist(&name, user.gid)?.into_iter().map(|group| group.as_raw()).collect();
    Ok(Some(Account { name: user.name, groups }))
}

/// The user that this process is to others.
pub(crate) fn our_user() -> u32 {
    rustix::process::geteuid().as_raw()
}
