//! Where a session comes from: a gate, that of this host, or TSM's own socket here.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;

use crate::api::{Api, Peer};
use crate::failure::{LoginFailure, shown};
use crate::{Gate, LocalGate, LocalSocket, Login};

/// How long the end of a session may take; nothing depends on it.
pub(crate) const END: Duration = Duration::from_secs(5);

/// A way to a session of TSM's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A gate, with the login lane's own TLS.
    Gate(Gate),
    /// The gate of this host.
    LocalGate(LocalGate),
    /// TSM's own socket on this host.
    LocalSocket(LocalSocket),
}

impl Source {
    /// Asks for a session; nothing is kept.
    ///
    /// # Errors
    /// Those of [`Gate::login`], [`LocalGate::login`] or [`LocalSocket::login`].
    pub async fn login(&self) -> Result<Login, LoginFailure> {
        match self {
            Self::Gate(gate) => gate.login().await,
            Self::LocalGate(gate) => gate.login().await,
            Self::LocalSocket(socket) => socket.login().await,
        }
    }

    /// Ends a session from here that nobody has or needs any more, as well as it can be done within 5 s; whether
    /// it is ended. TSM's own socket has no word for that: its sessions run out.
    pub fn end<'a>(&'a self, login: &'a Login) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        // a box, for a line to a controller can need a session of its own
        Box::pin(self.ended(login))
    }

    async fn ended(&self, login: &Login) -> bool {
        let peer = match self {
            Self::Gate(gate) => Peer::from(gate.clone()),
            Self::LocalGate(gate) => Peer::from(gate.clone()),
            Self::LocalSocket(_) => return false,
        };
        let ended = timeout(END, async {
            let mut api = Api::new(peer);
            let ended = api.end_session(login.cookie.value()).await.is_ok();
            api.end().await;
            ended
        });
        ended.await.unwrap_or(false)
    }

    /// Reads what a login needs of this host's files, and asks nobody.
    ///
    /// # Errors
    /// A file that cannot be used, or a name that no server can have.
    pub(crate) fn check_files(&self) -> Result<(), LoginFailure> {
        match self {
            Self::Gate(gate) => gate.check_files(),
            Self::LocalGate(_) | Self::LocalSocket(_) => Ok(()),
        }
    }

    /// What a person calls it: `HOST:PORT`, or the path of the socket, escaped.
    pub fn name(&self) -> String {
        match self {
            Self::Gate(gate) => gate.address.to_string(),
            Self::LocalGate(gate) => gate.peer(),
            Self::LocalSocket(socket) => shown(&socket.path),
        }
    }

    /// The time of a whole attempt.
    pub fn timeout(&self) -> Duration {
        match self {
            Self::Gate(gate) => gate.timeout,
            Self::LocalGate(gate) => gate.timeout,
            Self::LocalSocket(socket) => socket.timeout,
        }
    }
}

impl From<Gate> for Source {
    fn from(gate: Gate) -> Self {
        Self::Gate(gate)
    }
}

impl From<LocalGate> for Source {
    fn from(gate: LocalGate) -> Self {
        Self::LocalGate(gate)
    }
}

impl From<LocalSocket> for Source {
    fn from(socket: LocalSocket) -> Self {
        Self::LocalSocket(socket)
    }
}
