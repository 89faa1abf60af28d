//! `tsmgate pki invite` and `invites`: who may join, what is then granted, and what became of it.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use tsmgate_pki::enrolment::{self, Invite, InviteOrder, Network};
use tsmgate_pki::{ClientName, time_text};
use tsmgate_text::escape;

use super::passphrase::in_folder;
use super::show::{Answer, table};
use super::{Failure, duration};

#[derive(Debug, Args)]
pub(super) struct InviteArgs {
    /// The host's name, of a-z, 0-9, dot and dash
    name: ClientName,
    /// Its roles in the gate's configuration; several with commas
    #[arg(long, required = true, value_delimiter = ',', value_name = "ROLE")]
    roles: Vec<String>,
    /// Where it may come from, within the gate's admission.allow [default: all of that]
    #[arg(long, value_delimiter = ',', value_name = "NETWORK")]
    networks: Vec<Network>,
    /// How long the token is good, as 1h or 2d; at most 7d
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = duration)]
    valid: Duration,
    /// The host is made anew: revoke what it has when it joins
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
pub(super) struct GrantArgs {
    /// Who has joined
    name: ClientName,
    #[command(flatten)]
    what: What,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct What {
    /// Its roles from now on; several with commas [default: as they are]
    #[arg(long, value_delimiter = ',', value_name = "ROLE")]
    roles: Option<Vec<String>>,
    /// Where it may come from [default: as it is]
    #[arg(long, value_delimiter = ',', value_name = "NETWORK")]
    networks: Option<Vec<Network>>,
    /// It may come from all of the gate's admission.allow
    #[arg(long, conflicts_with = "networks")]
    any_network: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum InvitesVerb {
    /// List the invites, and what became of them
    List,
    /// Take the invite of a name back; its certificates stay
    Revoke {
        /// Whose
        name: ClientName,
    },
}

/// Files an invite. The token is the answer, and is told nowhere else.
pub(super) fn invite(dir: &Path, args: InviteArgs, now: OffsetDateTime) -> Result<Answer, Failure> {
    let InviteArgs { name, roles, networks, valid, replace } = args;
    in_folder(dir)?;
    let order = InviteOrder { name, roles, networks, valid, replace };
    let (token, invite) = enrolment::invite(dir, &order, now)?;
    let until = time_text(invite.not_after);
    let roles = invite.grants.roles.join(", ");
    let talk = format!(
        "invited {} as {roles}, until {until}, once\n\
         on that host, type `tsmgate join` and paste this line:\n",
        invite.name
    );
    let json = json!({
        "name": invite.name,
        "roles": invite.grants.roles,
        "networks": invite.grants.networks,
        "ends": until,
        "address": token.address,
        "token": token.to_string(),
    });
    Ok(Answer::new(format!("{token}\n"), json, talk))
}

/// What a client may do from now on. The gate takes it up by itself, and open connections too.
pub(super) fn grant(dir: &Path, args: GrantArgs) -> Result<Answer, Failure> {
    let GrantArgs { name, what: What { roles, networks, any_network } } = args;
    in_folder(dir)?;
    let networks = if any_network { Some(Vec::new()) } else { networks };
    let grants = enrolment::grant(dir, &name, roles.as_deref(), networks.as_deref())?;
    let from =
        grants.networks.as_ref().map_or_else(String::new, |it| format!(", from {}", it.join(", ")));
    let may = escape(format!("{}{from}", grants.roles.join(", ")).as_bytes());
    let talk = format!("{name} may be {may}; the gate has it within a second\n");
    let json = json!({ "name": name, "roles": grants.roles, "networks": grants.networks });
    Ok(Answer::new(String::new(), json, talk))
}

pub(super) fn invites(
    dir: &Path,
    verb: &InvitesVerb,
    now: OffsetDateTime,
) -> Result<Answer, Failure> {
    in_folder(dir)?;
    match verb {
        InvitesVerb::List => Ok(list(&enrolment::invites(dir)?, now)),
        InvitesVerb::Revoke { name } => {
            let was = enrolment::withdraw(dir, name)?;
            let talk = match was {
                true => format!("the invite of {name} is taken back\n"),
                false => format!("there is no invite of {name}\n"),
            };
            Ok(Answer::new(String::new(), json!({ "revoked": was }), talk))
        }
    }
}

fn list(invites: &[Invite], now: OffsetDateTime) -> Answer {
    let state = |invite: &Invite| match &invite.used {
        Some(used) => format!("joined {}", time_text(used.at)),
        None if now > invite.not_after => "expired".to_owned(),
        None => "open".to_owned(),
    };
    let networks = |invite: &Invite| invite.grants.networks.clone().unwrap_or_default();
    let rows = invites.iter().map(|invite| {
        let networks = networks(invite);
        let networks = if networks.is_empty() { "any".into() } else { networks.join(",") };
        let ends = time_text(invite.not_after);
        [invite.name.clone(), state(invite), ends, invite.grants.roles.join(","), networks]
    });
    let lines = table(["NAME", "STATE", "ENDS", "ROLES", "NETWORKS"], rows.collect());
    let json = invites.iter().map(|invite| {
        json!({
            "name": invite.name,
            "made": time_text(invite.made),
            "ends": time_text(invite.not_after),
            "roles": invite.grants.roles,
            "networks": invite.grants.networks,
            "replace": invite.replace,
            "expired": invite.used.is_none() && now > invite.not_after,
            "joined": invite.used.as_ref().map(|used| time_text(used.at)),
            "serial_number": invite.used.as_ref().map(|used| used.serial.clone()),
        })
    });
    let json = json.collect::<Vec<_>>().into();
    let talk = if invites.is_empty() { "nobody is invited\n" } else { "" };
    Answer::new(lines, json, talk.to_owned())
}
