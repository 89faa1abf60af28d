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
        match SYSUSERS.iter().find(|file| Path::new(file).exists()) {
            Some(file) if Program::Sysusers.place().is_some() => {
                Ok(Standing::ToDo(format!("there is none; systemd-sysusers makes it by {file}")))
            }
            _ => Err(Trouble::system(format!(
                "there is none, and no systemd-sysusers with {} to make it by; make it, and run this again: \
                 useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin {}",
                SYSUSERS.join(" or "),
                self.0
            ))),
        }
    }

    fn perform(&self) -> Result<(), Trouble> {
        Program::Sysusers.run(&["tsmgate.conf"])?;
        user(self.0).map(|_| ())
    }
}

/// The gate's user in TSM's group.
pub(super) struct Membership {
    group: Option<String>,
    socket: bool,
}

impl Membership {
    pub(super) fn of(host: &Host) -> Self {
        Self { group: host.group.clone(), socket: host.socket.is_some() }
    }

    fn group(&self) -> Result<Group, Trouble> {
        let missing = match self.socket {
            false => {
                "TSM's login socket /var/run/tableau/tab-controller-login-* is not there, nor the group \
                      tsmadmin; install and start TSM, and run this again"
            }
            true => {
                "TSM's login socket has no group of its own, and there is no group tsmadmin; see \
                     `tsmgated doctor`"
            }
        };
        let group = self.group.as_deref().and_then(|name| Group::from_name(name).ok().flatten());
        group.ok_or_else(|| Trouble::system(missing))
    }
}

impl Step for Membership {
    fn what(&self) -> String {
        let group = self.group.as_deref().unwrap_or("TSM's group");
        format!("{GATE} in {group}")
    }

    fn look(&self) -> Result<Standing, Trouble> {
        let group = self.group()?;
        let todo = Standing::ToDo("TSM lets in who is in its group".to_owned());
        // the user itself is a step of its own
        let Ok((_, first)) = user(GATE) else { return Ok(todo) };
        let name = CString::new(GATE).map_err(|error| Trouble::system(error.to_string()))?;
        let groups = getgrouplist(&name, first);
        let groups =
            groups.map_err(|errno| Trouble::system(format!("the group database: {errno}")))?;
        Ok(match groups.contains(&group.gid) {
            true => Standing::So("TSM lets it in".to_owned()),
            false => todo,
        })
    }

    fn perform(&self) -> Result<(), Trouble> {
        Program::Usermod.run(&["--append", "--groups", &self.group()?.name, GATE])
    }
}
