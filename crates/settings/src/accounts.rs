//! Users and groups of this host, by name or number.

use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{Group, Uid, User, getgrouplist};
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

/// A user as the host's user database knows him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// His name.
    pub name: String,
    /// Of the groups that were asked about, those he is in.
    pub groups: Vec<String>,
}

/// The user of a number, and in which of `groups` he is: as his primary group or as a member, by the database
/// and whatever a process of his runs with. A group that does not exist has no members.
///
/// # Errors
/// As [`user`].
pub fn person(uid: u32, groups: &[String]) -> Result<Option<Person>, LookupFault> {
    let fault = |errno| LookupFault(format!("user {uid}"), errno);
    let user = match User::from_uid(Uid::from_raw(uid)) {
        Err(Errno::ENOENT | Errno::ESRCH) | Ok(None) => return Ok(None),
        Err(errno) => return Err(fault(errno)),
        Ok(Some(user)) => user,
    };
    let name = CString::new(user.name.as_bytes()).map_err(|_| fault(Errno::EINVAL))?;
    let mut person = Person { name: user.name, groups: Vec::new() };
    if groups.is_empty() {
        return Ok(Some(person));
    }
    let his = getgrouplist(&name, user.gid).map_err(fault)?;
    for name in groups {
        match Group::from_name(name) {
            Err(Errno::ENOENT | Errno::ESRCH) | Ok(None) => {}
            Err(errno) => return Err(LookupFault(escape(name), errno)),
            Ok(Some(group)) if his.contains(&group.gid) => person.groups.push(name.clone()),
            Ok(Some(_)) => {}
        }
    }
    Ok(Some(person))
}
