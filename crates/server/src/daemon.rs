//! The daemon's life: load everything, listen, serve, stop.
//!
//! [`Loaded::load`] is all that `run` and `check` share, so that they say the same. [`Daemon`] is the
//! running thing, in a test as in the program.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tsmgate_gate::admission::Admission;
use tsmgate_gate::clock::Clock;
use tsmgate_gate::ledger::Ledger;
use tsmgate_gate::permission::Permission;
use tsmgate_gate::policy::{Closed, Policy};

use crate::accept::{self, complain_of_panic};
use crate::audit::record::{Outcome, Record};
use crate::audit::{Audit, AuditFault};
use crate::backend::{self, Backend};
use crate::config::{self, Config, ConfigFault};
use crate::connection::connection;
use crate::credentials::{self, CredentialsFault};
use crate::house::{House, Snapshot};
use crate::process::{self, Slots};

/// Everything the configuration leads to, checked and in memory; nothing is bound or written yet.
#[derive(Debug)]
pub struct Loaded {
    /// The numbers.
    pub config: Config,
    /// Who and with what.
    pub snapshot: Snapshot,
    /// How many connections the system lets us have.
    pub slots: Slots,
}

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigFault),
    /// Certificates, keys, lists.
    #[error(transparent)]
    Credentials(#[from] CredentialsFault),
    /// The audit file.
    #[error(transparent)]
    Audit(#[from] AuditFault),
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// Signals, limits.
    #[error("cannot set up the process: {0}")]
    Process(io::Error),
}

impl Loaded {
    /// Reads the configuration and everything it names.
    ///
    /// # Errors
    /// The first thing a start would fail on.
    pub fn load(path: &Path) -> Result<Self, StartFault> {
        let mut config = config::load(path)?;
        let credentials = credentials::load(&config.tls, OffsetDateTime::now_utc())?;
        let policy = Policy::new(
            std::mem::take(&mut config.allow),
            std::mem::take(&mut config.exempt),
            std::mem::take(&mut config.clients),
            std::mem::take(&mut config.deny),
            credentials.clients.is_some(),
        );
        let slots = process::fit_to_descriptors(&mut config).map_err(StartFault::Process)?;
        Ok(Self { config, snapshot: Snapshot { policy: Arc::new(policy), credentials }, slots })
    }

    /// Everything that is odd but no reason not to start, each a sentence.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self.snapshot.policy.closed().iter().map(closed).collect();
        warnings.extend(self.config.warnings.iter().cloned());
        warnings.extend(self.snapshot.credentials.warnings.iter().cloned());
        warnings.extend(self.slots.warning.iter().cloned());
        let policy = &self.snapshot.policy;
        let login = Permission::login();
        for client in policy.clients().iter().filter(|client| client.role_giving(&login).is_none())
        {
            let what = "has no role with `login`: there is nothing it can do in this version";
            warnings.push(format!("the client `{}` {what}", client.name));
        }
        if policy.allow.iter().any(|network| network.is_everything()) {
            let what = "holds every address there is; name the networks of your clients";
            warnings.push(format!("admission.allow {what}"));
        }
        let left = self.snapshot.credentials.server_not_after - OffsetDateTime::now_utc();
        if left < credentials::ENDING_SOON {
            warnings.push(format!(
                "{}: our certificate ends in {} days",
                self.config.tls.certificate.display(),
                left.whole_days()
            ));
        }
        if let Err(distrust) = backend::trusted_path(&self.config.tsm) {
            warnings.push(format!("TSM cannot be asked: {distrust}"));
        }
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

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    address: SocketAddr,
    house: Arc<House>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    audit_end: oneshot::Receiver<()>,
}

impl Daemon {
    /// Opens the audit, listens, and serves.
    ///
    /// # Errors
    /// The audit cannot be opened, or the address not bound.
    pub async fn start(loaded: Loaded) -> Result<Self, StartFault> {
        let clock = Clock::monotonic();
        let Loaded { config, snapshot, slots } = loaded;
        let address = config.listen;
        let cannot = |cause| StartFault::Listen { address, cause };
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let (audit, audit_end) = Audit::start(&config.audit, clock.clone())?;
        let house = Arc::new(House {
            admission: Admission::new(config.admission, clock.clone()),
            ledger: Ledger::new(clock.clone()),
            backend: Backend::new(config.tsm.clone(), config.login.call, &clock),
            life: process::random_name(),
            audit,
            snapshot,
            config,
        });
        let closed = house.snapshot.policy.is_closed();
        house.audit.note(
            Record::new("start", Outcome::Success)
                .text("tsmgate.version", env!("CARGO_PKG_VERSION"))
                .text("server.address", &address.to_string())
                .flag("tsmgate.closed", closed)
                .flag("tsmgate.audit.new_chain", house.audit.begins_chain()),
        );
        let (stop, stopping) = watch::channel(false);
        let serving = tokio::spawn(serve(Arc::clone(&house), listener, slots.count, stopping));
        tracing::info!(%address, "listening");
        Ok(Self { address, house, stop, serving, audit_end })
    }

    /// Where it listens; of use where the configuration says port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections there are: unproven, proven.
    pub fn occupancy(&self) -> (usize, usize) {
        self.house.admission.occupancy()
    }

    /// Serves until `signal` resolves, then stops. `false` where a part that must not end did.
    pub async fn run_until(mut self, signal: impl Future<Output = ()>) -> bool {
        let whole = tokio::select! {
            () = signal => true,
            _ = &mut self.serving => {
                tracing::error!("the accept loop ended; stopping");
                self.house.audit.close().await;
                return false;
            }
            _ = &mut self.audit_end => {
                tracing::error!("the audit's writer ended; stopping");
                false
            }
        };
        self.stop().await && whole
    }

    /// Stops: no new connections, idle ones are cut at once, calls under way may finish within the
    /// grace period, what is left is aborted and recorded so. `false` where the last records could not
    /// be brought to disk.
    pub async fn stop(self) -> bool {
        tracing::info!("stopping");
        let _ = self.stop.send(true);
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the accept loop did not end well");
        }
        self.house.audit.note(Record::new("stop", Outcome::Success));
        let recorded = self.house.audit.close().await;
        if !recorded {
            tracing::error!("the last records could not be brought to disk");
        }
        tracing::info!("stopped");
        recorded
    }
}

/// The accept loop, and after it the grace period.
async fn serve(
    house: Arc<House>,
    listener: TcpListener,
    slots: usize,
    stopping: watch::Receiver<bool>,
) {
    let stop = stopping.clone();
    let one = |arrival| connection(Arc::clone(&house), arrival, stop.clone());
    let mut connections = accept::accept(listener, slots, stopping, one).await;
    let ended = timeout(house.config.stop_grace, async {
        while let Some(ended) = connections.join_next().await {
            complain_of_panic(&ended);
        }
    });
    if ended.await.is_err() {
        tracing::warn!(count = connections.len(), "calls did not finish within the grace period");
        connections.shutdown().await;
    }
}
