//! The users that the services run as, and the membership by which TSM lets the gate in.

use std::ffi::CString;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use super::host::Host;
use super::program::Program;
use super::step::{Standing, Step, Trouble};

/// Who the gate runs as.
pub(super) const GATE: &str = "tsmgate";
/// Who the service runs as that enrols hosts.
pub(super) const AUTHORITY: &str = "tsmgate-authority";
/// Where the package or an administrator says who they are.
const SYSUSERS: [&str; 2] = ["/etc/sysusers.d/tsmgate.conf", "/usr/lib/sysusers.d/tsmgate.conf"];

const LINES: &str = include_str!("../../../../systemd/sysusers.conf");

/// A user's number and first group.
pub(super) fn user(name: &str) -> Result<(Uid, Gid), Trouble> {
    let found = User::from_name(name);
    let found = found.map_err(|errno| Trouble::system(format!("the users database: {errno}")))?;
    let missing = || Trouble::system(format!("there is no user {name}"));
    found.map(|user| (user.uid, user.gid)).ok_or_else(missing)
}

/// The users that there have to be.
pub(super) fn users() -> impl Iterator<Item = Box<dyn Step>> {
    [GATE, AUTHORITY].into_iter().map(|name| Box::new(Account(name)) as Box<dyn Step>)
}

struct Account(&'static str);

impl Step for Account {
    fn what(&self) -> String {
        format!("user {}", self.0)
    }

    fn look(&self) -> Result<Standing, Trouble> {
        if let Ok((uid, _)) = user(self.0) {
            return Ok(Standing::So(format!("uid {uid}")));
        }
        match Program::Sysusers.place() {
            Some(_) => Ok(Standing::ToDo("there is none; systemd-sysusers makes it".to_owned())),
            None => Err(Trouble::system(format!(
                "there is none, and no systemd-sysusers to make it; make it, and run this again: useradd --system \
                 --user-group --home-dir /nonexistent --shell /usr/sbin/nologin {}",
                self.0
            ))),
        }
    }

    fn perform(&self) -> Result<(), Trouble> {
        if SYSUSERS.iter().any(|file| Path::new(file).exists()) {
            Program::Sysusers.run(&["tsmgate.conf"])?;
        } else {
            // without a package: this user's line of the file that it would bring
            let line = LINES.lines().find(|line| line.starts_with(&format!("u {} ", self.0)));
            Program::Sysusers.run(&["--inline", line.unwrap_or_default()])?;
        }
        user(self.0).map(|_| ())
    }
}

/// The gate's user in TSM's group; and the service's in the gate's, where no unit says so.
pub(super) fn memberships(host: &Host) -> Vec<Box<dyn Step>> {
    let missing = match host.socket {
        None => {
            "TSM's login socket /var/run/tableau/tab-controller-login-* is not there, nor the group tsmadmin; \
             install and start TSM, and run this again"
        }
        Some(_) => {
            "TSM's login socket has no group of its own, and there is no group tsmadmin; see `tsmgated doctor`"
        }
    };
    let group = host.group.clone();
    let mut all =
        vec![Membership { user: GATE, group, why: "TSM lets in who is in its group", missing }];
    if !host.systemd {
        all.push(Membership {
            user: AUTHORITY,
            group: Some(GATE.to_owned()),
            why: "it reads its configuration by it; under systemd its unit says so",
            missing: "there is no such group",
        });
    }
    all.into_iter().map(|it| Box::new(it) as Box<dyn Step>).collect()
}

struct Membership {
    user: &'static str,
    group: Option<String>,
    why: &'static str,
    missing: &'static str,
}

impl Membership {
    fn group(&self) -> Result<Group, Trouble> {
        let group = self.group.as_deref().and_then(|name| Group::from_name(name).ok().flatten());
        group.ok_or_else(|| Trouble::system(self.missing))
    }
}

impl Step for Membership {
    fn what(&self) -> String {
        format!("{} in {}", self.user, self.group.as_deref().unwrap_or("TSM's group"))
    }

    fn look(&self) -> Result<Standing, Trouble> {
        let todo = Standing::ToDo(self.why.to_owned());
        // the users are steps of their own
        let Ok((_, first)) = user(self.user) else {
            return if self.group.is_some() { Ok(todo) } else { self.group().map(|_| todo) };
        };
        let name = CString::new(self.user).map_err(|error| Trouble::system(error.to_string()))?;
        let group = match self.group() {
            Ok(group) => group,
            Err(_) if self.group.as_deref() == Some(GATE) => return Ok(todo),
            Err(trouble) => return Err(trouble),
        };
        let groups = getgrouplist(&name, first);
        let groups =
            groups.map_err(|errno| Trouble::system(format!("the group database: {errno}")))?;
        Ok(match groups.contains(&group.gid) {
            true => Standing::So(self.why.to_owned()),
            false => todo,
        })
    }

    fn perform(&self) -> Result<(), Trouble> {
        Program::Usermod.run(&["--append", "--groups", &self.group()?.name, self.user])
    }
}
