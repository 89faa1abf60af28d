//! The first invite, the last of all steps: for it this process becomes the service's user for good, whose folder
//! it is written in.

use std::path::Path;

use nix::unistd::{Uid, setgroups, setresgid, setresuid};
use time::{Duration, OffsetDateTime};
use tsmgate_pki::enrolment::{InviteOrder, invite, invites};
use tsmgate_pki::{ClientName, time_text};

use super::people::{AUTHORITY, user};
use super::step::Trouble;
use super::{Line, SetupArguments};
use crate::cli::Exit;
use crate::config::raw::FOLDER;

/// How long it is good.
const VALID: Duration = Duration::hours(1);

/// See the room's first lines.
pub(super) struct Invitation(Option<InviteOrder>);

impl Invitation {
    pub(super) fn of(arguments: &SetupArguments) -> Self {
        let order = |name: &ClientName| InviteOrder {
            name: name.clone(),
            roles: arguments.roles.clone(),
            networks: arguments.networks.clone(),
            valid: VALID,
            replace: false,
        };
        Self(arguments.invite.as_ref().map(order))
    }

    /// What is to be said, and the line to type on the invited host.
    pub(super) fn take(&self, dry_run: bool, exit: &mut Exit) -> (Line, Option<String>) {
        let Some(order) = &self.0 else {
            let says = format!("tsmgate pki --dir {FOLDER} invite jump01 --roles operator,login");
            return (Line { what: "the first invite".to_owned(), standing: "by hand", says }, None);
        };
        let what = format!("invite for {}", order.name);
        let line = |standing, says: String| Line { what: what.clone(), standing, says };
        if dry_run {
            return (
                line("would", format!("as {}, once, for an hour", order.roles.join(", "))),
                None,
            );
        }
        match self.filed(order) {
            Ok(Filed::Already(says)) => (line("is so", says), None),
            Ok(Filed::New { until, token }) => {
                let says = format!("until {until}, once; type on {}:", order.name);
                (line("done", says), Some(format!("tsmgate join {token}")))
            }
            Err(trouble) => {
                if *exit == Exit::Done {
                    *exit = trouble.exit;
                }
                (line("cannot", trouble.says), None)
            }
        }
    }

    fn filed(&self, order: &InviteOrder) -> Result<Filed, Trouble> {
        become_its_user()?;
        let folder = Path::new(FOLDER);
        let now = OffsetDateTime::now_utc();
        let there = invites(folder)?;
        let there = there.iter().find(|there| there.name == order.name.as_str());
        let again = format!(
            "tsmgate pki --dir {FOLDER} invite {} --roles {}",
            order.name,
            order.roles.join(",")
        );
        match there {
            Some(there) if there.used.is_some() => {
                return Ok(Filed::Already("it has joined by one".to_owned()));
            }
            Some(there) if now < there.not_after => {
                let until = time_text(there.not_after);
                return Ok(Filed::Already(format!("there is one until {until}; another: {again}")));
            }
            _ => {}
        }
        let (token, invite) = invite(folder, order, now)?;
        Ok(Filed::New { until: time_text(invite.not_after), token: token.to_string() })
    }
}

enum Filed {
    Already(String),
    New { until: String, token: String },
}

fn become_its_user() -> Result<(), Trouble> {
    let (user, group) = user(AUTHORITY)?;
    if Uid::effective() == user {
        return Ok(());
    }
    setgroups(&[group])
        .and_then(|()| setresgid(group, group, group))
        .and_then(|()| setresuid(user, user, user))
        .map_err(|errno| Trouble::system(format!("cannot become {AUTHORITY}: {errno}")))
}
