//! One life of the simulator: its two tasks from bind to stop, and the socket file that goes with them.
//!
//! It never takes a socket away from a process that still answers on it, and removes no file but its own.

use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::lock;
use crate::behaviour::Behaviour;
use crate::conversation::{Controller, Conversation};
use crate::record::Peer;

/// How long the accept loop rests when the system has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the next connections get.
#[derive(Debug)]
pub(super) struct Manners {
    pub(super) standing: Behaviour,
    pub(super) next: VecDeque<Behaviour>,
}

/// One life of the socket, from bind to stop.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) file: (u64, u64),
    pub(super) login: Task,
    pub(super) api: Option<Task>,
}

/// A task that ends when it is told to.
#[derive(Debug)]
pub(super) struct Task {
    stop: oneshot::Sender<()>,
    handle: JoinHandle<()>,
}

impl Listening {
    /// Removes the socket file, unless another one stands in its place.
    pub(super) fn unlink(&self, socket: &Path) {
        if identity(socket).is_ok_and(|found| found == self.file) {
            // gone already is as good as removed
            let _ = std::fs::remove_file(socket);
        }
    }

    pub(super) async fn end(self) {
        if let Some(api) = self.api {
            api.end().await;
        }
        self.login.end().await;
    }

    pub(super) fn abort(&self) {
        self.login.handle.abort();
        self.api.iter().for_each(|api| api.handle.abort());
    }
}

impl Task {
    pub(super) fn spawn<F>(work: impl FnOnce(oneshot::Receiver<()>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        Self { stop, handle: tokio::spawn(work(stopped)) }
    }

    pub(super) async fn end(self) {
        drop(self.stop);
        // the task has nothing to return, and a panic in it has been printed
        let _ = self.handle.await;
    }
}

pub(super) async fn accept_all(
    listener: UnixListener,
    controller: Arc<Controller>,
    manners: Arc<Mutex<Manners>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = conversations.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Some(conversation) = open(stream, &controller, &manners) {
                        conversations.spawn(conversation.run());
                    }
                }
                Err(error) => {
                    controller.log.note(0, &format!("cannot accept: {error}"));
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    conversations.shutdown().await;
}

fn open(
    stream: UnixStream,
    controller: &Arc<Controller>,
    manners: &Mutex<Manners>,
) -> Option<Conversation> {
    let peer = match stream.peer_cred() {
        Ok(peer) => Peer { uid: peer.uid(), gid: peer.gid(), pid: peer.pid() },
        Err(error) => {
            controller.log.note(0, &format!("the kernel does not say who connected: {error}"));
            return None;
        }
    };
    let behaviour = {
        let mut manners = lock(manners);
        let standing = manners.standing;
        manners.next.pop_front().unwrap_or(standing)
    };
    let entry = controller.record.enter(peer, behaviour);
    let controller = Arc::clone(controller);
    Some(Conversation { stream, peer, behaviour, entry, controller })
}

pub(super) fn remove_stale(socket: &Path) -> io::Result<()> {
    let taken = |kind, what: &str| Err(io::Error::new(kind, what.to_owned()));
    match std::fs::symlink_metadata(socket) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            taken(io::ErrorKind::AlreadyExists, "something that is no socket is in its place")
        }
        Ok(_) => match std::os::unix::net::UnixStream::connect(socket) {
            Ok(_) => taken(io::ErrorKind::AddrInUse, "another process answers there"),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(socket)
            }
            Err(error) => Err(error),
        },
    }
}

pub(super) fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}
