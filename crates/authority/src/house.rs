//! What all connections share, and what a reload changes of it.

use std::sync::Arc;

use time::Duration;
use tokio::sync::{Semaphore, oneshot, watch};
use tsmgate_gate::admission::Admission;
use tsmgate_gate::network::Networks;
use tsmgate_gate::rate::{Bucket, Rate};
use tsmgate_pki::enrolment::GateAnswer;
use tsmgate_server::audit::Audit;

use crate::config::Config;
use crate::keeper::{self, Keeper, KeeperFault};

/// Attempts to join, of all strangers together: each costs a record on disk.
pub const JOINS: Rate = match Rate::new(600, 60) {
    Some(rate) => rate,
    None => panic!("neither is zero"),
};

/// Everything that lives as long as the service.
#[derive(Debug)]
pub struct House {
    /// Who may connect.
    pub admission: Arc<Admission<oneshot::Sender<()>>>,
    /// How often anybody may try to join.
    pub joins: Bucket,
    /// Whose turn it is at the authority: one at a time, as the folder's lock has it.
    pub turn: Arc<Semaphore>,
    /// The record.
    pub audit: Arc<Audit>,
    /// The authority.
    pub keeper: Arc<Keeper>,
    /// What a reload swaps, whole.
    pub rules: watch::Sender<Arc<Rules>>,
    /// A random name of this life of the service, for the numbers of connections.
    pub life: String,
}

/// What may change while the service runs.
#[derive(Debug)]
pub struct Rules {
    /// Who may open a connection.
    pub allow: Networks,
    /// Who is never banned.
    pub exempt: Networks,
    /// Accept to handshake done.
    pub handshake_timeout: std::time::Duration,
    /// Of each certificate.
    pub life: Duration,
    /// What is said of the gate.
    pub gate: GateAnswer,
}

impl Rules {
    /// Those of a configuration; `certificate` is the authority's own, PEM.
    ///
    /// # Errors
    /// The gate's authority cannot be read.
    pub fn of(config: &Config, certificate: &str) -> Result<Self, KeeperFault> {
        let authority = match &config.gate.authority {
            Some(path) => keeper::certificates(path)?,
            None => certificate.to_owned(),
        };
        Ok(Self {
            allow: config.allow.clone(),
            exempt: config.exempt.clone(),
            handshake_timeout: config.handshake_timeout,
            life: config.life,
            gate: GateAnswer { address: config.gate.address.clone(), authority },
        })
    }
}

impl House {
    /// What counts now.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.borrow())
    }
}
