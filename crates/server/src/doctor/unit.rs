//! The gate as systemd has it: the unit and its drop-ins on disk, and the running process in it.
//!
//! systemd is not asked: no program is started. What only it knows is said to be left out.

use std::path::{Path, PathBuf};

use tsmgate_text::escape;

use super::process::Process;
use super::{Cause, Seen, Side, shown};
use crate::ip_dropin::installed::{FOLDERS, statements, text, written};

/// The gate's unit.
const UNIT: &str = "tsmgated.service";
/// As it is shipped.
const SHIPPED: &str = include_str!("../../../../systemd/tsmgated.service");
/// What systemd keeps there for a unit that is active.
const ACTIVE: &str = "/run/systemd/units/invocation:tsmgated.service";
/// Settings of the unit that are of one kind with its hardening begin with one of these.
const HARDENING: [&str; 13] = [
    "User",
    "Group",
    "Dynamic",
    "Supplementary",
    "Protect",
    "Private",
    "Restrict",
    "SystemCall",
    "Capability",
    "Ambient",
    "NoNewPrivileges",
    "Memory",
    "NotifyAccess",
];

/// A setting with the place where it is written.
#[derive(Debug, PartialEq, Eq)]
struct Setting {
    name: String,
    value: String,
    place: String,
}

/// Whom the unit runs the gate as.
pub(super) fn user() -> Option<String> {
    let settings = settings(&FOLDERS.map(PathBuf::from));
    let user = settings.into_iter().rfind(|setting| setting.name == "User")?;
    Some(user.value).filter(|user| !user.is_empty())
}

/// The unit of this host, and the gate that runs.
pub(super) fn seen(gate: Option<&Process>) -> Seen {
    let folders = FOLDERS.map(PathBuf::from);
    if !Path::new("/run/systemd/system").exists() {
        return Seen::left_out("systemd does not run here");
    }
    let mut seen = of(&folders);
    if seen.has_failed() {
        return seen;
    }
    if !Path::new(ACTIVE).exists() {
        let what = "systemctl start tsmgated, and journalctl -u tsmgated where it does not stay";
        seen.warn("it is not active", Side::Gate, what);
    }
    if let Some(gate) = gate {
        running(&mut seen, gate);
    }
    seen.note("whether a start has failed only systemctl status tsmgated says");
    seen
}

/// The unit as it is written in these folders.
fn of(folders: &[PathBuf]) -> Seen {
    let files = written(UNIT, folders, &mut Vec::new());
    let Some(first) = files.first() else {
        return Seen::left_out("there is no tsmgated.service on this host");
    };
    let mut seen = Seen::of(files.iter().map(|file| shown(file)).collect::<Vec<_>>().join(", "));
    if first.canonicalize().is_ok_and(|target| target == Path::new("/dev/null")) {
        let what = "systemctl unmask tsmgated.service";
        seen.fail(Cause::System, "it is masked: it cannot be started", Side::Gate, what);
        return seen;
    }
    for setting in overrides(&settings(folders)) {
        let (name, place) = (escape(&setting.name), &setting.place);
        let value = escape(&setting.value);
        let sentence = match setting.name.as_str() {
            "SupplementaryGroups" | "DynamicUser" => format!(
                "{place}: {name}={value}: TSM looks groups up in the database, where this is not"
            ),
            _ => format!("{place}: {name}={value} is not as it is shipped"),
        };
        seen.warn(sentence, Side::Gate, "see whether that is meant: systemctl edit tsmgated");
    }
    seen
}

/// The settings of its kind in force that are not as they are shipped.
fn overrides(settings: &[Setting]) -> Vec<&Setting> {
    let shipped = read(Path::new(UNIT), SHIPPED);
    let values = |all: &[Setting], name: &str| -> Vec<String> {
        let of = all.iter().filter(|setting| setting.name == name);
        of.map(|setting| setting.value.clone()).collect()
    };
    let hardening = |name: &str| HARDENING.iter().any(|kind| name.starts_with(kind));
    let differs = |setting: &&Setting| {
        let name = setting.name.as_str();
        hardening(name) && values(settings, name) != values(&shipped, name)
    };
    // of those with several lines the one that is new
    let new = |setting: &&Setting| !values(&shipped, &setting.name).contains(&setting.value);
    settings.iter().filter(differs).filter(new).collect()
}

/// What counts of the unit and its drop-ins, in the order in which it is read.
fn settings(folders: &[PathBuf]) -> Vec<Setting> {
    let files = written(UNIT, folders, &mut Vec::new());
    let texts = files.iter().filter_map(|file| text(file).map(|(text, _)| (file, text)));
    texts.flat_map(|(file, text)| read(file, &text)).collect()
}

fn read(file: &Path, text: &str) -> Vec<Setting> {
    let mut found = Vec::new();
    let mut here = false;
    for (line, statement) in statements(text) {
        if statement.starts_with('[') {
            here = statement == "[Service]";
        } else if let Some((name, value)) = statement.split_once('=').filter(|_| here) {
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            found.push(Setting { name, value, place: format!("{}:{line}", shown(file)) });
        }
    }
    found
}

/// The process as the kernel holds it.
fn running(seen: &mut Seen, gate: &Process) {
    match gate.unit() {
        Some(unit) if unit == UNIT => seen.note(format!("process {} runs in it", gate.pid)),
        _ => {
            let what =
                "end it, then systemctl start tsmgated: outside of the unit it is not confined";
            let sentence = format!("process {} does not run in it", gate.pid);
            seen.warn(sentence, Side::Gate, what);
        }
    }
    for (field, wanted, what) in [
        ("NoNewPrivs", "1", "it could gain privileges"),
        ("Seccomp", "2", "no system call is kept from it"),
    ] {
        match gate.field(field) {
            Some(value) if value != wanted => {
                let sentence =
                    format!("process {}: {what} ({field} is {})", gate.pid, escape(value));
                seen.warn(sentence, Side::Gate, "run it in its unit as that is shipped");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
