//! Who is asked: a gate or a controller, its name, its time, and the way to it.

use tokio::time::Instant;

use super::connection::Connection;
use super::controller::Controller;
use super::failure::{ApiFailure, Breach};
use crate::Gate;
use crate::failure::LoginFailure;
use crate::gate::TIMEOUT_MOST;

/// What both sides are asked to speak.
pub(super) const ALPN: &[u8] = b"http/1.1";

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A gate, which asks TSM for us.
    Gate(Gate),
    /// TSM itself.
    Controller(Controller),
}

impl Peer {
    /// What a person calls it: `HOST:PORT`, or `https://HOST:PORT`.
    pub fn name(&self) -> String {
        match self {
            Self::Gate(gate) => gate.address.to_string(),
            Self::Controller(controller) => controller.address.to_string(),
        }
    }

    pub(super) fn host(&self) -> String {
        match self {
            Self::Gate(gate) => gate.address.to_string(),
            Self::Controller(controller) => controller.address.address().to_string(),
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        let timeout = match self {
            Self::Gate(gate) => gate.timeout,
            Self::Controller(controller) => controller.timeout,
        };
        Instant::now() + timeout.min(TIMEOUT_MOST)
    }

    /// A new connection; both sides of it have proved who they are, but for our session.
    pub(super) async fn connect(&self, deadline: Instant) -> Result<Connection, ApiFailure> {
        let made = match self {
            Self::Gate(gate) => {
                Connection::over(gate.connect(ALPN, deadline).await.map_err(way_to_gate)?).await
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
