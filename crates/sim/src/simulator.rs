//! Starts, stops and restarts the pretend controller, and tells what it saw.
//!
//! It owns the socket file and the task that accepts; both go when it is dropped, and every
//! connection with them. It never takes a socket away from a process that still answers on it.

use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::behaviour::Behaviour;
use crate::conversation::{Controller, Conversation};
use crate::log::{ControllerLog, LogTarget};
use crate::people::Policy;
use crate::record::{ConnectionRecord, Counts, Peer};

/// How long the accept loop rests when the system has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a simulator is started with.
#[derive(Clone, Debug)]
pub struct SimulatorOptions {
    /// Where the socket is made. TSM's own: `/var/run/tableau/tab-controller-login-8850` (seen).
    pub socket: PathBuf,
    /// The mode of the socket file. TSM's is unknown; 0666 is a guess, for access is by peer.
    pub socket_mode: u32,
    /// Who passes.
    pub policy: Policy,
    /// The user name in a granted answer. Seen: `tsmsvc`, whoever asked.
    pub username: String,
    /// Where the controller's log goes.
    pub log: LogTarget,
    /// What connections get at first.
    pub behaviour: Behaviour,
}

impl SimulatorOptions {
    /// TSM's defaults, on a socket of the caller's choice.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
            socket_mode: 0o666,
            policy: Policy::default(),
            username: "tsmsvc".to_owned(),
            log: LogTarget::default(),
            behaviour: Behaviour::default(),
        }
    }
}

/// A running pretend controller.
#[derive(Debug)]
pub struct Simulator {
    socket: PathBuf,
    socket_mode: u32,
    controller: Arc<Controller>,
    manners: Arc<Mutex<Manners>>,
    listening: Mutex<Option<Listening>>,
}

/// What the next connections get.
#[derive(Debug)]
struct Manners {
    standing: Behaviour,
    next: VecDeque<Behaviour>,
}

/// One life of the socket, from bind to stop.
#[derive(Debug)]
struct Listening {
    file: (u64, u64),
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Binds the socket and accepts from then on. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// The log cannot be opened; the path is taken by something that is no socket (`AlreadyExists`)
    /// or by a process that answers there (`AddrInUse`); or the socket cannot be made.
    #[expect(clippy::unused_async, reason = "says that a runtime is needed")]
    pub async fn start(options: SimulatorOptions) -> io::Result<Self> {
        let controller = Controller {
            policy: options.policy,
            username: options.username,
            log: ControllerLog::open(&options.log)?,
            record: Arc::default(),
        };
        let manners = Manners { standing: options.behaviour, next: VecDeque::new() };
        let simulator = Self {
            socket: options.socket,
            socket_mode: options.socket_mode,
            controller: Arc::new(controller),
            manners: Arc::new(Mutex::new(manners)),
            listening: Mutex::new(None),
        };
        simulator.listen()?;
        Ok(simulator)
    }

    /// Where the socket is.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Gives this to every connection accepted from now on, after those queued.
    pub fn behave(&self, behaviour: Behaviour) {
        lock(&self.manners).standing = behaviour;
    }

    /// Gives this to the next connection alone; several queue up.
    pub fn behave_next(&self, behaviour: Behaviour) {
        lock(&self.manners).next.push_back(behaviour);
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.controller.record.counts()
    }

    /// Waits until the counts are as wanted.
    ///
    /// # Errors
    /// The counts as they stood at the deadline.
    pub async fn wait_until(
        &self,
        deadline: Duration,
        condition: impl FnMut(&Counts) -> bool,
    ) -> Result<Counts, Counts> {
        self.controller.record.wait_until(deadline, condition).await
    }

    /// The newest connections, oldest first: who came, and with which bytes.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionRecord> {
        self.controller.record.connections()
    }

    /// The values of the newest cookies made, oldest first.
    #[must_use]
    pub fn cookies(&self) -> Vec<String> {
        self.controller.record.cookies()
    }

    /// The newest lines of the controller's log, oldest first.
    #[must_use]
    pub fn journal(&self) -> Vec<String> {
        self.controller.log.journal()
    }

    /// Stops: cuts every connection and removes the socket file. Connecting then finds no file.
    pub async fn stop(&self) {
        if let Some(listening) = self.take_listening() {
            listening.unlink(&self.socket);
            listening.end().await;
        }
    }

    /// Ends as a killed process does: the socket file stays, and connecting is refused.
    pub async fn crash(&self) {
        if let Some(listening) = self.take_listening() {
            listening.end().await;
        }
    }

    /// Stops and starts again on a new socket file under the same path, as a TSM restart does.
    /// Counts, record and behaviour stay. Also starts a simulator that was stopped or crashed.
    ///
    /// # Errors
    /// As [`Simulator::start`].
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        self.listen()
    }

    fn listen(&self) -> io::Result<()> {
        remove_stale(&self.socket)?;
        let listener = UnixListener::bind(&self.socket)?;
        let mode = std::fs::Permissions::from_mode(self.socket_mode);
        std::fs::set_permissions(&self.socket, mode)?;
        let file = identity(&self.socket)?;
        let (stop, stopped) = oneshot::channel();
        let (controller, manners) = (Arc::clone(&self.controller), Arc::clone(&self.manners));
        let task = tokio::spawn(accept_all(listener, controller, manners, stopped));
        *lock(&self.listening) = Some(Listening { file, stop, task });
        Ok(())
    }

    fn take_listening(&self) -> Option<Listening> {
        lock(&self.listening).take()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(listening) = self.take_listening() {
            listening.unlink(&self.socket);
            listening.task.abort();
        }
    }
}

impl Listening {
    /// Removes the socket file, unless another one stands in its place.
    fn unlink(&self, socket: &Path) {
        if identity(socket).is_ok_and(|found| found == self.file) {
            // gone already is as good as removed
            let _ = std::fs::remove_file(socket);
        }
    }

    async fn end(self) {
        drop(self.stop);
        // the task has nothing to return, and a panic in it has been printed
        let _ = self.task.await;
    }
}

async fn accept_all(
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

fn remove_stale(socket: &Path) -> io::Result<()> {
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

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
