//! The daemon's life: load everything, listen, serve, stop.
//!
//! [`Loaded::load`] is all that `run` and `check` share, so that they say the same. [`Daemon`] is the
//! running thing, in a test as in the program.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tsmgate_catalogue::api::raw::RAW;
use tsmgate_catalogue::api::table::OPERATIONS;
use tsmgate_catalogue::command::Catalogue;
use tsmgate_gate::admission::Admission;
use tsmgate_gate::admission::local::LocalAdmission;
use tsmgate_gate::clock::Clock;
use tsmgate_gate::ledger::Ledger;
use tsmgate_gate::permission::{Permission, Role};
use tsmgate_gate::policy::Policy;

use crate::accept::{self, complain_of_panic};
use crate::audit::record::{Outcome, Record};
use crate::audit::{Audit, AuditFault};
use crate::backend::Backend;
use crate::backend::api::Api;
use crate::backend::runner::Runner;
use crate::config::{self, Config, ConfigFault};
use crate::connection::connection;
use crate::credentials::{self, Credentials, CredentialsFault};
use crate::enrolled::Enrolled;
use crate::house::{House, Reloads, Snapshot};
use crate::local;
use crate::local::directory::Directory;
use crate::metrics::Metrics;
use crate::notices;
use crate::observe::{self, Door, Listener, Observed};
use crate::process::{self, Slots};
use crate::proxy::Balancers;
use crate::reload::{self, Warden};
use crate::sandbox::Sandbox;
use crate::session::{self, Session};
use crate::sockets::{MetricsSocket, SocketFault, Sockets};
use crate::standing;
use crate::status::Status;
use crate::systemd::{self, Watchdog};

/// Everything the configuration leads to, checked and in memory; nothing is bound or written yet.
#[derive(Debug)]
pub struct Loaded {
    /// Where it was read.
    pub path: PathBuf,
    /// What counts.
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
    /// An address or a socket is taken, or not ours.
    #[error(transparent)]
    Listen(#[from] SocketFault),
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
        let config = config::load(path)?;
        let enrolled = config.enrolment.as_ref().map(Enrolled::load).transpose()?;
        let credentials = credentials::load(&config, OffsetDateTime::now_utc())?;
        Self::of(config, credentials, enrolled, path)
    }

    /// What a configuration that was read at `path`, the credentials it names and who joined come to.
    ///
    /// # Errors
    /// The system's limits are too low for it.
    pub fn of(
        mut config: Config,
        credentials: Credentials,
        enrolled: Option<Enrolled>,
        path: &Path,
    ) -> Result<Self, StartFault> {
        let policy = Policy::new(
            std::mem::take(&mut config.allow),
            std::mem::take(&mut config.exempt),
            std::mem::take(&mut config.clients),
            std::mem::take(&mut config.deny),
            credentials.clients.is_some(),
        )
        .with_local(std::mem::take(&mut config.local));
        let (policy, enrolled) = match enrolled.zip(config.enrolment.as_ref()) {
            None => (policy, None),
            Some((enrolled, order)) => {
                let (policy, enrolled) = enrolled.joined_to(&policy, order);
                (policy, Some(Arc::new(enrolled)))
            }
        };
        let slots = process::fit_to_descriptors(&mut config).map_err(StartFault::Process)?;
        let (config, policy) = (Arc::new(config), Arc::new(policy));
        let snapshot = Snapshot { config, policy, enrolled, credentials };
        Ok(Self { path: path.to_owned(), snapshot, slots })
    }

    /// Everything that is odd but no reason not to start, each a sentence.
    pub fn warnings(&self) -> Vec<String> {
        let now = OffsetDateTime::now_utc();
        let policy = &self.snapshot.policy;
        let mut warnings = self.snapshot.trouble(now);
        warnings.extend(self.snapshot.warnings(now));
        warnings.extend(self.slots.warning.iter().cloned());
        let Config { tsm, catalogue, .. } = &*self.snapshot.config;
        let (http, run) = (tsm.api.is_some(), tsm.runner.is_some());
        let clients = policy.clients().iter();
        let clients =
            clients.map(|client| (format!("the client `{}`", client.name), &client.roles));
        let local = policy.local().0.iter();
        let local = local.map(|entry| (format!("[[local]] {}", entry.who), &entry.roles));
        for (who, roles) in clients.chain(local) {
            let can = |http, run| can_do_something(roles, catalogue, http, run);
            let what = if can(http, run) {
                continue;
            } else if can(true, false) {
                "has roles for the api lane alone, and tsm.api is not set"
            } else if can(true, true) {
                "has roles for the command lane alone, and tsm.command_socket is not set"
            } else {
                "has no role that gives anything this version serves"
            };
            warnings.push(format!("{who} {what}"));
        }
        if policy.allow.iter().any(|network| network.is_everything()) {
            let what = "holds every address there is; name the networks of your clients";
            warnings.push(format!("admission.allow {what}"));
        }
        warnings
    }
}

/// Whether roles give anything that the lanes there are can do.
fn can_do_something(roles: &[Arc<Role>], catalogue: &Catalogue, http: bool, run: bool) -> bool {
    let gives = |name: &str| {
        let permission: Option<Permission> = name.parse().ok();
        permission.is_some_and(|permission| roles.iter().any(|role| role.gives(&permission)))
    };
    let login = gives(Permission::login().name());
    login
        || http && (gives(RAW) || OPERATIONS.iter().any(|operation| gives(operation.permission)))
        || run && catalogue.commands().iter().any(|command| gives(&command.permission))
}

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    house: Arc<House>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    watching: JoinHandle<()>,
    audit_end: oneshot::Receiver<()>,
    /// Those who look at it; they end with it.
    observers: JoinSet<()>,
}

impl Daemon {
    /// Opens the sockets and the audit, and serves.
    ///
    /// # Errors
    /// The audit cannot be opened, or the address not bound.
    pub async fn start(loaded: Loaded) -> Result<Self, StartFault> {
        let sockets = Sockets::open(&loaded.snapshot.config)?;
        Self::on(sockets, Sandbox::none(), loaded).await
    }

    /// Opens the audit and serves on sockets that are open already.
    ///
    /// # Errors
    /// The audit cannot be opened.
    pub async fn on(
        sockets: Sockets,
        sandbox: Sandbox,
        loaded: Loaded,
    ) -> Result<Self, StartFault> {
        let clock = Clock::monotonic();
        let Loaded { path, snapshot, slots } = loaded;
        let config = Arc::clone(&snapshot.config);
        let Sockets { gate, address, passed, local, status, metrics } = sockets;
        let listener = TcpListener::from_std(gate).map_err(StartFault::Process)?;
        let local = local.map(tokio::net::UnixListener::from_std).transpose();
        let local = local.map_err(StartFault::Process)?;
        let (audit, audit_end) = Audit::start(&config.audit, clock.clone())?;
        let (asks, asked) = mpsc::channel(reload::ASKS);
        let closed = snapshot.policy.is_closed();
        let turns = Arc::new(Semaphore::new(config.tsm.connections));
        let house = Arc::new(House {
            admission: Admission::new(config.admission, clock.clone()),
            local: LocalAdmission::new(config.admission.source_rate, &clock),
            directory: Directory::default(),
            balancers: Balancers::default(),
            ledger: Ledger::new(clock.clone()),
            backend: Backend::new(Arc::clone(&turns), &clock),
            api: Api::new(turns, &clock),
            runner: Runner::default(),
            session: Session::new(&clock),
            metrics: Metrics::new(),
            sandbox,
            life: process::random_name(),
            started: OffsetDateTime::now_utc(),
            address,
            local_socket: local.as_ref().and_then(local::path_of),
            reloads: Reloads::new(asks),
            audit,
            snapshot: watch::Sender::new(Arc::new(snapshot)),
        });
        house.audit.note(
            Record::new("start", Outcome::Success)
                .text("tsmgate.version", env!("CARGO_PKG_VERSION"))
                .text("server.address", &address.to_string())
                .flag("tsmgate.closed", closed)
                .flag("tsmgate.audit.new_chain", house.audit.begins_chain()),
        );
        let (stop, stopping) = watch::channel(false);
        let mut observers = observers(&house, status, metrics).map_err(StartFault::Process)?;
        observers.spawn(notices::keep(Arc::clone(&house)));
        observers.spawn(standing::keep(Arc::clone(&house)));
        let warden = Warden::new(Arc::clone(&house), path, asked);
        let line = warden.line().to_owned();
        let watching = tokio::spawn(warden.watch(stopping.clone()));
        let serving =
            tokio::spawn(serve(Arc::clone(&house), listener, local, slots.count, stopping));
        let local = house.local_socket.as_ref().map(|path| path.display().to_string());
        tracing::info!(%address, handed_over = passed, local, sandbox = %house.sandbox, "listening");
        systemd::ready(&line);
        Ok(Self { house, stop, serving, watching, audit_end, observers })
    }

    /// Where it listens; of use where the configuration says port 0.
    pub fn address(&self) -> SocketAddr {
        self.house.address
    }

    /// How many connections there are: unproven, proven.
    pub fn occupancy(&self) -> (usize, usize) {
        self.house.admission.occupancy()
    }

    /// How it is.
    pub fn status(&self) -> Status {
        Status::of(&self.house)
    }

    /// Asks for everything to be read anew, without waiting for it.
    pub fn reloader(&self) -> impl Fn() + Send + 'static {
        let asks = self.house.reloads.asks.clone();
        move || {
            // where none fits in, one that waits will do
            let _ = asks.try_send(None);
        }
    }

    /// Reads everything anew.
    ///
    /// # Errors
    /// What is wrong; all goes on as it was.
    pub async fn reload(&self) -> Result<(), String> {
        self.house.reload().await
    }

    /// Serves until `signal` resolves, then stops. `false` where a part that must not end did.
    pub async fn run_until(mut self, signal: impl Future<Output = ()>) -> bool {
        let whole = tokio::select! {
            () = signal => true,
            _ = &mut self.serving => {
                tracing::error!("the accept loop ended; stopping");
                session::give_up(&self.house).await;
                self.house.audit.close().await;
                return false;
            }
            _ = &mut self.watching => {
                tracing::error!("the task that reloads ended; stopping");
                false
            }
            _ = &mut self.audit_end => {
                tracing::error!("the audit's writer ended; stopping");
                false
            }
            // none where there is nobody who looks
            Some(_) = self.observers.join_next() => {
                tracing::error!("a task that watches or is watched ended; stopping");
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
        systemd::stopping();
        let _ = self.stop.send(true);
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the accept loop did not end well");
        }
        session::give_up(&self.house).await;
        // whoever looks may look until here
        drop(self.observers);
        self.house.audit.note(Record::new("stop", Outcome::Success));
        let recorded = self.house.audit.close().await;
        if !recorded {
            tracing::error!("the last records could not be brought to disk");
        }
        tracing::info!("stopped");
        recorded
    }
}

/// Those who show how the daemon is.
fn observers(
    house: &Arc<House>,
    status: Option<UnixListener>,
    metrics: Option<MetricsSocket>,
) -> io::Result<JoinSet<()>> {
    let unix = |listener| tokio::net::UnixListener::from_std(listener).map(Listener::Unix);
    let mut observers = JoinSet::new();
    if let Some(status) = status {
        observers.spawn(observe::serve(unix(status)?, Door::Status, Arc::clone(house)));
    }
    if let Some(metrics) = metrics {
        let listener = match metrics {
            MetricsSocket::Unix(listener) => unix(listener)?,
            MetricsSocket::Loopback(listener) => Listener::Tcp(TcpListener::from_std(listener)?),
        };
        observers.spawn(observe::serve(listener, Door::Metrics, Arc::clone(house)));
    }
    Ok(observers)
}

/// The accept loops, and after them the grace period.
async fn serve(
    house: Arc<House>,
    listener: TcpListener,
    local: Option<tokio::net::UnixListener>,
    slots: usize,
    stopping: watch::Receiver<bool>,
) {
    let stop = stopping.clone();
    let one = |arrival| connection(Arc::clone(&house), arrival, stop.clone());
    let one_local = |arrival| local::connection(Arc::clone(&house), arrival, stop.clone());
    let port = accept::accept(listener, slots, Watchdog::from_env(), stopping.clone(), one);
    let door = async {
        match local {
            Some(local) => {
                accept::accept(local, local::SLOTS, Watchdog::none(), stopping, one_local).await
            }
            None => JoinSet::new(),
        }
    };
    let (mut connections, mut at_the_door) = tokio::join!(port, door);
    let grace = house.snapshot().config.stop_grace;
    let ended = timeout(grace, async {
        for connections in [&mut connections, &mut at_the_door] {
            while let Some(ended) = connections.join_next().await {
                complain_of_panic(&ended);
            }
        }
    });
    if ended.await.is_err() {
        let count = connections.len() + at_the_door.len();
        tracing::warn!(count, "calls did not finish within the grace period");
        connections.shutdown().await;
        at_the_door.shutdown().await;
    }
}
