//! Who joined, as the status shows it: how many, from which folder, and what is wrong there.

use serde::{Deserialize, Serialize};

use crate::house::Snapshot;

/// What `[enrolment]` comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The folder.
    pub folder: String,
    /// Clients that joined and are in.
    pub clients: usize,
    /// Files there that give no client.
    pub left_out: usize,
    /// Whether the folder could be read when it last changed: if not, nobody new is taken from there.
    pub readable: bool,
    /// What is wrong there, each a sentence, of many the first: these are warnings of the gate's too.
    pub trouble: Vec<String>,
}

impl Enrolment {
    pub(super) fn of(snapshot: &Snapshot) -> Option<Self> {
        let enrolled = snapshot.enrolled.as_ref()?;
        Some(Self {
            folder: enrolled.folder().display().to_string(),
            clients: snapshot.policy.enrolled().len(),
            left_out: enrolled.left_out(),
            readable: enrolled.fault().is_none(),
            trouble: enrolled.trouble(),
        })
    }
}
