//! The checked configuration: what the service needs, nothing optional by accident.
//!
//! What was written ([`raw`]) becomes a [`Config`] or a fault with file, line and column. The authority itself
//! is opened later, by [`crate::keeper`].

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use time::Duration;
use tsmgate_gate::admission::AdmissionLimits;
use tsmgate_gate::network::Networks;
use tsmgate_pki::ServerName;
use tsmgate_server::config::{self as gates, Audit, Origin, Sync};
use tsmgate_settings::fault::{ConfigFault, parse, read_text};
use tsmgate_settings::files::FileFault;

pub mod raw;
pub mod values;

/// What the service needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What clients call it, at least one; the first stands in tokens.
    pub names: Vec<ServerName>,
    /// The authority.
    pub authority: Authority,
    /// What is said of the gate.
    pub gate: Gate,
    /// The folder that the gate reads.
    pub published: PathBuf,
    /// Of each certificate.
    pub life: Duration,
    /// Who may open a connection.
    pub allow: Networks,
    /// Who is never banned.
    pub exempt: Networks,
    /// Budgets and rates.
    pub admission: AdmissionLimits,
    /// Accept to handshake done.
    pub handshake_timeout: std::time::Duration,
    /// Where records go.
    pub audit: Audit,
}

/// Where the authority is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Its folder.
    pub folder: PathBuf,
    /// Its key, where the configuration names one.
    pub private_key: Option<PathBuf>,
    /// What opens the key, where the configuration names it.
    pub passphrase_file: Option<PathBuf>,
}

/// What goes into the profiles of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Its host and port.
    pub address: String,
    /// By what its certificate is checked; `None`: the authority itself.
    pub authority: Option<PathBuf>,
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// It is missing, others could have written it, a key is unknown, or a value cannot be; with line and
    /// column where there is one.
    pub fn load(path: &Path) -> Result<Self, ConfigFault> {
        let text = read_text(path)?;
        let raw: raw::Raw = parse(path, &text)?;
        // from here on every path says the same wherever we stand
        let here = |cause| FileFault::Unreadable { path: path.to_owned(), cause };
        let folder = std::path::absolute(path).map_err(here)?;
        let folder = folder.parent().unwrap_or(Path::new("/")).to_owned();
        let origin = Origin { folder, files: vec![(path.to_owned(), text, 0)] };
        let whole = |what: &str| ConfigFault::whole(path, what);
        if raw.listen.names.is_empty() {
            return Err(whole("`listen.names` is empty; say what clients call this host"));
        }
        let gate = raw.gate.address.ok_or_else(|| {
            whole("`gate.address` is missing; say where clients find the gate, as host:port")
        })?;
        let audit = gates::raw::Audit {
            file: raw.audit.file,
            journal: raw.audit.journal,
            rotate_size: raw.audit.rotate_size,
            // a certificate is rare, and must not outlive its record: each is on disk before it counts
            sync: Sync::Always,
        };
        Ok(Self {
            listen: raw.listen.address,
            names: raw.listen.names.into_iter().map(|name| name.0).collect(),
            authority: Authority {
                folder: origin.path(&raw.authority.folder),
                private_key: raw.authority.private_key.map(|path| origin.path(&path)),
                passphrase_file: raw.authority.passphrase_file.map(|path| origin.path(&path)),
            },
            gate: Gate {
                address: gate.0.0,
                authority: raw.gate.authority.map(|path| origin.path(&path)),
            },
            published: origin.path(&raw.gate.published),
            life: raw.certificates.life.0.0,
            allow: gates::networks(&raw.admission.allow),
            exempt: gates::networks(&raw.admission.exempt),
            admission: gates::admission(&raw.admission, &origin)?,
            handshake_timeout: raw.admission.handshake_timeout.0.0,
            audit: gates::audit(&audit, &origin)?,
        })
    }

    /// How it is called in tokens, where it listens at `port`.
    pub fn address(&self, port: u16) -> String {
        match self.names.first() {
            Some(ServerName::Ip(IpAddr::V6(address))) => format!("[{address}]:{port}"),
            Some(name) => format!("{name}:{port}"),
            // the file is not taken without one
            None => format!("localhost:{port}"),
        }
    }

    /// The settings that only a restart changes and that differ in `new`, as they are called in the file.
    pub fn fixed_differences(&self, new: &Self) -> Vec<&'static str> {
        [
            (self.listen == new.listen, "listen.address"),
            (self.names == new.names, "listen.names"),
            (self.authority == new.authority, "[authority]"),
            (self.published == new.published, "gate.published"),
            (self.admission == new.admission, "a number of [admission]"),
            (self.audit == new.audit, "[audit]"),
        ]
        .into_iter()
        .filter_map(|(same, name)| (!same).then_some(name))
        .collect()
    }
}
