//! How the gate is: one picture, for `tsmgated status`, systemd's `STATUS=` line and the metrics.
//!
//! It holds no secret: names of clients, dates, counts, the head of the audit.

use serde::{Deserialize, Serialize};

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
    /// The code of TSM's last failure, until it answers again.
    pub tsm_failing: Option<String>,
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
