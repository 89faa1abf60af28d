//! Others that lead to TSM's login socket: a mapping that this gate was to replace lets everybody in who
//! reaches its port, without a certificate.

use std::path::Path;

use super::listener::named;
use super::process::{Process, all, bound, holders, listeners};
use super::{Cause, Seen, Side, shown};

/// Whoever listens with TCP and has the socket's path on its command line, but for who answers at the socket.
pub(super) fn seen(socket: &Path, gate: Option<&Process>) -> Seen {
    let mut seen = Seen::of(format!("command lines with {}", shown(socket)));
    let real = socket.canonicalize().unwrap_or_else(|_| socket.to_owned());
    let mut known = vec![std::process::id()];
    known.extend(gate.map(|gate| gate.pid));
    known.extend(holders(&bound(&real)).iter().map(|tsm| tsm.pid));
    known.extend(holders(&bound(socket)).iter().map(|tsm| tsm.pid));
    let names = [socket, &real].map(|path| path.to_string_lossy());
    let mut suspects = all();
    suspects.retain(|process| {
        let line = process.command_line();
        !known.contains(&process.pid) && names.iter().any(|name| line.contains(name.as_ref()))
    });
    for (address, inode) in listeners() {
        if suspects.is_empty() {
            break;
        }
        let holders = holders(&[inode]);
        let holds = |suspect: &&Process| holders.iter().any(|holder| holder.pid == suspect.pid);
        let Some(process) = suspects.iter().find(holds) else { continue };
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
