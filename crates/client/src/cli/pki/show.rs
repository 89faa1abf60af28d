//! Answers of `tsmgate pki` as lines for people and as JSON for programs. The JSON is a promise:
//! fields are added, never renamed. One name per thing, whatever the command: `serial_number`, `begins`
//! and `ends`, `public_key` for `KEY:…`, `key_type` for the algorithm, `number` for a list's number.
//! Text from files comes escaped from the library.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tsmgate_pki::inspect::{CertificateView, RequestView, RevocationListView, View};
use tsmgate_pki::{
    Authority, ClientName, Entry, Issued, Kind, Renewal, Revocation, RevocationList, ServerName,
    State, time_text,
};

use tsmgate_text::escape;

use super::Failure;
use super::holders::Holders;
use crate::json::visible;

/// Whom a certificate is for.
#[derive(Debug)]
pub(super) struct Title {
    kind: &'static str,
    names: Vec<String>,
    /// What the daemon's configuration calls it.
    identity: Option<String>,
}

pub(super) fn client_title(name: &ClientName) -> Title {
    let identity = Some(format!("URI:{}", name.uri()));
    Title { kind: "client", names: vec![name.to_string()], identity }
}

pub(super) fn server_title(names: &[ServerName]) -> Title {
    let names = names.iter().map(ServerName::to_string).collect();
    Title { kind: "server", names, identity: None }
}

/// One answer in its three forms.
#[derive(Debug)]
pub(super) struct Answer {
    lines: String,
    json: Value,
    talk: String,
}

impl Answer {
    pub(super) fn new(lines: String, json: Value, talk: String) -> Answer {
        Answer { lines, json, talk }
    }

    pub(super) fn authority(authority: &Authority, encrypted: bool) -> Answer {
        let list = authority.folder().join("clients.crl");
        let fields = [
            ("certificate", path_text(&authority.certificate())),
            ("private key", path_text(&authority.private_key())),
            ("revocation list", path_text(&list)),
            ("ends", time_text(authority.not_after())),
            ("public key", format!("KEY:{}", authority.public_key_sha256())),
        ];
        let talk = if encrypted {
            "made an authority; its key is encrypted: without the passphrase it is lost\n"
        } else {
            "made an authority; its key is not encrypted: keep the folder to yourself\n"
        };
        let mut json = json_of(&fields);
        json.insert("encrypted".into(), encrypted.into());
        Answer { lines: lines_of(&fields), json: json.into(), talk: talk.into() }
    }

    pub(super) fn issued(issued: Vec<(Title, Issued)>) -> Answer {
        let mut answer = Answer { lines: String::new(), json: json!([]), talk: String::new() };
        let mut items = Vec::new();
        for (title, one) in issued {
            let name = title.names.join(", ");
            let mut fields = vec![("certificate", path_text(&one.certificate))];
            fields.extend(one.private_key.as_deref().map(|key| ("private key", path_text(key))));
            fields.push(("serial number", one.serial));
            fields.push(("ends", time_text(one.not_after)));
            fields.extend(title.identity.map(|identity| ("identity", identity)));
            fields.push(("public key", format!("KEY:{}", one.public_key_sha256)));
            if !answer.lines.is_empty() {
                answer.lines.push('\n');
            }
            answer.lines += &lines_of(&[(title.kind, name.clone())]);
            answer.lines += &lines_of(&fields);
            answer.talk += &format!("issued a certificate for {} {name}\n", title.kind);
            let mut item = json_of(&fields);
            item.insert("kind".into(), title.kind.into());
            item.insert("names".into(), title.names.into());
            items.push(Value::Object(item));
        }
        answer.json = items.into();
        answer
    }

    pub(super) fn revocation(done: &Revocation, published: bool) -> Answer {
        let mut talk = match (done.revoked.len(), done.already.len()) {
            (0, 0) => "nothing to revoke: all certificates of that name have expired\n".into(),
            (0, _) => "revoked before; nothing changed but the list's number and dates\n".into(),
            (count, _) => format!("revoked {count}\n"),
        };
        talk += if published {
            "the gate has it, and cuts what is open within two seconds\n"
        } else {
            "copy the list over the one on the daemon's host: it is in force seconds later\n"
        };
        let mut lines = String::new();
        for serial in &done.revoked {
            lines += &lines_of(&[("revoked", serial.clone())]);
        }
        for serial in &done.already {
            lines += &lines_of(&[("revoked before", serial.clone())]);
        }
        let list = Answer::list(&done.list);
        let json = json!({
            "revoked": done.revoked,
            "revoked_before": done.already,
            "list": list.json,
        });
        Answer { lines: lines + &list.lines, json, talk }
    }

    pub(super) fn list(list: &RevocationList) -> Answer {
        let fields = [
            ("revocation list", path_text(&list.path)),
            ("number", list.number.to_string()),
            ("entries", list.entries.to_string()),
            ("ends", time_text(list.next_update)),
        ];
        let mut json = json_of(&fields);
        json.insert("number".into(), list.number.into());
        json.insert("entries".into(), list.entries.into());
        Answer { lines: lines_of(&fields), json: json.into(), talk: String::new() }
    }

    pub(super) fn entries(entries: &[Entry], holders: &Holders, now: OffsetDateTime) -> Answer {
        let rows = entries.iter().map(|entry| row(entry, holders, now)).collect();
        let json = entries.iter().map(|entry| {
            let grants = holders.grants(entry);
            json!({
                "kind": entry.kind,
                "names": entry.names,
                "state": entry.state(now),
                "serial_number": entry.serial,
                "begins": time_text(entry.not_before),
                "ends": time_text(entry.not_after),
                "public_key": format!("KEY:{}", entry.public_key_sha256),
                "revoked_at": entry.revoked.as_ref().map(|revoked| time_text(revoked.at)),
                "reason": entry.revoked.as_ref().map(|revoked| revoked.reason),
                "roles": grants.map(|grants| &grants.roles),
                "networks": grants.and_then(|grants| grants.networks.as_ref()),
                "last_seen": holders.seen(entry),
            })
        });
        let json = json.collect::<Vec<_>>().into();
        let talk = if entries.is_empty() { "nothing was issued yet\n" } else { "" };
        Answer { lines: table(COLUMNS, rows), json, talk: talk.into() }
    }

    pub(super) fn views(views: &[View]) -> Result<Answer, Failure> {
        let lines: Vec<_> = views.iter().map(view_lines).collect();
        let json = serde_json::to_value(views).map_err(io::Error::from)?;
        Ok(Answer { lines: lines.join("\n"), json, talk: String::new() })
    }

    pub(super) fn renewal(renewal: Renewal) -> Answer {
        let ends = renewal.ends.map_or_else(|| "never".into(), time_text);
        let needed = if renewal.needed { "yes" } else { "no" };
        let lines = lines_of(&[("needs renewal", needed.into()), ("ends", ends)]);
        let json = json!({
            "needs_renewal": renewal.needed,
            "ends": renewal.ends.map(time_text),
        });
        Answer { lines, json, talk: String::new() }
    }

    /// Data to `out`, talk to `talk`. Talk that cannot be written is dropped.
    pub(super) fn write(
        self,
        json: bool,
        out: &mut dyn Write,
        talk: &mut dyn Write,
    ) -> Result<(), Failure> {
        let _ = talk.write_all(self.talk.as_bytes());
        if json {
            writeln!(out, "{}", visible(&format!("{:#}", self.json)))?;
        } else {
            out.write_all(self.lines.as_bytes())?;
        }
        Ok(out.flush()?)
    }
}

pub(super) fn view_lines(view: &View) -> String {
    match view {
        View::Certificate(view) => certificate_lines(view),
        View::Request(view) => request_lines(view),
        View::RevocationList(view) => list_lines(view),
        View::PrivateKey(key) => lines_of(&[
            ("private key", key.key_type.clone().unwrap_or_else(|| "encrypted".into())),
            ("public key", key.public_key.clone().unwrap_or_else(|| "unknown".into())),
        ]),
    }
}

fn certificate_lines(view: &CertificateView) -> String {
    let kind = if view.is_authority { "authority" } else { "end entity" };
    lines_of(&[
        ("certificate", format!("X.509 v{}, {kind}", view.version)),
        ("subject", view.subject.clone()),
        ("issuer", view.issuer.clone()),
        ("names", or_none(&view.names)),
        ("serial number", view.serial_number.clone()),
        ("begins", view.begins.clone()),
        ("ends", format!("{} ({})", view.ends, days_text(view.days_left))),
        ("key usage", or_none(&view.key_usage)),
        ("extended usage", or_none(&view.extended_key_usage)),
        ("key type", view.key_type.clone()),
        ("public key", view.public_key.clone()),
        ("SHA-256", view.sha256.clone()),
    ])
}

fn request_lines(view: &RequestView) -> String {
    let signature = if view.signature_valid { "by its own key" } else { "NOT VALID" };
    lines_of(&[
        ("request", "names in it are ignored when it is signed".into()),
        ("subject", view.subject.clone()),
        ("names", or_none(&view.names)),
        ("signed", signature.into()),
        ("key type", view.key_type.clone()),
        ("public key", view.public_key.clone()),
    ])
}

fn list_lines(view: &RevocationListView) -> String {
    let ends = match (&view.ends, view.days_left) {
        (Some(end), Some(days)) => format!("{end} ({})", days_text(days)),
        _ => "never".into(),
    };
    let mut fields = vec![
        ("revocation list", view.number.clone().unwrap_or_else(|| "without a number".into())),
        ("issuer", view.issuer.clone()),
        ("begins", view.begins.clone()),
        ("ends", ends),
        ("entries", view.entries.len().to_string()),
    ];
    fields.extend(view.entries.iter().map(|entry| {
        let reason = entry.reason.as_deref().unwrap_or("no reason given");
        ("revoked", format!("{} at {}, {reason}", entry.serial_number, entry.revoked_at))
    }));
    lines_of(&fields)
}

/// What `list` shows of each certificate.
const COLUMNS: [&str; 8] =
    ["NAME", "KIND", "STATE", "SINCE", "ENDS", "ROLES", "LAST SEEN", "SERIAL NUMBER"];

fn row(entry: &Entry, holders: &Holders, now: OffsetDateTime) -> [String; 8] {
    let kind = match entry.kind {
        Kind::Client => "client",
        Kind::Server => "server",
    };
    let state = match entry.state(now) {
        State::Live => days_text((entry.not_after - now).whole_days()),
        State::Expired => "expired".into(),
        State::Revoked => "revoked".into(),
    };
    let (since, ends) = (time_text(entry.not_before), time_text(entry.not_after));
    let roles = holders.grants(entry).map_or_else(|| "-".into(), |grants| grants.roles.join(","));
    let seen = holders.seen(entry).unwrap_or("-").to_owned();
    let serial = entry.serial.to_string();
    [entry.names.join(","), kind.into(), state, since, ends, roles, seen, serial]
}

/// Left-aligned columns under a heading; nothing for no rows.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: Vec<[String; N]>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    // what stands in the folder is the service's to write, and this terminal is root's
    let rows = rows.into_iter().map(|row| row.map(|cell| escape(cell.as_bytes())));
    let rows: Vec<_> = std::iter::once(heading.map(str::to_owned)).chain(rows).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut lines = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        lines += line.trim_end();
        lines.push('\n');
    }
    lines
}

pub(super) fn lines_of(fields: &[(&str, String)]) -> String {
    let mut lines = String::new();
    for (label, value) in fields {
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{label:<16}{value}");
    }
    lines
}

fn json_of(fields: &[(&str, String)]) -> Map<String, Value> {
    let fields = fields.iter().map(|(label, text)| (label.replace(' ', "_"), text.clone().into()));
    fields.collect()
}

pub(super) fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn days_text(days: i64) -> String {
    match days {
        1 => "1 day left".into(),
        0.. => format!("{days} days left"),
        _ => "expired".into(),
    }
}

fn or_none(words: &[String]) -> String {
    if words.is_empty() { "none".into() } else { words.join(", ") }
}
