//! The user that the gate runs as: whether there is one, whether it is in the group that TSM lets in, and
//! what the world looks like to it.
//!
//! The group database counts, for TSM looks the group up by user; a process keeps the groups it began with.

use std::ffi::CString;
use std::os::unix::fs::MetadataExt;

use nix::unistd::{
    Gid, Group, Uid, User, getegid, geteuid, getgrouplist, getgroups, setegid, seteuid, setgroups,
};
use tsmgate_text::escape;

use super::process::Process;
use super::{Cause, Config, SERVICE_USER, Seen, Side, shown, unit};

/// A user of this host, as its database has it now.
#[derive(Debug, Clone)]
pub(super) struct Account {
    name: String,
    uid: u32,
    groups: Vec<u32>,
}

impl Account {
    fn of(user: User) -> Result<Self, String> {
        let name = CString::new(user.name.clone()).map_err(|error| error.to_string())?;
        let groups = getgrouplist(&name, user.gid).map_err(|errno| errno.to_string())?;
        let groups = groups.into_iter().map(Gid::as_raw).collect();
        Ok(Self { name: user.name, uid: user.uid.as_raw(), groups })
    }

    /// Looks with this user's rights, where we may take them: only root may. Another user looks with its own
    /// where it is this one.
    pub(super) fn eyes<T>(&self, look: impl FnOnce() -> T) -> Result<T, String> {
        let us = geteuid();
        if us.as_raw() == self.uid {
            return Ok(look());
        }
        if !us.is_root() {
            let name = escape(&self.name);
            return Err(format!("only root can look as {name}: sudo tsmgated doctor"));
        }
        let refused =
            |errno: nix::Error| format!("the system does not let root be another: {errno}");
        let (group, groups) = (getegid(), getgroups().map_err(refused)?);
        let theirs: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        let first = theirs.first().copied().unwrap_or(group);
        let back = || seteuid(us).and_then(|()| setegid(group)).and_then(|()| setgroups(&groups));
        let taken = setgroups(&theirs)
            .and_then(|()| setegid(first))
            .and_then(|()| seteuid(Uid::from_raw(self.uid)));
        if let Err(errno) = taken {
            back().map_err(refused)?;
            return Err(refused(errno));
        }
        let seen = look();
        back().map_err(refused)?;
        Ok(seen)
    }
}

/// Who the gate runs as, or would.
pub(super) fn seen(
    asked: Option<&str>,
    gate: Option<&Process>,
    config: Option<&Config>,
) -> (Seen, Option<Account>) {
    let (user, whence) = match (asked, gate.and_then(|gate| gate.uid)) {
        (Some(name), _) => (User::from_name(name).map(|user| (user, name.to_owned())), "--user"),
        (None, Some(uid)) => {
            let user = User::from_uid(Uid::from_raw(uid));
            (user.map(|user| (user, format!("uid {uid}"))), "the running gate's")
        }
        (None, None) => {
            let name = unit::user().unwrap_or_else(|| SERVICE_USER.to_owned());
            (User::from_name(&name).map(|user| (user, name)), "the unit's")
        }
    };
    let mut seen = Seen::of(format!("users database, {whence} user"));
    let account = match user.map_err(|errno| errno.to_string()) {
        Ok((Some(user), _)) => Account::of(user),
        Ok((None, name)) => {
            let what =
                "systemd-sysusers makes it where the package is installed; else useradd --system";
            let sentence = format!("there is no user {}", escape(name));
            seen.fail(Cause::Refused, sentence, Side::Host, what);
            return (seen, None);
        }
        Err(error) => Err(error),
    };
    let account = match account {
        Ok(account) => account,
        Err(error) => {
            let sentence = format!("the users database does not answer: {error}");
            let what = "getent passwd; is a directory service that it asks down?";
            seen.fail(Cause::System, sentence, Side::Host, what);
            return (seen, None);
        }
    };
    let groups: Vec<_> = account.groups.iter().map(|&group| group_name(group)).collect();
    let name = escape(&account.name);
    seen.note(format!("{name} is uid {}, in the groups {}", account.uid, groups.join(", ")));
    if let Some(config) = config {
        membership(&mut seen, &account, gate, config);
    }
    (seen, Some(account))
}

/// Whether TSM would let it in, and whether the running process knows.
fn membership(seen: &mut Seen, account: &Account, gate: Option<&Process>, config: &Config) {
    let path = &config.tsm.login.path;
    let Ok(socket) = std::fs::metadata(path) else {
        let path = shown(path);
        seen.note(format!("{path} cannot be looked at: whether it is in TSM's group is not known"));
        return;
    };
    let (group, name) = (group_name(socket.gid()), escape(&account.name));
    if !account.groups.contains(&socket.gid()) {
        seen.fail(
            Cause::Refused,
            format!("{name} is not in {group}, the group of TSM's socket: TSM refuses it"),
            Side::Host,
            format!("usermod --append --groups {group} {name}, then systemctl restart tsmgated"),
        );
        return;
    }
    seen.note(format!("it is in {group}, the group of TSM's socket"));
    let running = gate.filter(|gate| gate.uid == Some(account.uid));
    if let Some(gate) = running.filter(|gate| !gate.groups.contains(&socket.gid())) {
        seen.warn(
            format!("process {} began before it was, and is not in {group}", gate.pid),
            Side::Gate,
            "systemctl restart tsmgated: a process keeps the groups it began with",
        );
    }
}

/// A group's name, or its number where it has none.
pub(super) fn group_name(group: u32) -> String {
    let found = Group::from_gid(Gid::from_raw(group)).ok().flatten();
    found.map_or_else(|| format!("gid {group}"), |group| escape(group.name))
}

/// The same of a user.
pub(super) fn user_name(user: u32) -> String {
    let found = User::from_uid(Uid::from_raw(user)).ok().flatten();
    found.map_or_else(|| format!("uid {user}"), |user| escape(user.name))
}
