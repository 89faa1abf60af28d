//! The checked configuration: what the daemon needs, nothing optional by accident.
//!
//! [`load`] reads the file and `clients.d/*.toml` beside it; what was written ([`raw`]) becomes a
//! [`Config`] or a fault with file, line and column. Certificates are loaded later, by
//! [`crate::credentials`].

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tsmgate_catalogue::command::Catalogue;
use tsmgate_gate::admission::AdmissionLimits;
use tsmgate_gate::local::LocalEntry;
use tsmgate_gate::network::Networks;
use tsmgate_gate::permission::Role;
use tsmgate_gate::policy::{Client, ClientLimits, DenyList};
use tsmgate_settings::fault;
use tsmgate_settings::files::FileFault;

mod check;
pub mod namespace;
pub mod raw;
pub mod values;

use namespace::Namespace;

pub(crate) use check::{
    NAME_RULE, deny_list, entry_networks, entry_roles, fingerprint, host_and_port, is_name,
};
pub use check::{Origin, admission, audit, networks};
pub use raw::{ExpiredList, Sync};
pub use tsmgate_settings::fault::ConfigFault;
pub use values::MetricsAddress;

/// The folder beside the configuration whose files hold `[[client]]` entries alone.
pub const CLIENTS_FOLDER: &str = "clients.d";

/// What the daemon needs to know.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The socket for callers on this host; `None`: there is none.
    pub local_socket: Option<PathBuf>,
    /// Who may come there.
    pub local: Vec<LocalEntry>,
    /// Whose PROXY protocol header counts, and is required.
    pub proxies: Networks,
    /// Files of the TLS side.
    pub tls: Tls,
    /// TSM's side.
    pub tsm: Tsm,
    /// Who may open a connection.
    pub allow: Networks,
    /// Who is never banned.
    pub exempt: Networks,
    /// Budgets and rates before the handshake is done.
    pub admission: AdmissionLimits,
    /// Accept to handshake done.
    pub handshake_timeout: Duration,
    /// The login lane's times.
    pub login: LoginLimits,
    /// Times and sizes of the api lane.
    pub http: HttpLimits,
    /// Times and sizes of the command lane.
    pub command: CommandLimits,
    /// The commands there are: the vendor's, and those that were added here.
    pub catalogue: Arc<Catalogue>,
    /// The entries, of all files.
    pub clients: Vec<Client>,
    /// `[revoked]`.
    pub deny: DenyList,
    /// `[enrolment]`; `None`: nobody joins but by an entry of these files.
    pub enrolment: Option<Enrolment>,
    /// How long calls under way may take when the daemon stops.
    pub stop_grace: Duration,
    /// Where records go.
    pub audit: Audit,
    /// Where metrics are shown.
    pub metrics: Option<MetricsAddress>,
    /// What is odd but no reason not to start; each a sentence.
    pub warnings: Vec<String>,
}

/// Files of the TLS side.
#[derive(Debug)]
pub struct Tls {
    /// Chain, leaf first.
    pub certificate: PathBuf,
    /// Its key.
    pub private_key: PathBuf,
    /// Whose client certificates count; empty where the default file does not exist either.
    pub client_authorities: Vec<ClientAuthorities>,
    /// Empty: only the deny list counts.
    pub revocation_lists: Vec<ListFile>,
    /// What a list past its next update does.
    pub expired_list: ExpiredList,
}

/// A file of authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuthorities {
    /// The file.
    pub path: PathBuf,
    /// The names that they may vouch for; `None`: any.
    pub names: Option<Arc<[Namespace]>>,
    /// Whether no revocation list is asked about them, though there are lists.
    pub unlisted: bool,
}

/// A file with revocation lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFile {
    /// Where it is.
    pub path: PathBuf,
    /// A user, by number, who may write it beside root and ourselves.
    pub owner: Option<u32>,
}

/// Where the authority's service says who joined and who is out, and what it may say.
#[derive(Debug)]
pub struct Enrolment {
    /// The folder.
    pub folder: PathBuf,
    /// The user, by number, who may write there beside root and ourselves.
    pub owner: u32,
    /// The roles there are.
    pub known: Vec<Arc<Role>>,
    /// Of those, the only ones that entries there may have; `None`: any.
    pub roles: Option<Vec<String>>,
    /// How much each client there may do.
    pub limits: ClientLimits,
}

/// TSM's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tsm {
    /// Its login socket.
    pub login: LocalSocket,
    /// The socket of the runner, which starts its `tsm` program; without one there is no command lane.
    pub runner: Option<LocalSocket>,
    /// Calls at TSM at once.
    pub connections: usize,
    /// Its HTTPS controller; without one there is no api lane.
    pub api: Option<Api>,
}

/// A socket of this host at which somebody else answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSocket {
    /// Where it is.
    pub path: PathBuf,
    /// The users, by number, whose process may answer there.
    pub owners: Vec<u32>,
    /// Their primary groups, which may write the socket's folder.
    pub owner_groups: Vec<u32>,
}

/// TSM's HTTPS controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Its name or address, as it is called in its certificate where an authority counts.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How its certificate is checked: there is no way not to.
    pub trust: ApiTrust,
}

impl fmt::Display for Api {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(formatter, "[{}]:{}", self.host, self.port),
            false => write!(formatter, "{}:{}", self.host, self.port),
        }
    }
}

/// What makes the controller's certificate good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiTrust {
    /// It is this one: the SHA-256 of the whole certificate.
    Pin([u8; 32]),
    /// One of the authorities of this file issued it, for the name we call it by.
    Authority(PathBuf),
}

/// The login lane's times and counts.
#[derive(Debug, Clone, Copy)]
pub struct LoginLimits {
    /// Handshake to whole first call; and first byte to whole call.
    pub first_byte: Duration,
    /// Between calls.
    pub idle: Duration,
    /// One login at TSM.
    pub call: Duration,
    /// Calls on one connection.
    pub per_connection: u32,
    /// Of a connection.
    pub lifetime: Duration,
}

/// The times and sizes of the lanes that speak HTTP.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// To a whole header: for the first request from the handshake on, then from its first byte.
    pub header: Duration,
    /// Between requests.
    pub idle: Duration,
    /// To the first byte of TSM's answer, and from each part of it to the next.
    pub call: Duration,
    /// Of a request, in bytes.
    pub body: usize,
    /// Of an answer that is read whole, in bytes.
    pub redacted_answer: usize,
    /// Of a connection, which ends at a request boundary; also the longest that one answer may take.
    pub lifetime: Duration,
}

/// The times and sizes of the command lane.
#[derive(Debug, Clone, Copy)]
pub struct CommandLimits {
    /// Of a request, in bytes.
    pub body: usize,
    /// Of a command that asks for no more.
    pub run: Duration,
    /// Of a command that does.
    pub run_most: Duration,
    /// How many commands may wait.
    pub queued: u32,
    /// How many bytes of a command's output are kept.
    pub output: u64,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The file.
    pub file: PathBuf,
    /// When records are forced to disk.
    pub sync: Sync,
    /// Whether each record goes to the journal too, before it counts.
    pub journal: bool,
    /// From how many bytes on the file is put aside and a new one begun.
    pub rotate_size: Option<u64>,
}

impl Config {
    /// Whether there is any lane but that of the raw cookie.
    pub fn speaks_http(&self) -> bool {
        self.tsm.api.is_some() || self.tsm.runner.is_some()
    }

    /// The settings that only a restart changes and that differ in `new`, as they are called in the file.
    pub fn fixed_differences(&self, new: &Self) -> Vec<&'static str> {
        [
            (self.listen == new.listen, "listen.address"),
            (self.local_socket == new.local_socket, "listen.local"),
            (self.admission == new.admission, "a number of [admission]"),
            (self.tsm.connections == new.tsm.connections, "tsm.connections"),
            (self.audit == new.audit, "[audit]"),
            (self.metrics == new.metrics, "metrics.listen"),
        ]
        .into_iter()
        .filter_map(|(same, name)| (!same).then_some(name))
        .collect()
    }
}

/// Reads and checks the configuration at `path`.
///
/// # Errors
/// A file is missing or could have been written by others, a key is unknown, a value cannot be; with
/// file, line and column where there is one.
pub fn load(path: &Path) -> Result<Config, ConfigFault> {
    let (text, mut raw) = read_raw(path)?;
    // from here on every path says the same wherever we stand
    let here = |cause| FileFault::Unreadable { path: path.to_owned(), cause };
    let folder = std::path::absolute(path).map_err(here)?;
    let folder = folder.parent().unwrap_or(Path::new("/")).to_owned();
    let mut entries = vec![(path.to_owned(), text, raw.client.len())];
    for file in clients_files(&folder)? {
        let text = fault::read_text(&file)?;
        let more: raw::ClientsFile = fault::parse(&file, &text)?;
        entries.push((file, text, more.client.len()));
        raw.client.extend(more.client);
    }
    check::check(&raw, &Origin { folder, files: entries })
}

/// The text of the file at `path` alone, and what was written there, with nothing judged.
///
/// # Errors
/// The file is missing or could have been written by others, a key is unknown, a value of another type.
pub(crate) fn read_raw(path: &Path) -> Result<(String, raw::Raw), ConfigFault> {
    let text = fault::read_text(path)?;
    let raw = fault::parse(path, &text)?;
    Ok((text, raw))
}

/// The files of `clients.d`, in the order of their names.
fn clients_files(folder: &Path) -> Result<Vec<PathBuf>, ConfigFault> {
    let folder = folder.join(CLIENTS_FOLDER);
    let unreadable = |cause| FileFault::Unreadable { path: folder.clone(), cause };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error).into()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
