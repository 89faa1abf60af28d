//! What the controller's HTTPS side is started with. Each switch stands for something that nobody has
//! seen a real TSM do either way.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Somebody who may try `POST /login`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAccount {
    /// The name of the user.
    pub name: String,
    /// The password of the user.
    pub password: String,
    /// Whether the user is in TSM's group.
    pub in_group: bool,
}

/// The certificate that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerCertificate {
    /// Made anew and signed by itself, as TSM's is (documented).
    SelfSigned {
        /// Names and addresses it is for.
        names: Vec<String>,
        /// In how many days it ends; below zero it has ended.
        days: i64,
    },
    /// Brought along, both in PEM: the chain with the leaf first, and its private key.
    Given {
        /// The chain.
        chain: String,
        /// The private key.
        key: String,
    },
}

/// Who moves jobs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobDrive {
    /// The test, with [`crate::Api::step`].
    ByHand,
    /// Real time: a step each time that this has passed.
    Every(Duration),
}

/// What the controller's HTTPS side is started with.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// Where it listens. A port of 0 is chosen once, and kept over restarts.
    pub address: SocketAddr,
    /// The certificate it shows.
    pub certificate: ServerCertificate,
    /// Who may log in with a password.
    pub accounts: Vec<ApiAccount>,
    /// The nodes of the cluster; the first is the controller's.
    pub nodes: Vec<String>,
    /// Where backups are; a folder of its own for `None`, which goes with the simulator.
    pub backups: Option<PathBuf>,
    /// Who moves jobs on.
    pub jobs: JobDrive,
    /// Whether another origin's changes are refused. Seen to be on; what it does is a guess.
    pub csrf_protection: bool,
    /// The status of a logout: 200 seen, 204 taken by other clients.
    pub logout_status: u16,
    /// Whether a logout ends the session. A guess: the cookie might hold all of it.
    pub logout_ends_session: bool,
    /// The status of a login with the right password and the wrong groups: 403, or 401. A guess.
    pub outsider_status: u16,
    /// Whether errors have `code` and `summary` beside `detail`. A guess: `detail` alone is seen.
    pub full_errors: bool,
    /// Whether a 401 has a body. Not known: clients must take both.
    pub unauthorized_body: bool,
    /// Whether `/status` has the fields that are seen but that no client relies on.
    pub optional_fields: bool,
    /// Whether the routes that are mere guesses are there: the write side of the configuration.
    pub assumed_routes: bool,
    /// Whether a custom certificate counts at once, and not when what is staged is applied. Not known.
    pub custom_certificate_at_once: bool,
    /// Whether new internal tokens are refused while something is staged. Not known; documented for a
    /// first start.
    pub tokens_need_nothing_staged: bool,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            certificate: ServerCertificate::SelfSigned {
                names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
                days: 365,
            },
            accounts: Vec::new(),
            nodes: vec!["node1".to_owned()],
            backups: None,
            jobs: JobDrive::ByHand,
            csrf_protection: true,
            logout_status: 200,
            logout_ends_session: true,
            outsider_status: 403,
            full_errors: false,
            unauthorized_body: true,
            optional_fields: true,
            assumed_routes: false,
            custom_certificate_at_once: false,
            tokens_need_nothing_staged: false,
        }
    }
}
