//! Others that lead to TSM's login socket: a mapping that this gate was to replace lets everybody in who
//! reaches its port, without a certificate.

use std::path::Path;

use super::listener::named;
use super::process::{Process, all, holders, listeners};
use super::{Cause, Seen, Side, shown};

/// Whoever listens with TCP and has the socket's path on its command line.
pub(super) fn seen(socket: &Path, gate: Option<&Process>) -> Seen {
    let mut seen = Seen::of(format!("command lines with {}", shown(socket)));
    let path = socket.to_string_lossy();
    let mut suspects: Vec<Process> = all()
        .into_iter()
        .filter(|process| process.command_line().contains(path.as_ref()))
        .collect();
    suspects.retain(|process| {
        process.pid != std::process::id() && gate.is_none_or(|gate| gate.pid != process.pid)
    });
    for (address, inode) in listeners() {
        let Some(process) = suspects
            .iter()
            .find(|suspect| holders(&[inode]).iter().any(|holder| holder.pid == suspect.pid))
        else {
            continue;
        };
        seen.fail(
            Cause::Refused,
            format!("{} leads from {address} to TSM's socket: no certificate is asked there", named(process)),
            Side::Host,
            "stop it and keep it from coming back (systemctl disable, cron, rc.local); tsmgated from-socat \
             reads its line",
        );
    }
    if !seen.has_failed() {
        seen.note("no other process is seen to lead from the network to TSM's socket");
    }
    seen
}
