//! What a monitoring system is to know of Tableau Server and of the gate before it, in one look.
//!
//! [`Monitor`] asks its sources beside each other (TSM's API, `systeminfo.xml`, the gate itself) and makes a
//! [`Batch`] of what they say, with one time. Names are those of `tableau-monitoring-execd`; [`line`], [`json`]
//! and [`prometheus`] write them. A source that fails is a point that says so, never the end of the batch, and
//! no batch takes longer than its time.
//!
//! It changes nothing at TSM, and asks for nothing on its own: whoever wants a batch says when.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::api::{Api, Peer};

mod gateway;
mod gather;
pub mod json;
pub mod line;
mod measurements;
mod pending;
mod point;
pub mod prometheus;
mod systeminfo;

pub use gateway::{Gateway, GatewayFailure, GatewayUrl};
pub use measurements::{GATE, SYSTEMINFO, TSM, of_systeminfo, of_tsm};
pub use point::{Batch, Point, Value};
pub use systeminfo::{DOCUMENT_MOST, PROCESSES_MOST, Process, Systeminfo, Unread};

use gather::{GateWatch, Reading};

/// How often at most that is asked which costs more: TSM's version, and pending changes, whose command has a
/// record of its own.
pub const RARELY: Duration = Duration::from_secs(600);

/// What is asked.
#[derive(Debug)]
pub struct Sources {
    /// Who is asked for TSM's status.
    pub tsm: Option<Peer>,
    /// Where `systeminfo.xml` is.
    pub systeminfo: Option<Gateway>,
    /// The gate that is asked for itself and for TSM's jobs.
    pub gate: Option<Peer>,
    /// Whether the gate is to run `tsm pending-changes list` now and then.
    pub pending_changes: bool,
    /// The time of a whole batch, at most an hour.
    pub timeout: Duration,
}

/// The sources, with their connections.
#[derive(Debug)]
pub struct Monitor {
    tsm: Option<Api>,
    systeminfo: Option<Gateway>,
    gate: Option<GateWatch>,
    timeout: Duration,
    troubles: BTreeMap<&'static str, String>,
}

/// Why a source gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What failed, on which object.
    pub what: String,
    /// What can be done about it.
    pub hint: String,
}

/// Something that is different from the last batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A source fails, or fails for another reason.
    Fails(&'static str, Trouble),
    /// A source that failed answers.
    Answers(&'static str),
}

impl Monitor {
    /// A monitor of these sources. The first batch connects.
    pub fn new(sources: Sources) -> Self {
        Self {
            tsm: sources.tsm.map(Api::new),
            systeminfo: sources.systeminfo,
            gate: sources.gate.map(|gate| GateWatch::new(gate, sources.pending_changes)),
            timeout: sources.timeout,
            troubles: BTreeMap::new(),
        }
    }

    /// Looks once: what there is to be written, and what has changed about the sources themselves. It may be
    /// dropped while it waits, for [`Monitor::end`] alone. A command that is still running is left to the next
    /// batch, unless this `is_last`, which is asked when all else is there.
    pub async fn look(&mut self, is_last: impl Fn() -> bool) -> (Batch, Vec<Change>) {
        let (at, deadline) = (SystemTime::now(), gather::deadline(self.timeout));
        let Self { tsm, systeminfo, gate, .. } = self;
        let readings = tokio::join!(
            async {
                match tsm {
                    Some(api) => gather::tsm(api, deadline).await,
                    None => Reading::default(),
                }
            },
            async {
                match systeminfo {
                    Some(gateway) => gather::systeminfo(gateway, deadline).await,
                    None => Reading::default(),
                }
            },
            async {
                match gate {
                    Some(gate) => gate.look(deadline, is_last).await,
                    None => Reading::default(),
                }
            },
        );
        let (mut points, mut changes) = (Vec::new(), Vec::new());
        for reading in <[Reading; 3]>::from(readings) {
            points.extend(reading.points);
            for (what, trouble) in reading.outcomes {
                changes.extend(self.change(what, trouble));
            }
        }
        (Batch { at, points }, changes)
    }

    fn change(&mut self, what: &'static str, trouble: Option<Trouble>) -> Option<Change> {
        match trouble {
            Some(trouble) => {
                let last = self.troubles.insert(what, trouble.what.clone());
                (last.as_ref() != Some(&trouble.what)).then_some(Change::Fails(what, trouble))
            }
            None => self.troubles.remove(what).map(|_| Change::Answers(what)),
        }
    }

    /// Ends connections, and a session that was taken.
    pub async fn end(self) {
        if let Some(api) = self.tsm {
            api.end().await;
        }
        if let Some(gate) = self.gate {
            gate.end().await;
        }
    }
}
