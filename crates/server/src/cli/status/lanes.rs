//! The lanes in the words of `tsmgated status`.

use tsmgate_text::escape;

use super::{counted, failing, moment};
use crate::metrics::Requests;
use crate::status::{ApiLane, CommandLane, Enrolment, LocalCaller, LocalDoor, OwnSession, Status};

const MINUTE: u64 = 60;

/// Which lanes are on; and of the api lane how requests went, where TSM is, how it is believed and whether
/// the gate is logged in there.
pub(super) fn told(status: &Status) -> Vec<String> {
    let mut lines = vec![lanes(status)];
    lines.extend(status.api.iter().flat_map(of_api));
    lines.extend(status.command.iter().map(of_command));
    lines.extend(status.local.iter().map(of_local));
    lines.extend(status.enrolment.iter().map(of_enrolment));
    lines
}

fn lanes(status: &Status) -> String {
    let lanes = [
        ("login", true, ""),
        ("api", status.api.is_some(), "; the api lane is off (tsm.api is not set)"),
        (
            "command",
            status.command.is_some(),
            "; the command lane is off (tsm.command_socket is not set)",
        ),
    ];
    let on: Vec<_> = lanes.iter().filter(|lane| lane.1).map(|lane| lane.0).collect();
    let off: String = lanes.iter().filter(|lane| !lane.1).map(|lane| lane.2).collect();
    format!("lanes: {}{off}", on.join(", "))
}

fn of_command(command: &CommandLane) -> String {
    let counted = counted(u64::try_from(command.catalogue).unwrap_or(u64::MAX), "command");
    let failing = failing(command.failing.as_deref());
    format!("runner: {}, {counted} in the catalogue, {failing}", escape(&command.runner))
}

fn of_local(local: &LocalDoor) -> String {
    let list = |all: Vec<String>| match all.is_empty() {
        true => "nobody".to_owned(),
        false => all.join(", "),
    };
    let named = list(local.entries.iter().map(escape).collect());
    let caller = |caller: &LocalCaller| match caller.connections {
        1 => escape(&caller.name),
        many => format!("{} ({many} times)", escape(&caller.name)),
    };
    let here = list(local.callers.iter().map(caller).collect());
    format!("local socket: {}, for {named}; connected: {here}", escape(&local.socket))
}

fn of_enrolment(enrolment: &Enrolment) -> String {
    let clients = counted(u64::try_from(enrolment.clients).unwrap_or(u64::MAX), "client");
    let left_out = enrolment.left_out;
    let readable = if enrolment.readable { "" } else { ", which CANNOT BE READ now" };
    format!("joined: {clients}, {left_out} left out, of {}{readable}", escape(&enrolment.folder))
}

fn of_api(api: &ApiLane) -> Vec<String> {
    let Requests { granted, failed, refused } = api.requests;
    vec![
        format!("requests: {granted} done, {failed} failed, {refused} refused"),
        format!(
            "TSM's controller: {}, {}",
            escape(&api.controller),
            failing(api.tsm_failing.as_deref())
        ),
        format!("TSM's certificate: {}", trust(api)),
        match &api.session {
            None => "session at TSM: none; the next request takes one".to_owned(),
            Some(OwnSession { age_seconds, left_seconds }) => format!(
                "session at TSM: held for {}, used for {} more",
                counted(age_seconds / MINUTE, "minute"),
                counted(left_seconds / MINUTE, "minute")
            ),
        },
    ]
}

fn trust(api: &ApiLane) -> String {
    match (&api.certificate_sha256, &api.authority) {
        (Some(pin), _) => {
            let end = match &api.certificate_until {
                Some(end) => format!("ends {}", moment(end)),
                None => "not seen yet".to_owned(),
            };
            format!("pinned, SHA-256 {}, {end}", escape(pin))
        }
        (None, Some(file)) => format!("of an authority in {}", escape(file)),
        // no gate says so: it does not start like that
        (None, None) => "how it is checked is not said".to_owned(),
    }
}
