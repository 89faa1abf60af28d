//! Who is asked: a gate, here or elsewhere, or a controller; its name, its time, and the way to it.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::controller::Controller;
use super::failure::{ApiFailure, Breach};
use crate::failure::LoginFailure;
use crate::gate::TIMEOUT_MOST;
use crate::{Gate, LocalGate};

/// What both sides are asked to speak.
pub(super) const ALPN: &[u8] = b"http/1.1";
/// The host that is named where a socket of this host is asked.
const LOCAL_HOST: &str = "localhost";

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A gate, which asks TSM for us.
    Gate(Gate),
    /// The gate of this host, at its local socket: who we are is what the kernel says of this process.
    LocalGate(LocalGate),
    /// TSM itself.
    Controller(Controller),
}

impl Peer {
    /// What a person calls it: `HOST:PORT`, `https://HOST:PORT`, or the path of a socket, escaped.
    pub fn name(&self) -> String {
        match self {
            Self::Gate(gate) => gate.address.to_string(),
            Self::LocalGate(gate) => gate.peer(),
            Self::Controller(controller) => controller.address.to_string(),
        }
    }

    /// Whether it is a gate, which has the session and knows its callers.
    pub fn is_gate(&self) -> bool {
        !matches!(self, Self::Controller(_))
    }

    pub(super) fn host(&self) -> String {
        match self {
            Self::Gate(gate) => gate.address.to_string(),
            Self::LocalGate(_) => LOCAL_HOST.to_owned(),
            Self::Controller(controller) => controller.address.address().to_string(),
        }
    }

    /// The time of one request, at most an hour.
    pub fn timeout(&self) -> Duration {
        let timeout = match self {
            Self::Gate(gate) => gate.timeout,
            Self::LocalGate(gate) => gate.timeout,
            Self::Controller(controller) => controller.timeout,
        };
        timeout.min(TIMEOUT_MOST)
    }

    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout()
    }

    /// A new connection; both sides of it have proved who they are, but for our session.
    pub(super) async fn connect(&self, deadline: Instant) -> Result<Connection, ApiFailure> {
        let made = match self {
            Self::Gate(gate) => {
                Connection::over(gate.connect(ALPN, deadline).await.map_err(way_to_gate)?).await
            }
            Self::LocalGate(gate) => {
                Connection::over(gate.connect(deadline).await.map_err(way_to_gate)?).await
            }
            Self::Controller(controller) => {
                Connection::over(controller.connect(deadline).await?).await
            }
        };
        made.map_err(|breach| ApiFailure::Protocol { peer: self.name(), breach })
    }
}

/// The login lane's words do not fit where it was not asked for.
fn way_to_gate(failure: LoginFailure) -> ApiFailure {
    match failure {
        LoginFailure::Protocol { peer, breach } => {
            ApiFailure::Protocol { peer, breach: breach.into() }
        }
        other => other.into(),
    }
}

impl From<crate::failure::Breach> for Breach {
    fn from(breach: crate::failure::Breach) -> Self {
        match breach {
            crate::failure::Breach::Alert(number) => Self::Alert(number),
            other => Self::Tls(other.to_string()),
        }
    }
}

impl From<Gate> for Peer {
    fn from(gate: Gate) -> Self {
        Self::Gate(gate)
    }
}

impl From<LocalGate> for Peer {
    fn from(gate: LocalGate) -> Self {
        Self::LocalGate(gate)
    }
}
