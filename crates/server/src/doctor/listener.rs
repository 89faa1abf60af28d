//! The gate's port: whether somebody listens there, and whether it is the gate.

use std::net::SocketAddr;

use tsmgate_text::escape;

use super::account::user_name;
use super::process::{Process, listeners, listening, reaches};
use super::{Cause, Seen, Side, shown};

/// Who listens at `address`; gives it back where the gate does.
pub(super) fn seen(address: SocketAddr, gate: Option<&Process>) -> (Seen, Option<SocketAddr>) {
    let mut seen = Seen::of(format!("port {address}"));
    let nobody = !listeners().iter().any(|(at, _)| reaches(*at, address));
    if nobody {
        let what = "systemctl start tsmgated, and journalctl -u tsmgated where it does not stay";
        seen.fail(Cause::Unavailable, "nobody listens there", Side::Gate, what);
        return (seen, None);
    }
    let holders = listening(address);
    let stranger = |process: &&Process| !process.is_gate() && process.pid != 1;
    for process in holders.iter().filter(stranger) {
        let sentence = format!("{} listens there, and is not the gate", named(process));
        let what =
            "end it or give it another port, then systemctl restart tsmgated.socket tsmgated";
        seen.fail(Cause::System, sentence, Side::Host, what);
    }
    if seen.has_failed() {
        return (seen, None);
    }
    let ours = holders.iter().find(|process| process.is_gate()).or(gate);
    let Some(process) = ours else {
        match holders.is_empty() {
            true => seen.warn(
                "somebody listens there; who it is only root can see",
                Side::Host,
                "sudo tsmgated doctor",
            ),
            false => seen.warn(
                "systemd listens there, and no gate runs: the first caller starts it",
                Side::Gate,
                "systemctl start tsmgated, and see how that goes",
            ),
        }
        return (seen, None);
    };
    seen.note(format!("{} listens there", named(process)));
    let replaced =
        process.program.as_ref().is_some_and(|it| it.to_string_lossy().ends_with(" (deleted)"));
    if replaced {
        let sentence = "its program was replaced since it began";
        seen.warn(sentence, Side::Gate, "systemctl restart tsmgated, for the new one to serve");
    }
    (seen, Some(address))
}

/// A process for a person: its number, its program or name, its user.
pub(super) fn named(process: &Process) -> String {
    let what = process.program.as_deref().map_or_else(|| escape(&process.name), shown);
    let user = process.uid.map_or_else(|| "an unknown user".to_owned(), user_name);
    format!("process {} ({what}, of {user})", process.pid)
}
