//! How the gate is: one picture, for `tsmgated status`, systemd's `STATUS=` line and the metrics.
//!
//! It holds no secret: names of clients, dates, counts, the head of the audit.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tsmgate_text::escape;

use crate::credentials::day;
use crate::house::House;
use crate::metrics::Side;
use crate::systemd;

mod api;
mod command;
mod enrolment;
mod local;

pub use api::{ApiLane, OwnSession};
pub use command::CommandLane;
pub use enrolment::Enrolment;
pub use local::{LocalCaller, LocalDoor};

/// The status socket where systemd made the folder (`RuntimeDirectory=tsmgate`).
pub const SOCKET: &str = "/run/tsmgate/status.sock";

/// The picture, as `/status` gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The gate's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Since when it runs, RFC 3339.
    pub started: String,
    /// Where it listens.
    pub address: String,
    /// Whether a client that may log in could do so now, as far as the gate knows.
    pub ready: bool,
    /// What is in the way, each a sentence; empty where it is ready.
    pub trouble: Vec<String>,
    /// What is odd but in nobody's way yet.
    pub warnings: Vec<String>,
    /// Connections whose client is not known yet.
    pub unproven: usize,
    /// Connections of clients.
    pub proven: usize,
    /// Logins granted since the start.
    pub logins: u64,
    /// Who logged in last.
    pub last_login: Option<LastLogin>,
    /// The last time everything was read anew.
    pub reload: Option<LastReload>,
    /// How often everything was read anew, or was tried to.
    pub reloads: u64,
    /// The audit's last number and hash, as `--expect-head` takes them.
    pub audit_head: String,
    /// Whether the audit can be written.
    pub audit_writable: bool,
    /// The code of the last failure of TSM's login socket, until it answers again.
    pub tsm_failing: Option<String>,
    /// The api lane; `None` where it is off.
    pub api: Option<ApiLane>,
    /// The command lane; `None` where it is off.
    #[serde(default)]
    pub command: Option<CommandLane>,
    /// The socket for callers on this host; `None` where there is none.
    #[serde(default)]
    pub local: Option<LocalDoor>,
    /// Who joined; `None` without `[enrolment]`.
    #[serde(default)]
    pub enrolment: Option<Enrolment>,
    /// What ends, soonest first.
    pub endings: Vec<Ending>,
    /// How much the kernel confines the process by its own doing.
    pub sandbox: String,
}

/// A login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLogin {
    /// Whose.
    pub client: String,
    /// When, RFC 3339.
    pub at: String,
}

/// A reload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReload {
    /// When, RFC 3339.
    pub at: String,
    /// What was wrong with it; the gate goes on with what it had then.
    pub fault: Option<String>,
}

/// Something that runs out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// `server`, `authority`, `revocation_list`, or `client`.
    pub kind: String,
    /// A file, a subject, an issuer or a client's name.
    pub name: String,
    /// When, RFC 3339.
    pub at: String,
    /// Seconds until then; negative where it is past.
    pub seconds: i64,
}

impl Status {
    /// The picture of this moment.
    pub fn of(house: &House) -> Self {
        let now = OffsetDateTime::now_utc();
        let snapshot = house.snapshot();
        let (unproven, proven) = house.admission.occupancy();
        let audit = house.audit.position();
        let (reloads, reload) = house.reloads.past();
        let tsm_failing = house.metrics.tsm_failing(Side::Login);
        let api = ApiLane::of(house, &snapshot);
        let mut trouble = snapshot.trouble(now);
        if !audit.writable {
            trouble.push("the audit cannot be written: calls are refused".to_owned());
        }
        let mut warnings = snapshot.warnings(now);
        // no trouble: only a login shows that it answers again, and a balancer sends none to a gate
        // that is not ready
        warnings.extend(tsm_failing.map(|code| format!("TSM failed the last time: {code}")));
        let failing = api.as_ref().and_then(|api| api.tsm_failing.as_ref());
        warnings
            .extend(failing.map(|code| format!("TSM's controller failed the last time: {code}")));
        let command = CommandLane::of(house, &snapshot);
        let failing = command.as_ref().and_then(|command| command.failing.as_ref());
        warnings.extend(failing.map(|code| format!("the runner does not answer: {code}")));
        if let Some(fault) = reload.as_ref().and_then(|reload| reload.fault.as_ref()) {
            warnings.push(format!("the last reload failed, what was before goes on: {fault}"));
        }
        let last_login = house.metrics.last_login();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started: day(house.started),
            address: house.address.to_string(),
            ready: trouble.is_empty(),
            trouble,
            warnings,
            unproven,
            proven,
            logins: house.metrics.logins(),
            last_login: last_login.map(|(client, at)| LastLogin { client, at: day(at) }),
            reload,
            reloads,
            audit_head: audit.head.to_string(),
            audit_writable: audit.writable,
            tsm_failing: tsm_failing.map(str::to_owned),
            api,
            command,
            local: LocalDoor::of(house, &snapshot),
            enrolment: Enrolment::of(&snapshot),
            endings: endings(house, now),
            sandbox: house.sandbox.to_string(),
        }
    }

    /// The line that `systemctl status` shows; what is in the way comes first. Visible text, of at most
    /// [`systemd::LINE_LIMIT`] bytes, whatever paths and names say.
    pub fn line(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.trouble.iter().take(TROUBLE_IN_LINE).cloned());
        let clients = if self.proven == 1 { "client" } else { "clients" };
        parts.push(format!("{} {clients} connected", self.proven));
        if let Some(LastLogin { client, at }) = &self.last_login {
            parts.push(format!("last login {client} at {at}"));
        }
        if self.reload.as_ref().is_some_and(|reload| reload.fault.is_some()) {
            parts.push("LAST RELOAD FAILED, see the log".to_owned());
        }
        // what has ended already is trouble, and said above
        let next = self.endings.iter().find(|end| end.kind != "client" && end.seconds >= 0);
        if let Some(Ending { kind, seconds, .. }) = next {
            let what = kind.replace('_', " ");
            parts.push(format!("next to end: {what} in {} days", seconds / SECONDS_OF_A_DAY));
        }
        let line = parts.iter().map(escape).collect::<Vec<_>>().join("; ");
        systemd::bounded(&line).to_owned()
    }
}

/// Sentences in one line; the others are in `tsmgated status`.
const TROUBLE_IN_LINE: usize = 2;
const SECONDS_OF_A_DAY: i64 = 24 * 3600;

/// What runs out, soonest first: what is ours, and the certificates that clients showed lately.
fn endings(house: &House, now: OffsetDateTime) -> Vec<Ending> {
    let snapshot = house.snapshot();
    let ours = snapshot.credentials.endings().into_iter();
    let ours = ours.map(|end| (end.kind.name(), end.name, end.at));
    // nobody renews the certificate of one who is no client any more
    let known = |name: &str| snapshot.policy.clients().iter().any(|client| client.name == name);
    let clients = house.metrics.clients_seen().into_iter().filter_map(|(client, until)| {
        let until = OffsetDateTime::from_unix_timestamp(until).ok()?;
        known(&client).then_some(("client", client, until))
    });
    let mut all: Vec<_> = ours.chain(clients).collect();
    all.sort_by_key(|(_, _, at)| *at);
    let ending = |(kind, name, at): (&str, String, OffsetDateTime)| Ending {
        kind: kind.to_owned(),
        name,
        at: day(at),
        // rounded down: what has just ended is past
        seconds: (at - now).whole_seconds() - i64::from((at - now).subsec_nanoseconds() < 0),
    };
    all.into_iter().map(ending).collect()
}
