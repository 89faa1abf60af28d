//! The configuration file as it is written. Every default is a named constant of this file.

use std::net::SocketAddr;
use std::path::PathBuf;

use toml::Spanned;
use tsmgate_pki::ServerName;
use tsmgate_server::config::raw::Admission;
use tsmgate_settings::table;
use tsmgate_settings::values::{Parsed, WrittenSize};

use super::values::{HostAndPort, Life};

/// Where the configuration is.
pub const CONFIG_FILE: &str = "/etc/tsmgate/tsmgate-authority.toml";
/// Beside the gate's.
pub const LISTEN_ADDRESS: &str = "0.0.0.0:18851";
/// The authority's folder.
pub const FOLDER: &str = "/var/lib/tsmgate-authority/pki";
/// What the gate reads.
pub const PUBLISHED: &str = "/var/lib/tsmgate-authority/gate";
/// Where the audit goes.
pub const AUDIT_FILE: &str = "/var/log/tsmgate-authority/audit.jsonl";
/// The life of a certificate.
pub const LIFE: &str = "30d";

table! {
    /// The whole file.
    Raw {
        /// `[listen]`
        listen: Listen = Listen::default();
        /// `[authority]`
        authority: Authority = Authority::default();
        /// `[gate]`
        gate: Gate = Gate::default();
        /// `[certificates]`
        certificates: Certificates = Certificates::default();
        /// `[admission]`, as the gate has it
        admission: Admission = Admission::default();
        /// `[audit]`
        audit: Audit = Audit::default();
    }
}

table! {
    /// `[listen]`
    Listen {
        /// Where to listen.
        address: SocketAddr = LISTEN_ADDRESS.parse().expect("a constant of this file");
        /// What clients call it; the first stands in tokens. At least one.
        names: Vec<Parsed<ServerName>> = Vec::new();
    }
}

table! {
    /// `[authority]`
    Authority {
        /// Its folder.
        folder: PathBuf = FOLDER.into();
        /// Its key; absent: what systemd hands over, else `ca.key` in the folder.
        private_key: Option<PathBuf> = None;
        /// What opens the key; absent: what systemd hands over, where it does.
        passphrase_file: Option<PathBuf> = None;
    }
}

table! {
    /// `[gate]`
    Gate {
        /// Where clients find the gate. Must be said.
        address: Option<Parsed<HostAndPort>> = None;
        /// By what the gate's certificate is checked; absent: the authority itself.
        authority: Option<PathBuf> = None;
        /// The folder that the gate reads.
        published: PathBuf = PUBLISHED.into();
    }
}

table! {
    /// `[certificates]`
    Certificates {
        /// Of each.
        life: Parsed<Life> = Parsed(LIFE.parse().expect("a constant of this file"));
    }
}

table! {
    /// `[audit]`
    Audit {
        /// Where the records go.
        file: PathBuf = AUDIT_FILE.into();
        /// The journal as a second target; either failing refuses.
        journal: bool = false;
        /// From this size on the file is put aside and a new one begun; absent: never.
        rotate_size: Option<Spanned<WrittenSize>> = None;
    }
}
