//! A socket of this host at which somebody else answers: whether it is there, whose it is, and who answers.
//!
//! It is connected to and closed again. Nothing is said there: TSM is not asked for a session.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::account::{group_name, user_name};
use super::{Cause, Seen, Side, answered, shown};
use crate::backend::{self, Distrust, Refused};
use crate::config::LocalSocket;

/// TSM's login socket.
pub(super) fn login(socket: &LocalSocket) -> Seen {
    let mut seen =
        looked(socket, Side::Tsm, "tsm status; does tsm.login_socket name TSM's socket?");
    if !seen.has_failed() {
        seen.note("no session was asked for: a cookie is not taken to diagnose");
    }
    seen
}

/// A socket, its folder, and who answers; `missing` is what to do where nobody does.
pub(super) fn looked(socket: &LocalSocket, side: Side, missing: &str) -> Seen {
    let mut seen = Seen::of(shown(&socket.path));
    let folder = socket.path.parent().unwrap_or(Path::new("/"));
    for path in [folder, &socket.path] {
        seen.note(owner(path));
    }
    if let Err(distrust) = backend::trusted_path(socket) {
        let sentence = distrust.to_string();
        match distrust {
            Distrust::Missing(..) => seen.fail(Cause::Unavailable, sentence, side, missing),
            Distrust::NotASocket(_) => {
                let what = "name the socket itself, and find out what stands there";
                seen.fail(Cause::Refused, sentence, Side::Host, what);
            }
            Distrust::Folder { .. } => {
                let what = "give the folder to root or to the socket's user, writable by nobody else; or \
                            name the folder's owner in the list of the socket's owners";
                seen.fail(Cause::Refused, sentence, Side::Host, what);
            }
        }
        return seen;
    }
    match answered(backend::look(socket)) {
        Ok(Ok(uid)) => {
            seen.note(format!("a process of {} answers there, as it must", user_name(uid)))
        }
        Ok(Err(Refused::Unreachable(why))) => {
            seen.fail(Cause::Unavailable, format!("it does not answer: {why}"), side, missing);
        }
        Ok(Err(Refused::Untrusted(why))) => {
            let allowed: Vec<_> = socket.owners.iter().map(|&user| user_name(user)).collect();
            let sentence = format!("{why}, and only {} may", allowed.join(", "));
            let what = "find out who that is; where it is right, name it in the list of the socket's owners";
            seen.fail(Cause::Refused, sentence, Side::Host, what);
        }
        Err(error) => seen.fail(Cause::System, error, Side::Host, "see what the system says"),
    }
    seen
}

/// Whose a file is and who may write it, in a sentence.
fn owner(path: &Path) -> String {
    match std::fs::symlink_metadata(path) {
        Err(error) => format!("{}: {error}", shown(path)),
        Ok(it) => format!(
            "{} belongs to {}:{}, mode {:04o}",
            shown(path),
            user_name(it.uid()),
            group_name(it.gid()),
            it.mode() & 0o7777
        ),
    }
}
