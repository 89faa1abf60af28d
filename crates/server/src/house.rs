//! What all connections share.

use std::sync::Arc;

use tokio::sync::oneshot;
use tsmgate_gate::admission::Admission;
use tsmgate_gate::ledger::Ledger;
use tsmgate_gate::policy::Policy;

use crate::audit::Audit;
use crate::backend::Backend;
use crate::config::Config;
use crate::credentials::Credentials;

/// What a reload replaces as a whole.
#[derive(Debug)]
pub struct Snapshot {
    /// Who is who.
    pub policy: Arc<Policy>,
    /// Certificates and lists.
    pub credentials: Credentials,
}

/// Everything a connection needs.
#[derive(Debug)]
pub struct House {
    /// The numbers.
    pub config: Config,
    /// Who and with what.
    pub snapshot: Snapshot,
    /// The doorkeeper.
    pub admission: Arc<Admission<oneshot::Sender<()>>>,
    /// What each client has used.
    pub ledger: Ledger,
    /// The record.
    pub audit: Arc<Audit>,
    /// TSM.
    pub backend: Backend,
    /// A name for this life of the daemon, so that connection numbers are not taken for another's.
    pub life: String,
}
