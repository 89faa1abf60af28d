//! The configuration file as it is written. Every default is a named constant of this file, and the
//! whole shape is here: what a later version will read is known already, so that a file is not refused
//! for a key that the contract has.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use tsmgate_catalogue::command::Added;
use tsmgate_settings::table;
use tsmgate_settings::values::{WrittenDuration, WrittenSize, size, time};

use super::values::{WrittenGrant, WrittenIdentity, WrittenMetricsAddress, WrittenNetwork};

/// Where the configuration is.
pub const CONFIG_FILE: &str = "/etc/tsmgate/tsmgated.toml";
/// TSM itself takes ports 8000 to 9000.
pub const LISTEN_ADDRESS: &str = "0.0.0.0:18850";
/// Where the server's certificate is, leaf first.
pub const CERTIFICATE: &str = "/etc/tsmgate/server.pem";
/// Where its key is.
pub const PRIVATE_KEY: &str = "/etc/tsmgate/server.key";
/// Where the authority is whose client certificates count.
pub const CLIENT_AUTHORITY: &str = "/etc/tsmgate/client-ca.pem";
/// TSM's socket, as its one published client names it.
pub const LOGIN_SOCKET: &str = "/var/run/tableau/tab-controller-login-8850";
/// TSM's accounts: root, the unprivileged and the privileged service user.
pub const SOCKET_OWNERS: &[&str] = &["root", "tableau", "tsmagent"];
/// The runner's accounts: systemd, which holds its socket, and its own.
pub const RUNNER_OWNERS: &[&str] = &["root", "tsmgate-runner"];
/// Where the authority's service publishes.
pub const ENROLMENT_FOLDER: &str = "/var/lib/tsmgate-authority/gate";
/// Its user.
pub const ENROLMENT_OWNER: &str = "tsmgate-authority";
/// Where the audit goes.
pub const AUDIT_FILE: &str = "/var/log/tsmgate/audit.jsonl";

table! {
    /// The whole file.
    Raw {
        /// `[listen]`
        listen: Listen = Listen::default();
        /// `[tls]`
        tls: Tls = Tls::default();
        /// `[tsm]`
        tsm: Tsm = Tsm::default();
        /// `[admission]`
        admission: Admission = Admission::default();
        /// `[limits]`
        limits: Limits = Limits::default();
        /// `[stop]`
        stop: Stop = Stop::default();
        /// `[audit]`
        audit: Audit = Audit::default();
        /// `[metrics]`
        metrics: Metrics = Metrics::default();
        /// `[[role]]`
        role: Vec<Role> = Vec::new();
        /// `[[client]]`
        client: Vec<Client> = Vec::new();
        /// `[[local]]`
        local: Vec<Spanned<Local>> = Vec::new();
        /// `[[command]]`
        command: Vec<Spanned<Added>> = Vec::new();
        /// `[revoked]`
        revoked: Revoked = Revoked::default();
        /// `[enrolment]`; absent: no folder is read.
        enrolment: Option<Enrolment> = None;
    }
}

table! {
    /// `[listen]`
    Listen {
        /// Where to listen.
        address: SocketAddr = LISTEN_ADDRESS.parse().expect("a constant of this file");
        /// The socket for `[[local]]` callers; absent: there is none.
        local: Option<PathBuf> = None;
        /// Balancers that say with the PROXY protocol, version 2, whom they speak for.
        proxy_protocol_from: Option<Spanned<Vec<WrittenNetwork>>> = None;
    }
}

table! {
    /// `[tls]`
    Tls {
        /// Chain, leaf first.
        certificate: PathBuf = CERTIFICATE.into();
        /// Its key.
        private_key: PathBuf = PRIVATE_KEY.into();
        /// Whose client certificates count. The default file may be missing: then nobody gets in.
        client_authority: Spanned<Authorities> = Spanned::new(0..0, Authorities::One(CLIENT_AUTHORITY.into()));
        /// Absent: only `[revoked]` counts.
        revocation_list: Option<Spanned<OneOrMany>> = None;
        /// What a list past its next update does.
        expired_revocation_list: ExpiredList = ExpiredList::Refuse;
    }
}

table! {
    /// `[tsm]`
    Tsm {
        /// TSM's login socket.
        login_socket: PathBuf = LOGIN_SOCKET.into();
        /// Whose process may answer there: names or numbers.
        socket_owners: Vec<String> = SOCKET_OWNERS.iter().map(|&name| name.to_owned()).collect();
        /// Calls at TSM at once.
        connections: Spanned<usize> = Spanned::new(0..0, 8);
        /// TSM's HTTPS controller; absent: no api lane.
        api: Option<Spanned<String>> = None;
        /// The SHA-256 of its certificate, in hexadecimal.
        api_certificate_sha256: Option<Spanned<String>> = None;
        /// Or the authority that issued it.
        api_authority: Option<Spanned<PathBuf>> = None;
        /// The runner's socket; absent: no command lane.
        command_socket: Option<PathBuf> = None;
        /// Whose process may answer there: names or numbers.
        command_socket_owners: Vec<String> = RUNNER_OWNERS.iter().map(|&name| name.to_owned()).collect();
    }
}

table! {
    /// `[admission]`
    Admission {
        /// Empty: nobody.
        allow: Vec<WrittenNetwork> = Vec::new();
        /// Never banned.
        exempt: Vec<WrittenNetwork> = Vec::new();
        /// Proven connections.
        connections: Spanned<usize> = Spanned::new(0..0, 1024);
        /// Of those, of one source.
        connections_per_source: Spanned<usize> = Spanned::new(0..0, 64);
        /// Connections that have not proved themselves.
        unproven: Spanned<usize> = Spanned::new(0..0, 128);
        /// Of those, of one source.
        unproven_per_source: Spanned<usize> = Spanned::new(0..0, 16);
        /// Accept to handshake done.
        handshake_timeout: WrittenDuration = time("5s");
        /// New connections of one source.
        source_rate: Spanned<Rate> = Spanned::new(0..0, Rate { per_minute: 120, burst: 40 });
        /// Sources in each table.
        sources_remembered: Spanned<usize> = Spanned::new(0..0, 65_536);
    }
}

table! {
    /// `[limits]`
    Limits {
        /// `[limits.login]`
        login: LoginLimits = LoginLimits::default();
        /// `[limits.http]`
        http: HttpLimits = HttpLimits::default();
        /// `[limits.command]`
        command: CommandLimits = CommandLimits::default();
        /// `[limits.client]`
        client: ClientLimits = ClientLimits::default();
    }
}

table! {
    /// `[limits.login]`
    LoginLimits {
        /// Handshake to whole first call; and byte to whole call.
        first_byte: WrittenDuration = time("5s");
        /// Between calls.
        idle: WrittenDuration = time("30s");
        /// One login at TSM.
        call: WrittenDuration = time("10s");
        /// Calls on one connection.
        per_connection: Spanned<u32> = Spanned::new(0..0, 100);
        /// Of a connection, which ends at a call boundary.
        lifetime: WrittenDuration = time("15m");
    }
}

table! {
    /// `[limits.http]`
    HttpLimits {
        /// To a whole request header.
        header: WrittenDuration = time("5s");
        /// Between requests.
        idle: WrittenDuration = time("60s");
        /// To the first byte of TSM's answer.
        call: WrittenDuration = time("60s");
        /// Of a request.
        body: WrittenSize = size("1MiB");
        /// Of an answer that is read whole.
        redacted_answer: WrittenSize = size("4MiB");
        /// Of a connection.
        lifetime: WrittenDuration = time("1h");
    }
}

table! {
    /// `[limits.command]`
    CommandLimits {
        /// Of a request.
        body: Spanned<WrittenSize> = Spanned::new(0..0, size("16MiB"));
        /// Of a command.
        run: WrittenDuration = time("35m");
        /// Of a command that asked for more.
        run_most: Spanned<WrittenDuration> = Spanned::new(0..0, time("4h"));
        /// Commands waiting.
        queued: Spanned<u32> = Spanned::new(0..0, 16);
        /// Of a command.
        output: WrittenSize = size("16MiB");
    }
}

table! {
    /// `[limits.client]`
    ClientLimits {
        /// Raw logins.
        logins: Spanned<Rate> = Spanned::new(0..0, Rate { per_minute: 12, burst: 6 });
        /// Requests of the api lane.
        requests: Spanned<Rate> = Spanned::new(0..0, Rate { per_minute: 600, burst: 60 });
        /// Commands.
        commands: Spanned<Rate> = Spanned::new(0..0, Rate { per_minute: 6, burst: 6 });
        /// Calls at once.
        in_flight: Spanned<u32> = Spanned::new(0..0, 4);
    }
}

table! {
    /// `[stop]`
    Stop {
        /// For calls under way.
        grace: WrittenDuration = time("15s");
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
        /// When records are forced to disk.
        sync: Sync = Sync::Second;
    }
}

table! {
    /// `[metrics]`
    Metrics {
        /// `unix:` and a path, or a loopback address with its port; absent: nowhere.
        listen: Option<Spanned<WrittenMetricsAddress>> = None;
    }
}

table! {
    /// `[revoked]`
    Revoked {
        /// Hexadecimal serial numbers.
        serials: Vec<Spanned<String>> = Vec::new();
        /// Base64 hashes of public keys.
        public_keys_sha256: Vec<Spanned<String>> = Vec::new();
    }
}

table! {
    /// `[enrolment]`
    Enrolment {
        /// What the authority's service publishes.
        folder: PathBuf = ENROLMENT_FOLDER.into();
        /// Whose files count there, beside root's: a name or a number.
        owner: Spanned<String> = Spanned::new(0..0, ENROLMENT_OWNER.to_owned());
        /// The only roles that entries there may have; absent: any.
        roles: Option<Spanned<Vec<Spanned<String>>>> = None;
    }
}

/// `{ per_minute = 12, burst = 6 }`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Over time.
    pub per_minute: u32,
    /// At once.
    pub burst: u32,
}

/// One file or several.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a file name or a list of file names")]
pub enum OneOrMany {
    /// One.
    One(PathBuf),
    /// Several.
    Many(Vec<PathBuf>),
}

/// One file of authorities or several.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a file name, or a list of file names and { file = …, names = […] }"
)]
pub enum Authorities {
    /// One.
    One(PathBuf),
    /// Several.
    Many(Vec<WrittenAuthorities>),
}

/// One of several files of authorities.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum WrittenAuthorities {
    /// They vouch for any name.
    Any(PathBuf),
    /// They vouch for names of theirs.
    Within(Within),
}

/// `{ file = "b.pem", names = ["URI:spiffe://b.example/"] }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Within {
    /// The file.
    pub file: PathBuf,
    /// What the names begin or end with.
    pub names: Vec<String>,
    /// No revocation list is asked about them: they issue none.
    #[serde(default)]
    pub danger_no_revocation_list: bool,
}

/// What a revocation list past its next update does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpiredList {
    /// Everybody of its issuer is refused.
    Refuse,
    /// It goes on counting, and the log says so.
    Warn,
}

/// When records are forced to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sync {
    /// At most a second after they were written, and on stop.
    Second,
    /// Each, before it counts.
    Always,
}

/// `[[role]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: Spanned<String>,
    /// What it gives.
    pub permissions: Vec<WrittenGrant>,
}

/// `[[client]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its name.
    pub name: Spanned<String>,
    /// What its certificate says.
    pub identity: Spanned<WrittenIdentity>,
    /// Absent: all of `admission.allow`.
    pub networks: Option<Vec<Spanned<WrittenNetwork>>>,
    /// What it may do.
    pub roles: Vec<Spanned<String>>,
    /// Where its limits differ.
    #[serde(default)]
    pub limits: EntryLimits,
}

/// The limits of one entry; absent ones are `[limits.client]`'s.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EntryLimits {
    /// Raw logins.
    pub logins: Option<Spanned<Rate>>,
    /// Requests of the api lane.
    pub requests: Option<Spanned<Rate>>,
    /// Commands.
    pub commands: Option<Spanned<Rate>>,
    /// Calls at once.
    pub in_flight: Option<Spanned<u32>>,
}

/// `[[local]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Local {
    /// A user's name.
    pub user: Option<Spanned<String>>,
    /// Or a group's.
    pub group: Option<Spanned<String>>,
    /// What he, or they, may do.
    pub roles: Vec<Spanned<String>>,
    /// Where the limits differ.
    #[serde(default)]
    pub limits: EntryLimits,
}

/// A file of `clients.d`: entries alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientsFile {
    /// `[[client]]`
    #[serde(default)]
    pub client: Vec<Client>,
}
