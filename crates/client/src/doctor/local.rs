//! The gate of this host: its socket, whose process listens there, and who we are to it.

use std::time::Instant;

use super::{Side, Step, Trouble, Walk};
use crate::LocalGate;
use crate::exit::Exit;
use crate::failure::shown;
use crate::system::peer::our_user;
use crate::system::standing::Standing;

/// The step `socket`; whether it can be connected to.
pub(super) async fn socket(walk: &mut Walk<'_>, gate: &LocalGate) -> bool {
    let begun = Instant::now();
    let mut step = Step::new("socket", shown(&gate.path));
    let own = our_user();
    step = step.with("own_uid", own);
    if let Some(there) = Standing::of(&gate.path) {
        let (mode, owner) = (there.mode_text(), there.owner);
        step = step
            .line(format!("mode {mode}, of user {owner}; you are user {own}"))
            .with("mode", mode)
            .with("owner_uid", owner);
        if !there.is_socket {
            let what = format!("{} is no socket", shown(&gate.path));
            let hint = "name the gate's local socket: what listen.local says in its configuration";
            step = step.failed(Trouble::new(what, Side::Here, hint), Exit::File);
            walk.did(begun, step);
            return false;
        }
    }
    let connected = gate.connect(super::deadline(gate.timeout)).await;
    let is_there = connected.is_ok();
    let step = match connected {
        Err(failure) => step.failed_by(&failure),
        Ok(stream) => match stream.peer_cred() {
            Ok(peer) => {
                let pid = peer.pid();
                let process = pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
                step.with("peer_uid", peer.uid())
                    .with("peer_pid", pid)
                    .line(format!("process {process} of user {} listens", peer.uid()))
            }
            Err(_) => step,
        },
    };
    walk.did(begun, step);
    is_there
}
