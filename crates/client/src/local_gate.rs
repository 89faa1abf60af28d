//! The gate of this host, at its local socket: no TLS, no files; who we are is what the kernel says of this
//! process, and what we may is the gate's to say. The same lanes as on its port.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, timeout_at};

use crate::Gate;
use crate::conversation::{self, NoAnswer};
use crate::failure::{Breach, Lack, LoginFailure, Refusal, Stage, Unreached, shown};
use crate::gate::TIMEOUT_MOST;
use crate::login::Login;
use crate::system::socket::LocalStream;

/// A gate's local socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalGate {
    /// Where it is: what `listen.local` says in the gate's configuration.
    pub path: PathBuf,
    /// The time of the whole attempt. At most an hour.
    pub timeout: Duration,
}

impl LocalGate {
    /// Where a gate has it as it is installed.
    pub const PATH: &str = "/run/tsmgate/local.sock";
    /// The usual time of a whole attempt.
    pub const TIMEOUT: Duration = Gate::TIMEOUT;

    /// Asks for a session. Nothing is kept.
    ///
    /// # Errors
    /// As [`Gate::login`], without those of files, certificates and names.
    pub async fn login(&self) -> Result<Login, LoginFailure> {
        let deadline = Instant::now() + self.timeout.min(TIMEOUT_MOST);
        let mut stream = self.connect(deadline).await?;
        let asked = SystemTime::now();
        let answer = conversation::ask(&mut stream, deadline).await;
        let answer = answer.map_err(|nothing| self.unanswered(&nothing))?;
        conversation::sort_answer(answer, self.peer(), asked, Lack::Role)
    }

    /// Connects, for whichever lane.
    pub(crate) async fn connect(&self, deadline: Instant) -> Result<LocalStream, LoginFailure> {
        timeout_at(deadline, LocalStream::connect(&self.path))
            .await
            .map_err(|_| self.unreachable(Unreached::TimedOut(Stage::Connect)))?
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => self.unreachable(Unreached::NoSocket),
                io::ErrorKind::ConnectionRefused => self.unreachable(Unreached::DeadSocket),
                io::ErrorKind::PermissionDenied => {
                    LoginFailure::NotPermitted { peer: self.peer(), lack: Lack::GateSocketMode }
                }
                io::ErrorKind::InvalidInput => LoginFailure::BadSocketPath(self.path.clone()),
                kind => self.unreachable(Unreached::Network(kind)),
            })
    }

    /// The gate closed the connection of a caller whom it did not hear.
    pub(crate) fn not_accepted(&self) -> LoginFailure {
        LoginFailure::NotAccepted { peer: self.peer(), refusal: Refusal::LocalUser }
    }

    fn unanswered(&self, nothing: &NoAnswer) -> LoginFailure {
        let breach = match nothing {
            NoAnswer::TimedOut => return self.unreachable(Unreached::TimedOut(Stage::Answer)),
            NoAnswer::Ended(_) => return self.not_accepted(),
            NoAnswer::CutOff => Breach::CutOff,
            NoAnswer::Fault(fault) => Breach::Reply(*fault),
        };
        LoginFailure::Protocol { peer: self.peer(), breach }
    }

    fn unreachable(&self, cause: Unreached) -> LoginFailure {
        LoginFailure::Unreachable { peer: self.peer(), cause }
    }

    /// What a person calls it: the path, escaped.
    pub(crate) fn peer(&self) -> String {
        shown(&self.path)
    }
}
