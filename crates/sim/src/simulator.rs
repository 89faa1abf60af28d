//! Starts, stops and restarts the pretend controller, and tells what it saw.
//!
//! It owns the socket file and the task that accepts; both go when it is dropped, and every
//! connection with them.

use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::UnixListener;

use crate::api::Api;
use crate::api::options::ApiOptions;
use crate::api::record::RequestRecord;
use crate::api::serve::serve;
use crate::behaviour::Behaviour;
use crate::clock::Clock;
use crate::conversation::Controller;
use crate::gateway::{Gateway, GatewayOptions};
use crate::log::{ControllerLog, LogTarget};
use crate::people::Policy;
use crate::record::{ConnectionRecord, Counts};
use crate::sessions::{LIFETIME, Sessions};
use listening::{Listening, Manners, Task, accept_all, identity, remove_stale};

mod listening;

/// Where the pretend `tsm` program finds the login socket.
pub const TSM_SOCKET: &str = "TSM_SIM_SOCKET";
/// Where it finds the controller: `https://NAME:PORT`.
pub const TSM_URL: &str = "TSM_SIM_URL";
/// Which certificate it trusts there: a file of PEM, or the PEM itself.
pub const TSM_CERTIFICATE: &str = "TSM_SIM_CERTIFICATE";

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
    /// How long a session lives, in whole seconds. TSM's default: 7200 s (documented).
    pub session_lifetime: Duration,
    /// The clock that sessions and jobs live by.
    pub clock: Clock,
    /// The HTTPS side, if there is to be one.
    pub api: Option<ApiOptions>,
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
            session_lifetime: LIFETIME,
            clock: Clock::default(),
            api: None,
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
    api: Option<Arc<Api>>,
    listening: Mutex<Option<Listening>>,
}

impl Simulator {
    /// Binds the socket, and the port if there is an HTTPS side, and accepts from then on. Needs a tokio
    /// runtime with I/O and time.
    ///
    /// # Errors
    /// The log cannot be opened; the certificate cannot be made; the path is taken by something that is
    /// no socket (`AlreadyExists`) or by a process that answers there (`AddrInUse`), as the port may be;
    /// or the socket cannot be made.
    #[expect(clippy::unused_async, reason = "says that a runtime is needed")]
    pub async fn start(options: SimulatorOptions) -> io::Result<Self> {
        let controller = Controller {
            policy: options.policy,
            username: options.username,
            log: ControllerLog::open(&options.log)?,
            sessions: Sessions::new(options.clock.clone(), options.session_lifetime),
            record: Arc::default(),
        };
        let controller = Arc::new(controller);
        let api = options.api.map(|api| Api::new(api, Arc::clone(&controller), options.clock));
        let manners = Manners { standing: options.behaviour, next: VecDeque::new() };
        let simulator = Self {
            socket: options.socket,
            socket_mode: options.socket_mode,
            controller,
            manners: Arc::new(Mutex::new(manners)),
            api: api.transpose()?.map(Arc::new),
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

    /// What the pretend `tsm` program needs in its environment to find this controller. Writes the
    /// controller's certificate to a file, for the program to trust.
    ///
    /// # Errors
    /// There is no HTTPS side, or the file cannot be written.
    pub fn tsm_environment(&self, certificate: &Path) -> io::Result<[(&'static str, String); 3]> {
        let api = self.api().ok_or_else(|| io::Error::other("there is no HTTPS side"))?;
        std::fs::write(certificate, api.certificate())?;
        Ok([
            (TSM_SOCKET, self.socket.display().to_string()),
            (TSM_URL, format!("https://localhost:{}", api.address().port())),
            (TSM_CERTIFICATE, certificate.display().to_string()),
        ])
    }

    /// The HTTPS side, if there is one.
    #[must_use]
    pub fn api(&self) -> Option<&Api> {
        self.api.as_deref()
    }

    /// Starts a gateway of the server that this controller has. It goes on while this is restarted.
    ///
    /// # Errors
    /// There is no HTTPS side, which has the server's state, or the port cannot be had.
    pub async fn gateway(&self, options: GatewayOptions) -> io::Result<Gateway> {
        let api = self.api.clone().ok_or_else(|| io::Error::other("there is no HTTPS side"))?;
        Gateway::start(options, api).await
    }

    /// The newest requests to the HTTPS side, oldest first; none where there is no such side.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.api.as_ref().map(|api| api.requests()).unwrap_or_default()
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

    /// Stops both sides: cuts every connection and removes the socket file. Connecting then finds no file.
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
    /// Counts, record and behaviour stay, and the port of the HTTPS side; that sessions and jobs do is a
    /// guess ([`Api::end_sessions`]). Also starts a simulator that was stopped or crashed.
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
        let (controller, manners) = (Arc::clone(&self.controller), Arc::clone(&self.manners));
        let login = Task::spawn(|stopped| accept_all(listener, controller, manners, stopped));
        let mut listening = Listening { file, login, api: None };
        if let Some(api) = &self.api {
            match api.bind() {
                Ok(port) => {
                    let api = Arc::clone(api);
                    listening.api = Some(Task::spawn(|stopped| serve(api, port, stopped)));
                }
                Err(error) => {
                    listening.unlink(&self.socket);
                    listening.abort();
                    return Err(error);
                }
            }
        }
        *lock(&self.listening) = Some(listening);
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
            listening.abort();
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
