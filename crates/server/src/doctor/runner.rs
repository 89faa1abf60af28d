//! The runner of `tsm` commands: whether it answers the gate's user a question that changes nothing.

use super::{Cause, Seen, Side, answered, local_socket};
use crate::backend::runner::Runner;
use crate::config::LocalSocket;

/// Its socket, and the list of commands that it knows.
pub(super) fn seen(socket: &LocalSocket) -> Seen {
    const MISSING: &str = "systemctl status tsmgate-runner.socket tsmgate-runner.service";
    let mut seen = local_socket::looked(socket, Side::Runner, MISSING);
    if seen.has_failed() {
        return seen;
    }
    match answered(async { Runner::default().list(socket).await }) {
        Ok(Ok(tasks)) => seen.note(format!("it answers; commands that it knows: {}", tasks.len())),
        Ok(Err(reason)) => {
            let sentence = format!("it does not say which commands it knows ({})", reason.code());
            let what = "journalctl -u tsmgate-runner; is the gate's user in its listen.users?";
            seen.fail(Cause::Unavailable, sentence, Side::Runner, what);
        }
        Err(error) => seen.fail(Cause::System, error, Side::Host, "see what the system says"),
    }
    seen
}
