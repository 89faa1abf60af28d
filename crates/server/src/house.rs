//! What all connections share, and the one place from which they learn that it changed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot, watch};
use tsmgate_gate::admission::Admission;
use tsmgate_gate::admission::local::LocalAdmission;
use tsmgate_gate::ledger::Ledger;
use tsmgate_gate::policy::{Closed, Policy};
use tsmgate_gate::reason::Reason;

use crate::audit::record::Record;
use crate::audit::{Audit, Proof, RefusalOrigin};
use crate::backend::api::Api;
use crate::backend::runner::Runner;
use crate::backend::{self, Backend};
use crate::config::{self, Config};
use crate::credentials::Credentials;
use crate::enrolled::Enrolled;
use crate::local::directory::Directory;
use crate::metrics::Metrics;
use crate::observe::Observed;
use crate::proxy::Balancers;
use crate::reload::Ask;
use crate::sandbox::Sandbox;
use crate::session::Session;
use crate::status::{LastReload, Status};

/// What a reload replaces as a whole.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The numbers.
    pub config: Arc<Config>,
    /// Who is who.
    pub policy: Arc<Policy>,
    /// Who joined; `None` without `[enrolment]`. The policy has it already.
    pub enrolled: Option<Arc<Enrolled>>,
    /// Certificates and lists.
    pub credentials: Credentials,
}

impl Snapshot {
    /// What is in the way of clients at `now`, each a sentence.
    pub fn trouble(&self, now: OffsetDateTime) -> Vec<String> {
        let mut trouble = if self.is_local_alone() { Vec::new() } else { self.closed() };
        trouble.extend(self.credentials.trouble(now));
        if let Err(distrust) = backend::trusted_path(&self.config.tsm.login) {
            trouble.push(format!("TSM cannot be asked: {distrust}"));
        }
        let runner = self.config.tsm.runner.as_ref().map(backend::trusted_path);
        if let Some(Err(distrust)) = runner {
            trouble.push(format!("no command can be run: {distrust}"));
        }
        trouble
    }

    /// Whether nobody is meant to come over the network: that the port is closed is in nobody's way then.
    fn is_local_alone(&self) -> bool {
        self.policy.clients().is_empty() && !self.policy.local().0.is_empty()
    }

    fn closed(&self) -> Vec<String> {
        self.policy.closed().iter().map(closed).collect()
    }

    /// What is odd at `now` but in nobody's way yet, each a sentence.
    pub fn warnings(&self, now: OffsetDateTime) -> Vec<String> {
        let mut warnings = self.config.warnings.clone();
        warnings.extend(if self.is_local_alone() { self.closed() } else { Vec::new() });
        warnings.extend(self.credentials.warnings(now));
        // no trouble: who is in stays in, and the service's user must not take the gate out of a balancer
        warnings.extend(self.enrolled.iter().flat_map(|enrolled| enrolled.trouble()));
        warnings
    }
}

/// What keeps a gate closed, in a sentence.
pub fn closed(why: &Closed) -> String {
    match why {
        Closed::NoNetworks => "CLOSED: admission.allow is empty, nobody can connect".to_owned(),
        Closed::NoClients => "CLOSED: there is no [[client]], nobody can log in".to_owned(),
        Closed::NoAuthority => {
            let default: PathBuf = config::raw::CLIENT_AUTHORITY.into();
            format!("CLOSED: no tls.client_authority, and no {}", default.display())
        }
    }
}

/// Everything a connection needs.
#[derive(Debug)]
pub struct House {
    pub(crate) snapshot: watch::Sender<Arc<Snapshot>>,
    /// The doorkeeper.
    pub admission: Arc<Admission<oneshot::Sender<()>>>,
    /// The doorkeeper of the local socket.
    pub local: Arc<LocalAdmission>,
    /// Who the users of this host are.
    pub directory: Directory,
    /// Balancers that have not said yet for whom they speak.
    pub balancers: Balancers,
    /// What each client has used.
    pub ledger: Ledger,
    /// The record.
    pub audit: Arc<Audit>,
    /// TSM's login socket.
    pub backend: Backend,
    /// TSM's controller.
    pub api: Api,
    /// What starts its program.
    pub runner: Runner,
    /// The gate's own session there.
    pub session: Session,
    /// What is counted.
    pub metrics: Metrics,
    /// What the kernel keeps us from.
    pub sandbox: Sandbox,
    /// A name for this life of the daemon, so that connection numbers are not taken for another's.
    pub life: String,
    /// When this life began.
    pub started: OffsetDateTime,
    /// Where it listens.
    pub address: SocketAddr,
    /// And where for callers on this host.
    pub local_socket: Option<PathBuf>,
    pub(crate) reloads: Reloads,
}

/// The reloads of this life.
#[derive(Debug)]
pub(crate) struct Reloads {
    pub(crate) asks: mpsc::Sender<Ask>,
    past: Mutex<(u64, Option<LastReload>)>,
}

impl Reloads {
    pub(crate) fn new(asks: mpsc::Sender<Ask>) -> Self {
        Self { asks, past: Mutex::default() }
    }

    /// Remembers one.
    pub(crate) fn add(&self, reload: LastReload) {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        *past = (past.0 + 1, Some(reload));
    }

    /// How many there were, and the last.
    pub(crate) fn past(&self) -> (u64, Option<LastReload>) {
        self.past.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl House {
    /// What counts now. Whoever keeps it is asked again by [`crate::judge`] when it is replaced.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.borrow())
    }

    /// The one door for refusals: counted, recorded, and summed up where the same keeps coming.
    pub fn refuse(
        &self,
        origin: RefusalOrigin,
        reason: Reason,
        proof: Proof,
        about: impl FnOnce() -> Record,
    ) {
        self.metrics.refused(reason);
        self.audit.refuse(origin, reason, proof, about);
    }
}

impl Observed for House {
    fn status(&self) -> Status {
        Status::of(self)
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    async fn reload(&self) -> Result<(), String> {
        let (done, outcome) = oneshot::channel();
        let stopping = || "the gate is stopping".to_owned();
        self.reloads.asks.send(Some(done)).await.map_err(|_| stopping())?;
        outcome.await.map_err(|_| stopping())?
    }
}
