//! The command lane in the picture: where the runner is, and whether it answers.

use serde::{Deserialize, Serialize};

use crate::house::{House, Snapshot};

/// The command lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLane {
    /// The runner's socket.
    pub runner: String,
    /// The code of the trouble with it, until it answers again.
    pub failing: Option<String>,
    /// How many commands there are, those included that the operator added.
    pub catalogue: usize,
}

impl CommandLane {
    /// The lane at this moment, where it is on.
    pub(super) fn of(house: &House, snapshot: &Snapshot) -> Option<Self> {
        let runner = snapshot.config.tsm.runner.as_ref()?;
        Some(Self {
            runner: runner.path.display().to_string(),
            failing: house.runner.failing().map(|reason| reason.code().to_owned()),
            catalogue: snapshot.config.catalogue.commands().len(),
        })
    }
}
