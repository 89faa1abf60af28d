//! The controller's HTTPS side, and the handle by which a test looks at it and moves it.
//!
//! It shares its sessions with the login socket: a cookie of either is good here. Requests are read by
//! hyper, which turns away what is no HTTP/1.1 before anything here sees it; the bytes are on record
//! all the same.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::clock::Clock;
use crate::conversation::Controller;
use crate::sessions::Sessions;
use crate::simulator::lock;
use crate::world::cluster::{Cluster, ServerState};
use crate::world::jobs::JobStatus;
use crate::world::plan::JobKind;
use crate::world::store::{Configuration, PendingChange};
use crate::world::{Folder, World};
use misbehave::ApiBehaviour;
use options::ApiOptions;
use record::{ApiConnection, Register, RequestRecord};

mod answers;
mod certificate;
mod configuration;
mod content;
mod desk;
mod inventory;
mod job;
mod login;
pub(crate) mod misbehave;
mod operations;
pub(crate) mod options;
pub(crate) mod record;
mod routes;
mod security;
pub(crate) mod serve;
mod spoil;
mod wire;

/// The HTTPS side of a [`crate::Simulator`].
pub struct Api {
    options: ApiOptions,
    address: Mutex<SocketAddr>,
    acceptor: TlsAcceptor,
    certificate: String,
    controller: Arc<Controller>,
    clock: Clock,
    register: Arc<Register>,
    manners: Mutex<Manners>,
    world: Mutex<World>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("address", &self.address()).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Manners {
    standing: ApiBehaviour,
    next: VecDeque<ApiBehaviour>,
}

impl Api {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        *lock(&self.address)
    }

    /// What stands before each path, with this name for the host: `https://localhost:…/api/0.5`.
    #[must_use]
    pub fn base(&self, host: &str) -> String {
        format!("https://{host}:{}/api/0.5", self.address().port())
    }

    /// The certificates it shows, in PEM, the leaf first.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The newest requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.register.requests()
    }

    /// The newest connections, oldest first, each with the bytes it brought.
    #[must_use]
    pub fn connections(&self) -> Vec<ApiConnection> {
        self.register.connections()
    }

    /// Gives this to every request from now on, after those queued.
    pub fn behave(&self, behaviour: ApiBehaviour) {
        lock(&self.manners).standing = behaviour;
    }

    /// Gives this to the next request alone; several queue up.
    pub fn behave_next(&self, behaviour: ApiBehaviour) {
        lock(&self.manners).next.push_back(behaviour);
    }

    /// Answers 401 to so many requests.
    pub fn storm(&self, requests: usize) {
        let storm = std::iter::repeat_n(ApiBehaviour::Unauthorized, requests);
        lock(&self.manners).next.extend(storm);
    }

    /// Opens a session without any door, and gives the cookie's value.
    #[must_use]
    pub fn open_session(&self, user: &str) -> String {
        let value = self.sessions().open(user);
        self.controller.record.keep_cookie(&value);
        value
    }

    /// Ends every session at once, as a new key for the cookies does.
    pub fn end_sessions(&self) {
        self.sessions().end_all();
    }

    /// Whether this cookie's value opens a session now.
    #[must_use]
    pub fn is_open(&self, cookie: &str) -> bool {
        self.sessions().user(cookie).is_some()
    }

    /// The clock of sessions and jobs.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Moves the jobs on by one step: the oldest waiting job begins, or a step of the running one ends.
    /// `false`: there was nothing to do.
    #[must_use = "says whether there was something to do"]
    pub fn step(&self) -> bool {
        let mut world = self.world();
        let moved = world.step();
        if std::mem::take(&mut world.cookie_key_changed) {
            // no cookie that was sealed with the old key opens anything
            self.sessions().end_all();
        }
        moved
    }

    /// Moves the jobs on until none is left.
    pub fn finish_jobs(&self) {
        while self.step() {}
    }

    /// The jobs' numbers and where they stand, oldest first.
    #[must_use]
    pub fn jobs(&self) -> Vec<(u64, JobStatus)> {
        let mut world = self.world();
        world.settle();
        world.jobs.all().map(|job| (job.id, job.status)).collect()
    }

    /// What the server is at.
    #[must_use]
    pub fn server_state(&self) -> ServerState {
        self.world().cluster.state()
    }

    /// Brings the server there without a job.
    pub fn set_server_state(&self, state: ServerState) {
        self.world().cluster.become_state(state);
    }

    /// Has the processes of a service say this, whatever the server is at.
    pub fn set_process(&self, service: &str, status: &str, message: Option<&str>) {
        self.world().cluster.say(service, status, message);
    }

    /// The configuration that was applied last, secrets in clear.
    #[must_use]
    pub fn configuration(&self) -> Configuration {
        self.world().store.applied().clone()
    }

    /// The same as its files hold it: secrets sealed.
    #[must_use]
    pub fn configuration_at_rest(&self) -> Configuration {
        self.world().store.at_rest()
    }

    /// Stages changes; `None` is the default of a key.
    ///
    /// # Errors
    /// The keys that are unknown, unless they are forced. Nothing is staged then.
    pub fn stage(
        &self,
        changes: impl IntoIterator<Item = (String, Option<String>)>,
        force: bool,
    ) -> Result<(), Vec<String>> {
        self.world().store.stage(changes.into_iter().collect(), force)
    }

    /// What is staged and would change something.
    #[must_use]
    pub fn pending(&self) -> Vec<PendingChange> {
        self.world().store.changes()
    }

    /// Forgets what is staged.
    pub fn discard(&self) {
        self.world().store.discard();
    }

    /// Queues the job that applies what is staged, and tells its number.
    pub fn deploy(&self) -> u64 {
        let mut world = self.world();
        let id = world.queue(JobKind::Deployments, None);
        let said = std::mem::take(&mut world.said);
        drop(world);
        said.iter().for_each(|line| self.note(line));
        id
    }

    /// Where backups are.
    #[must_use]
    pub fn backups(&self) -> PathBuf {
        self.world().backups.path().to_owned()
    }

    /// What speaks TLS with the certificate of this side.
    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    pub(crate) fn new(
        options: ApiOptions,
        controller: Arc<Controller>,
        clock: Clock,
    ) -> io::Result<Self> {
        let (acceptor, certificate) = certificate::acceptor(&options.certificate)?;
        let backups = match &options.backups {
            Some(folder) => Folder::Given(folder.clone()),
            None => Folder::Own(tempfile::Builder::new().prefix("tsmsim-").tempdir()?),
        };
        let cluster = Cluster::new(options.nodes.clone(), options.optional_fields);
        Ok(Self {
            address: Mutex::new(options.address),
            acceptor,
            certificate,
            register: Register::new(Arc::clone(&controller.record)),
            controller,
            manners: Mutex::default(),
            world: Mutex::new(World::new(clock.clone(), cluster, backups)),
            clock,
            options,
        })
    }

    /// Binds the port; the same one each time.
    pub(crate) fn bind(&self) -> io::Result<TcpListener> {
        let listener = StdListener::bind(self.address())?;
        listener.set_nonblocking(true)?;
        *lock(&self.address) = listener.local_addr()?;
        TcpListener::from_std(listener)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    fn sessions(&self) -> &Sessions {
        &self.controller.sessions
    }

    fn note(&self, message: &str) {
        self.controller.log.said(message);
    }

    fn newest_cookie(&self) -> Option<String> {
        self.controller.record.cookies().pop()
    }

    fn next_behaviour(&self) -> ApiBehaviour {
        let mut manners = lock(&self.manners);
        manners.next.pop_front().unwrap_or_else(|| manners.standing.clone())
    }
}
