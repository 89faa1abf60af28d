//! A login at a Unix socket of this host: TSM's own, or the local one of a gate. No TLS, no files;
//! who we are is what the kernel says of this process.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, timeout_at};

use crate::conversation::{self, NoAnswer};
use crate::failure::{Breach, FileFault, Lack, LoginFailure, TsmFault};
use crate::gate::TIMEOUT_MOST;
use crate::login::Login;
use crate::system::mode::may_be_socket;
use crate::system::socket::LocalStream;

/// A login socket of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSocket {
    /// Where it is: `/var/run/tableau/tab-controller-login-8850` for a controller at its usual port.
    pub path: PathBuf,
    /// The time of the whole attempt. At most an hour.
    pub timeout: Duration,
}

impl LocalSocket {
    /// The usual time of a whole attempt.
    pub const TIMEOUT: Duration = Duration::from_secs(15);

    /// Asks for a session.
    ///
    /// A missing socket is TSM's absence and not a missing file: the socket is there when, and only
    /// when, the controller runs. A socket that the system does not let us open is a missing
    /// permission, with the same remedy as TSM's own refusal: its group.
    ///
    /// # Errors
    /// [`LoginFailure::Tsm`], [`LoginFailure::NotPermitted`], [`LoginFailure::Protocol`],
    /// [`LoginFailure::RetryLater`], [`LoginFailure::BadSocketPath`], and [`LoginFailure::File`] for
    /// what is no socket.
    pub async fn login(&self) -> Result<Login, LoginFailure> {
        let deadline = Instant::now() + self.timeout.min(TIMEOUT_MOST);
        let mut stream = timeout_at(deadline, LocalStream::connect(&self.path))
            .await
            .map_err(|_| self.tsm(TsmFault::TimedOut))?
            .map_err(|error| self.unconnected(error.kind()))?;
        let asked = SystemTime::now();
        let answer = conversation::ask(&mut stream, deadline).await;
        let answer = answer.map_err(|nothing| self.unanswered(&nothing))?;
        conversation::sort_answer(answer, self.peer(), asked, Lack::TsmGroup)
    }

    fn unconnected(&self, kind: io::ErrorKind) -> LoginFailure {
        match kind {
            io::ErrorKind::NotFound => self.tsm(TsmFault::SocketMissing),
            // the system says the same of what is no socket
            io::ErrorKind::ConnectionRefused if !may_be_socket(&self.path) => {
                LoginFailure::File { path: self.path.clone(), fault: FileFault::NotASocket }
            }
            io::ErrorKind::ConnectionRefused => self.tsm(TsmFault::SocketDead),
            io::ErrorKind::PermissionDenied => self.not_permitted(Lack::SocketMode),
            io::ErrorKind::InvalidInput => LoginFailure::BadSocketPath(self.path.clone()),
            kind => self.tsm(TsmFault::Socket(kind)),
        }
    }

    fn unanswered(&self, nothing: &NoAnswer) -> LoginFailure {
        let breach = match nothing {
            NoAnswer::TimedOut => return self.tsm(TsmFault::TimedOut),
            NoAnswer::Ended(_) => return self.tsm(TsmFault::Closed),
            NoAnswer::CutOff => Breach::CutOff,
            NoAnswer::Fault(fault) => Breach::Reply(*fault),
        };
        LoginFailure::Protocol { peer: self.peer(), breach }
    }

    fn tsm(&self, cause: TsmFault) -> LoginFailure {
        LoginFailure::Tsm { peer: self.peer(), cause }
    }

    fn not_permitted(&self, lack: Lack) -> LoginFailure {
        LoginFailure::NotPermitted { peer: self.peer(), lack }
    }

    fn peer(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }
}
