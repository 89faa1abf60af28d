//! Those who joined, as the status shows them: how many, and whose entries do not count.

use serde::{Deserialize, Serialize};

use crate::house::Snapshot;

/// What an enrolment service published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedClients {
    /// Where.
    pub folder: String,
    /// How many clients have joined and count.
    pub clients: usize,
    /// How many entries do not; the warnings say why.
    pub left_out: usize,
}

impl JoinedClients {
    /// How it is now.
    pub(super) fn of(snapshot: &Snapshot) -> Option<Self> {
        let enrolment = snapshot.config.enrolment.as_ref()?;
        Some(Self {
            folder: enrolment.folder.display().to_string(),
            clients: snapshot.policy.joined(),
            left_out: snapshot.joined.left_out.len(),
        })
    }
}
