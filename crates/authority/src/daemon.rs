//! The service's life: load everything, listen, serve, stop.
//!
//! [`Loaded::load`] is all that `run` and `check` share, so that they say the same. Nothing is written before
//! the address is ours.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tsmgate_gate::admission::Admission;
use tsmgate_gate::clock::Clock;
use tsmgate_gate::rate::Bucket;
use tsmgate_pki::{Authority, time_text};
use tsmgate_server::accept::{accept, complain_of_panic};
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::audit::{Audit, AuditFault};
use tsmgate_server::process::{self, Slots};
use tsmgate_server::sandbox::Folders;
use tsmgate_server::systemd::{self, Watchdog};
use tsmgate_settings::fault::ConfigFault;

use crate::config::Config;
use crate::connection::{LIFE, connection};
use crate::house::{House, JOINS, Rules};
use crate::keeper::{self, Keeper, KeeperFault};
use crate::reload::Warden;

/// Descriptors for the authority's files, beside those of connections.
pub(crate) const FILES: usize = 8;

/// Everything the configuration leads to, checked and in memory; nothing is bound or written yet.
#[derive(Debug)]
pub struct Loaded {
    path: PathBuf,
    /// What counts.
    pub config: Config,
    authority: Authority,
    slots: Slots,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigFault),
    /// The authority.
    #[error(transparent)]
    Keeper(#[from] KeeperFault),
    /// The audit file.
    #[error(transparent)]
    Audit(#[from] AuditFault),
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// Signals, limits.
    #[error("cannot set up the process: {0}")]
    Process(io::Error),
}

impl Loaded {
    /// Reads the configuration and opens the authority it names.
    ///
    /// # Errors
    /// The first thing a start would fail on.
    pub fn load(path: &Path) -> Result<Self, StartFault> {
        let mut config = Config::load(path)?;
        let authority = keeper::open(&config.authority)?;
        if let Some(gates) = &config.gate.authority {
            keeper::certificates(gates)?;
        }
        let slots = process::fit(&mut config.admission, FILES).map_err(StartFault::Process)?;
        Ok(Self { path: path.to_owned(), config, authority, slots })
    }

    /// Everything that is odd but no reason not to start, each a sentence.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self.slots.warning.iter().cloned().collect();
        if self.config.allow.is_empty() {
            warnings.push("CLOSED: admission.allow is empty, nobody can connect".to_owned());
        }
        if self.config.allow.iter().any(|network| network.is_everything()) {
            let what = "holds every address there is; name the networks of your clients";
            warnings.push(format!("admission.allow {what}"));
        }
        let end = self.authority.not_after();
        if end - OffsetDateTime::now_utc() < self.config.life {
            let end = time_text(end);
            warnings.push(format!("the authority ends {end}, and every certificate with it"));
        }
        warnings
    }

    /// Opens the port, and makes what is missing around it: the service's own certificate, the folder that the
    /// gate reads. From within a sandbox neither could be.
    ///
    /// # Errors
    /// The address is taken, or not ours; the authority's folder cannot be written.
    pub fn open(self) -> Result<Opened, StartFault> {
        let Self { path, config, authority, slots } = self;
        let fault = |cause| StartFault::Listen { address: config.listen, cause };
        let listener = TcpListener::bind(config.listen).map_err(fault)?;
        listener.set_nonblocking(true).map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        let called = config.address(address.port());
        let (keeper, renew_at) = Keeper::start(authority, &config, called.clone())?;
        let rules = Rules::of(&config, keeper.certificate())?;
        let keeper = Arc::new(keeper);
        Ok(Opened { path, config, slots, listener, address, called, keeper, renew_at, rules })
    }
}

/// A service whose port is open and whose authority is ready; nobody is served yet.
#[derive(Debug)]
pub struct Opened {
    path: PathBuf,
    config: Config,
    slots: Slots,
    listener: TcpListener,
    address: SocketAddr,
    /// As it stands in tokens.
    called: String,
    keeper: Arc<Keeper>,
    renew_at: OffsetDateTime,
    rules: Rules,
}

impl Opened {
    /// The folders that the service has to do with from here on.
    pub fn folders(&self) -> Folders {
        let config = &self.config;
        let mut reads = vec![self.path.as_path()];
        reads.extend(config.gate.authority.as_deref());
        let keeps = [config.authority.folder.as_path(), &config.published];
        Folders::of_service(&reads, &config.audit.file, &keeps)
    }
}

/// The running service.
#[derive(Debug)]
pub struct Daemon {
    house: Arc<House>,
    warden: Arc<Warden>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    keeping: JoinHandle<()>,
    audit_end: oneshot::Receiver<()>,
}

impl Daemon {
    /// Opens the audit and serves. Within a runtime.
    ///
    /// # Errors
    /// The audit cannot be opened.
    pub fn on(opened: Opened) -> Result<Self, StartFault> {
        let Opened { path, config, slots, listener, address, called, keeper, renew_at, rules } =
            opened;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(StartFault::Process)?;
        let clock = Clock::monotonic();
        let (audit, audit_end) = Audit::start(&config.audit, clock.clone())?;
        let house = Arc::new(House {
            admission: Admission::new(config.admission, clock.clone()),
            joins: Bucket::new(JOINS, &clock),
            turn: Arc::new(Semaphore::new(1)),
            audit,
            keeper: Arc::clone(&keeper),
            rules: watch::Sender::new(Arc::new(rules)),
            life: process::random_name(),
        });
        house.audit.note(
            Record::new("start", Outcome::Success)
                .text("tsmgate.version", env!("CARGO_PKG_VERSION"))
                .text("server.address", &address.to_string())
                .flag("tsmgate.closed", config.allow.is_empty())
                .flag("tsmgate.audit.new_chain", house.audit.begins_chain()),
        );
        let (stop, stopping) = watch::channel(false);
        let serving = tokio::spawn(serve(Arc::clone(&house), listener, slots.count, stopping));
        let keeping = tokio::spawn(keeper.keep(renew_at));
        tracing::info!(%address, called, "listening");
        let line = line(&called, &config);
        systemd::ready(&line);
        let warden = Arc::new(Warden { house: Arc::clone(&house), path, config, line });
        Ok(Self { house, warden, stop, serving, keeping, audit_end })
    }

    /// What reads the configuration anew.
    pub fn reloader(&self) -> impl Fn() + Send + 'static {
        let warden = Arc::clone(&self.warden);
        move || warden.reload()
    }

    /// Serves until `signal` resolves, then stops. `false` where a part that must not end did, or the last
    /// records are not on disk.
    pub async fn run_until(mut self, signal: impl Future<Output = ()>) -> bool {
        let ended = |what: &str, _: Result<(), JoinError>| {
            tracing::error!("{what} ended; stopping");
            false
        };
        let whole = tokio::select! {
            () = signal => true,
            end = &mut self.serving => {
                ended("the accept loop", end);
                self.house.audit.close().await;
                return false;
            }
            end = &mut self.keeping => ended("the task that looks after certificates", end),
            _ = &mut self.audit_end => ended("the audit's writer", Ok(())),
        };
        self.stop().await && whole
    }

    /// Stops: no new connections, those without a request are cut, an order under way goes to its end.
    async fn stop(self) -> bool {
        tracing::info!("stopping");
        systemd::stopping();
        let _ = self.stop.send(true);
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the accept loop did not end well");
        }
        self.keeping.abort();
        // an order goes on without its connection, and has the turn
        if timeout(LIFE, self.house.turn.acquire()).await.is_err() {
            tracing::warn!("an order did not end in time; the same request again finishes it");
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

/// The line for people.
fn line(called: &str, config: &Config) -> String {
    let life = config.life.whole_seconds();
    let closed = if config.allow.is_empty() { "CLOSED: admission.allow is empty; " } else { "" };
    format!("{closed}enrols hosts at {called}, certificates of {}", span(life))
}

/// A life as it is written.
fn span(seconds: i64) -> String {
    let units = [("d", 86_400), ("h", 3600), ("m", 60)];
    let unit = units.into_iter().find(|(_, each)| seconds % each == 0);
    let (unit, each) = unit.unwrap_or(("s", 1));
    format!("{}{unit}", seconds / each)
}

/// The accept loop, and after it the connections that are left.
async fn serve(
    house: Arc<House>,
    listener: tokio::net::TcpListener,
    slots: usize,
    stopping: watch::Receiver<bool>,
) {
    let stop = stopping.clone();
    let one = |arrival| connection(Arc::clone(&house), arrival, stop.clone());
    let mut connections = accept(listener, slots, Watchdog::from_env(), stopping, one).await;
    let ended = timeout(Duration::from_secs(5), async {
        while let Some(ended) = connections.join_next().await {
            complain_of_panic(&ended);
        }
    });
    if ended.await.is_err() {
        connections.shutdown().await;
    }
}
