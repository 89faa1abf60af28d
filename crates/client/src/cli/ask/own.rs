//! `tsmgate whoami` and `tsmgate permissions`: what the gate itself has to say of its caller.

use clap::Args;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tsmgate_text::escape;

use super::several::Answered;
use super::shown::{list, part};
use super::{Asking, Task as Any, as_json, member};
use crate::api::{Api, Own};
use crate::cli::Streams;
use crate::cli::colour::Tone;
use crate::cli::complaint::Complaint;
use crate::cli::table::{Cell, table};
use crate::exit::{Ended, Exit};

/// Fewer days than this are worth a warning.
const DAYS_LOW: i64 = 21;

/// Show who you are at the gate, and what you may
///
/// The answer has the client, its identity, roles and permissions, what is left of its limits, and the
/// end of its certificate; under 21 days a warning goes to stderr.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate whoami --gate tsm.example.com --ca ca.pem --cert jump01.pem --key jump01.key
  tsmgate whoami --json | jq -r .certificate.not_after

JSON: client, identity, address, roles[], permissions[], except[], certificate{serial, sha256,
not_after}, limits{requests, logins, commands, in_flight}, lanes[], gate{version}; as the gate gives it.")]
pub(crate) struct WhoamiArgs {
    #[command(flatten)]
    asking: Asking,
}

/// List every permission, and which of them you have
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate permissions
  tsmgate permissions --json | jq -r '.permissions[] | select(.granted) | .name'

JSON: permissions[]{name, effect, granted, by, operations[]}; as the gate gives it.")]
pub(crate) struct PermissionsArgs {
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug)]
pub(super) struct Task {
    asked: Own,
    /// Where `tsmgate renew` renews our certificate: whether the next one should have been there by now.
    pub(super) is_late: Option<bool>,
}

impl WhoamiArgs {
    pub(super) fn settle(self) -> (Asking, Any) {
        (self.asking, Any::Own(Task::new(Own::WhoAmI)))
    }
}

impl PermissionsArgs {
    pub(super) fn settle(self) -> (Asking, Any) {
        (self.asking, Any::Own(Task::new(Own::Permissions)))
    }
}

/// The columns of a caller in one line.
pub(super) const HEADING: [&str; 5] = ["CLIENT", "ADDRESS", "ROLES", "CERTIFICATE", "GATE"];

impl Task {
    fn new(asked: Own) -> Self {
        Self { asked, is_late: None }
    }

    /// Whether it asks who we are, which several gates can be asked.
    pub(super) fn is_who_am_i(&self) -> bool {
        self.asked == Own::WhoAmI
    }

    /// What one of several gates says.
    pub(super) async fn one_of_several(&self, api: &mut Api) -> Result<Answered, Complaint> {
        let answer = api.ask_gate(self.asked).await?;
        member(api, &answer, "client")?;
        let who = answer.json();
        let gate = who.get("gate").map(|gate| part(gate, "version"));
        let row = vec![
            Cell::own(part(who, "client")),
            Cell::own(part(who, "address")),
            Cell::own(words(who, "roles").unwrap_or_default()),
            Cell::own(days_left(who).map(in_days).unwrap_or_default()),
            Cell::own(gate.unwrap_or_default()),
        ];
        Ok(Answered { rows: vec![row], answer, ended: Exit::Done.into() })
    }

    pub(super) async fn perform(
        self,
        api: &mut Api,
        json: bool,
        streams: &mut Streams<'_>,
    ) -> Result<Ended, Complaint> {
        let answer = api.ask_gate(self.asked).await?;
        // that it is the answer to this question is seen even where nobody looks at it
        let known = match self.asked {
            Own::WhoAmI => "client",
            Own::Permissions => "permissions",
        };
        member(api, &answer, known)?;
        match (json, self.asked) {
            (true, _) => as_json(&answer, streams)?,
            (false, Own::Permissions) => permissions(answer.json(), streams)?,
            (false, Own::WhoAmI) => who_am_i(answer.json(), streams)?,
        };
        if self.asked == Own::WhoAmI {
            warn(answer.json(), self.is_late, streams);
        }
        Ok(Exit::Done.into())
    }
}

fn permissions(answer: &Value, streams: &mut Streams<'_>) -> Result<Ended, Complaint> {
    let row = |permission: &Value| {
        let granted = permission.get("granted").and_then(Value::as_bool).unwrap_or_default();
        let (word, tone) = if granted { ("yes", Tone::Good) } else { ("no", Tone::Quiet) };
        [
            Cell::own(part(permission, "name")),
            Cell::own(word).whole().toned(tone),
            Cell::own(part(permission, "by")),
            Cell::own(part(permission, "effect")),
        ]
    };
    let rows: Vec<_> = list(answer, "permissions").iter().map(row).collect();
    let heading = ["PERMISSION", "YOURS", "BY", "EFFECT"];
    streams.rendered(table(heading, &rows, streams.out_width))?;
    Ok(Exit::Done.into())
}

fn who_am_i(answer: &Value, streams: &mut Streams<'_>) -> Result<Ended, Complaint> {
    let mut block = String::new();
    let mut line = |name: &str, text: Option<String>| {
        block.extend(text.map(|text| format!("{name:<11}  {text}\n")));
    };
    let text = |name: &str| answer.get(name).map(|_| part(answer, name));
    line("client", text("client"));
    line("identity", text("identity"));
    line("address", text("address"));
    line("roles", words(answer, "roles"));
    line("permissions", words(answer, "permissions"));
    line("except", words(answer, "except"));
    line("certificate", certificate(answer));
    line("limits", limits(answer));
    line("lanes", words(answer, "lanes"));
    let gate = answer.get("gate").filter(|gate| gate.get("version").is_some());
    line("gate", gate.map(|gate| format!("tsmgated {}", part(gate, "version"))));
    streams.answer(block.as_bytes())?;
    Ok(Exit::Done.into())
}

/// A list in one line, each word escaped on its own; none where there is none.
fn words(answer: &Value, name: &str) -> Option<String> {
    answer.get(name)?;
    let words: Vec<_> = list(answer, name).iter().filter_map(Value::as_str).map(escape).collect();
    Some(if words.is_empty() { "none".to_owned() } else { words.join(", ") })
}

fn certificate(answer: &Value) -> Option<String> {
    let certificate = answer.get("certificate")?;
    let mut text = format!("serial {}", part(certificate, "serial"));
    if certificate.get("not_after").is_some() {
        text.push_str(&format!(", until {}", part(certificate, "not_after")));
    }
    if let Some(days) = days_left(answer) {
        text.push_str(&format!(", {}", in_days(days)));
    }
    Some(text)
}

fn limits(answer: &Value) -> Option<String> {
    let limits = answer.get("limits")?;
    let mut parts = Vec::new();
    for (name, word) in [("requests", "requests"), ("logins", "logins"), ("commands", "commands")] {
        if let Some(limit) = limits.get(name) {
            let (left, burst) = (part(limit, "left"), part(limit, "burst"));
            parts.push(format!("{left} of {burst} {word} left"));
        }
    }
    if let Some(limit) = limits.get("in_flight") {
        parts.push(format!("{} of {} in flight", part(limit, "now"), part(limit, "most")));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn warn(answer: &Value, is_late: Option<bool>, streams: &mut Streams<'_>) {
    let Some(days) = days_left(answer) else { return };
    let how = match is_late {
        // whatever is left: its life may be short
        Some(true) => "`tsmgate renew` gets the next one, and says why there is none yet",
        None if days < DAYS_LOW => {
            "have a new one issued, by `tsmgate pki client` or by whoever issued it"
        }
        _ => return,
    };
    streams.say(&format!("your certificate ends {}: {how}", in_days(days)));
}

fn days_left(answer: &Value) -> Option<i64> {
    let end = answer.get("certificate")?.get("not_after")?.as_str()?;
    let end = OffsetDateTime::parse(end, &Rfc3339).ok()?;
    Some((end - OffsetDateTime::now_utc()).whole_days())
}

fn in_days(days: i64) -> String {
    match days {
        ..=0 => "within a day".to_owned(),
        1 => "in 1 day".to_owned(),
        _ => format!("in {days} days"),
    }
}
