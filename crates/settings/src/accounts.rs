//! Users and groups of this host, by name or number.

use nix::errno::Errno;
use nix::unistd::{Group, User};
use tsmgate_text::escape;

/// A name that cannot be looked up: the host's user database does not answer.
#[derive(Debug, thiserror::Error)]
#[error("looking `{0}` up failed: {1}; try again, or write the number")]
pub struct LookupFault(String, Errno);

/// A user: its number and that of its primary group, where the host knows it. A number stands for itself,
/// without a group.
///
/// # Errors
/// The host's user database does not answer; that is not the same as that there is none.
pub fn user(name: &str) -> Result<Option<(u32, Option<u32>)>, LookupFault> {
    if let Ok(number) = name.parse() {
        return Ok(Some((number, None)));
    }
    match User::from_name(name) {
        // getpwnam_r(3): these too may say that there is no such user
        Err(Errno::ENOENT | Errno::ESRCH) => Ok(None),
        Err(errno) => Err(LookupFault(escape(name), errno)),
        Ok(found) => Ok(found.map(|user| (user.uid.as_raw(), Some(user.gid.as_raw())))),
    }
}

/// A group's number, where the host knows it.
///
/// # Errors
/// As [`user`].
pub fn group(name: &str) -> Result<Option<u32>, LookupFault> {
    if let Ok(number) = name.parse() {
        return Ok(Some(number));
    }
    match Group::from_name(name) {
        Err(Errno::ENOENT | Errno::ESRCH) => Ok(None),
        Err(errno) => Err(LookupFault(escape(name), errno)),
        Ok(found) => Ok(found.map(|group| group.gid.as_raw())),
    }
}
