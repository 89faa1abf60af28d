//! What an administrator of TSM's host wants to know when something does not work: the gate and what stands
//! around it, looked at in order, and where a thing is not as it must be, what to do and on which side.
//!
//! It changes nothing, starts no program and asks TSM for no session: a cookie is not taken to diagnose.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use time::OffsetDateTime;

use crate::config::{self, Config};
use crate::credentials::Credentials;
use crate::status::Status;
use account::Account;
pub use finding::{Advice, Cause, Finding, Side, Verdict};
use finding::{Seen, shown};
use process::Process;

mod account;
mod authority;
mod clock;
mod controller;
mod finding;
mod forwarder;
mod listener;
mod local_socket;
mod outsider;
mod packet_filter;
mod process;
mod reach;
mod runner;
mod settings;
mod trail;
mod unit;

/// Whom the unit runs the gate as, where nothing says otherwise.
const SERVICE_USER: &str = "tsmgate";

/// What is looked at.
#[derive(Debug)]
pub struct Question<'a> {
    /// The configuration.
    pub config: &'a Path,
    /// The user whose rights count; `None` is that of the running gate, or of its unit.
    pub user: Option<&'a str>,
    /// What the running gate says of itself, where one answers.
    pub status: Option<Status>,
}

/// Looks at everything, in the order in which one thing depends on the other.
pub fn examine(question: &Question<'_>) -> Vec<Finding> {
    let mut round = Round::default();
    let config = round.look("configuration", || settings::seen(question.config));
    let gate = Gate::found(question, config.as_deref());
    let account = round.look("service_user", || {
        account::seen(question.user, gate.process.as_ref(), config.as_deref())
    });
    let known = Known { config, account, gate };
    known.sockets(&mut round);
    known.certificates(&mut round);
    known.port(&mut round);
    round.look("unit", || (unit::seen(known.gate.process.as_ref()), Some(())));
    known.keeping(&mut round);
    round.look("clock", || (clock::seen(), Some(())));
    round.0
}

/// The findings so far.
#[derive(Default)]
struct Round(Vec<Finding>);

impl Round {
    /// Takes one step and its time; gives what the next ones need of it.
    fn look<T>(
        &mut self,
        step: &'static str,
        look: impl FnOnce() -> (Seen, Option<T>),
    ) -> Option<T> {
        let begun = Instant::now();
        let (seen, gained) = look();
        self.0.push(seen.after(step, begun.elapsed()));
        gained
    }

    /// The same for a step that takes the configuration, and is left out without.
    fn with<T>(
        &mut self,
        step: &'static str,
        config: Option<&Config>,
        look: impl FnOnce(&Config) -> (Seen, Option<T>),
    ) -> Option<T> {
        self.look(step, || match config {
            Some(config) => look(config),
            None => (Seen::left_out("the configuration does not load"), None),
        })
    }
}

/// The gate that runs, where one does.
#[derive(Debug, Default)]
struct Gate {
    process: Option<Process>,
    address: Option<SocketAddr>,
}

impl Gate {
    /// As it says itself on its status socket; else whoever of that name listens on the configured port.
    fn found(question: &Question<'_>, config: Option<&Config>) -> Self {
        if let Some(status) = &question.status {
            let process = Process::of(status.pid);
            return Self { process, address: status.address.parse().ok() };
        }
        let address = config.map(|config| config.listen);
        let listening = address.map(process::listening).unwrap_or_default();
        let process = listening.into_iter().find(|process| process.is_gate());
        Self { process, address }
    }
}

/// What the later steps go by.
struct Known {
    config: Option<Arc<Config>>,
    account: Option<Account>,
    gate: Gate,
}

impl Known {
    /// What the gate's user sees; the words of why it cannot be seen.
    fn as_service<T>(&self, look: impl FnOnce() -> T) -> Result<T, String> {
        match &self.account {
            Some(account) => account.eyes(look),
            None => Err("the service user is not known".to_owned()),
        }
    }

    /// TSM's login socket and the runner's.
    fn sockets(&self, round: &mut Round) {
        let config = self.config.as_deref();
        round.with("tsm_login_socket", config, |config| {
            (self.seen(|| local_socket::login(&config.tsm.login)), Some(()))
        });
        round.with("runner_socket", config, |config| {
            let seen = match &config.tsm.runner {
                None => Seen::left_out("the command lane is off (tsm.command_socket is not set)"),
                Some(socket) => self.seen(|| runner::seen(socket)),
            };
            (seen, Some(()))
        });
    }

    /// Our own certificate, and TSM's.
    fn certificates(&self, round: &mut Round) {
        let config = self.config.as_deref();
        let credentials: Option<Credentials> = round.with("certificates", config, |config| {
            authority::seen(config, |look| self.as_service(look), OffsetDateTime::now_utc())
        });
        round.with("tsm_certificate", config, |config| {
            let seen = match (&config.tsm.api, &credentials) {
                (None, _) => Seen::left_out("the api lane is off (tsm.api is not set)"),
                (_, None) => Seen::left_out("the certificates do not load"),
                (Some(api), Some(credentials)) => controller::seen(api, credentials),
            };
            (seen, Some(()))
        });
    }

    /// Who listens, what it says to strangers, and who else leads to TSM.
    fn port(&self, round: &mut Round) {
        let config = self.config.as_deref();
        let ours = round.with("port", config, |config| {
            listener::seen(self.gate.address.unwrap_or(config.listen), self.gate.process.as_ref())
        });
        round.with("outsider", config, |config| {
            let seen = match ours {
                Some(address) => outsider::seen(address, config),
                None => Seen::left_out("the gate does not listen there"),
            };
            (seen, Some(()))
        });
        round.with("forwarders", config, |config| {
            (forwarder::seen(&config.tsm.login.path, self.gate.process.as_ref()), Some(()))
        });
        round.with("packet_filter", config, |config| (packet_filter::seen(config), Some(())));
    }

    /// Where records go.
    fn keeping(&self, round: &mut Round) {
        round.with("audit", self.config.as_deref(), |config| {
            (self.seen(|| trail::seen(&config.audit)), Some(()))
        });
    }

    /// What the service user sees, or that nobody could look as him.
    fn seen(&self, look: impl FnOnce() -> Seen) -> Seen {
        self.as_service(look).unwrap_or_else(|why| Seen::left_out(&why))
    }
}

/// Waits for an answer here, as no other step goes on meanwhile.
fn answered<T>(answer: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let answer = runtime.block_on(answer);
    // a lookup of a name that hangs is not waited for
    runtime.shutdown_background();
    Ok(answer)
}
