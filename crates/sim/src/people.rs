//! Who may log in: the rule of TSM, asked of the host's users or of a table that a test brings.
//!
//! Documented: members of the TSM group, the unprivileged service account and root pass. The peer's
//! uid is all that the socket tells (`SO_PEERCRED` carries no supplementary groups), so the groups
//! come from the user database. A group that a process merely runs with therefore counts for nothing.

use std::ffi::CString;

use nix::unistd::{Group, Uid, User, getgrouplist};

/// Who passes.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Members of this group pass. TSM's default: `tsmadmin` (documented).
    pub group: String,
    /// The unprivileged service account, which passes too. TSM's default: `tableau` (documented).
    pub service_account: String,
    /// Where users and their groups are looked up.
    pub directory: Directory,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            group: "tsmadmin".to_owned(),
            service_account: "tableau".to_owned(),
            directory: Directory::System,
        }
    }
}

/// Where users and their groups are looked up.
#[derive(Clone, Debug, Default)]
pub enum Directory {
    /// The host's user database, through NSS, anew for each call.
    #[default]
    System,
    /// A table, for tests that cannot create users.
    Table(Vec<Account>),
}

/// One row of a table of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user's number.
    pub uid: u32,
    /// The user's name.
    pub name: String,
    /// The names of all groups the user is in.
    pub groups: Vec<String>,
}

impl Account {
    /// A row for the user this process runs as, under a name and with groups of the caller's choice.
    #[must_use]
    pub fn of_this_process(name: &str, groups: &[&str]) -> Self {
        Self {
            uid: Uid::effective().as_raw(),
            name: name.to_owned(),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
        }
    }
}

/// What the directory knows about a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) name: String,
    pub(crate) in_group: bool,
}

/// The answer to "may this caller log in".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Granted,
    Refused,
    /// The directory could not be asked.
    Failed,
}

impl Policy {
    /// Looks a uid up. The system's directory blocks, so it is asked on a thread of its own.
    ///
    /// # Errors
    /// A text for the log, when the directory cannot be asked.
    pub(crate) async fn look_up(&self, uid: u32) -> Result<Option<Caller>, String> {
        match &self.directory {
            Directory::Table(accounts) => Ok(find_in_table(accounts, uid, &self.group)),
            Directory::System => {
                let group = self.group.clone();
                let asked = tokio::task::spawn_blocking(move || find_in_system(uid, &group)).await;
                match asked {
                    Ok(found) => found.map_err(|errno| errno.to_string()),
                    Err(panicked) => Err(panicked.to_string()),
                }
            }
        }
    }

    /// The rule itself. A uid that nobody knows is refused; that much is a guess.
    pub(crate) fn judge(&self, uid: u32, caller: Option<&Caller>) -> Verdict {
        let passes = uid == 0
            || caller.is_some_and(|known| known.in_group || known.name == self.service_account);
        if passes { Verdict::Granted } else { Verdict::Refused }
    }
}

fn find_in_table(accounts: &[Account], uid: u32, group: &str) -> Option<Caller> {
    let account = accounts.iter().find(|account| account.uid == uid)?;
    let in_group = account.groups.iter().any(|name| name == group);
    Some(Caller { name: account.name.clone(), in_group })
}

fn find_in_system(uid: u32, group: &str) -> nix::Result<Option<Caller>> {
    let Some(user) = User::from_uid(Uid::from_raw(uid))? else { return Ok(None) };
    let name = CString::new(user.name.as_bytes()).map_err(|_| nix::errno::Errno::EINVAL)?;
    let in_group = match Group::from_name(group)? {
        Some(wanted) => getgrouplist(&name, user.gid)?.contains(&wanted.gid),
        None => false,
    };
    Ok(Some(Caller { name: user.name, in_group }))
}

#[cfg(test)]
mod tests;
