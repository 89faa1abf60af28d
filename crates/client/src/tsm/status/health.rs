//! Whether a cluster is well: one of three answers, and what is in the way of a better one.
//!
//! TSM's own word for the whole comes first. It is believed when it is bad; when it is good, each
//! process that should run must be well too.

use super::{ClusterStatus, Instance, ServiceStatus};
use crate::tsm::wording::same;

/// How a cluster, a node or a process is; also the exit code of `tsmgate status --check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Health {
    /// `Active`, `Running`, `Passive`, `Busy`.
    Healthy = 0,
    /// Every other word, known or not, and no word at all: nobody said that it is well.
    Degraded = 1,
    /// `Stopped`, `Disabled`: it stands still because somebody wanted that.
    Stopped = 2,
}

/// Services that stand still until there is work for them. Database Maintenance is the example of
/// Tableau's help for `tsm status`; the others are named with it in Tableau's talks.
const OCCASIONAL: [&str; 3] = ["databasemaintenance", "backuprestore", "siteimportexport"];

/// What stands in the way of a healthy cluster. Names and words are TSM's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ailing<'a> {
    /// On which node.
    pub node: Option<&'a str>,
    /// Which service; the node as a whole if there is none.
    pub service: Option<&'a str>,
    /// Which instance; the service as a whole if there is none.
    pub instance: Option<&'a str>,
    /// What it says of itself.
    pub word: Option<&'a str>,
}

impl Health {
    /// How well this word of TSM's is; upper case and underscores do not matter.
    pub fn of(word: Option<&str>) -> Self {
        let Some(word) = word else { return Self::Degraded };
        let is_one_of = |known: &[&str]| known.iter().any(|known| same(word, known));
        if is_one_of(&["Active", "Running", "Passive", "Busy"]) {
            Self::Healthy
        } else if is_one_of(&["Stopped", "Disabled"]) {
            Self::Stopped
        } else {
            Self::Degraded
        }
    }

    /// The exit code of `tsmgate status --check`: 0 healthy, 1 degraded, 2 stopped.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl ClusterStatus {
    /// The cluster's health: that of its rollup word, and degraded where that is good but something
    /// that should run is not well. A missing word is degraded.
    pub fn health(&self) -> Health {
        match Health::of(self.rollup_status.as_deref()) {
            Health::Healthy if self.ailing().next().is_some() => Health::Degraded,
            health => health,
        }
    }

    /// Everything that should run and is not well, in TSM's order. What is disabled need not run, and
    /// neither do the services that only run when there is work; a node is named when it is not well
    /// and none of its services says why.
    pub fn ailing(&self) -> impl Iterator<Item = Ailing<'_>> {
        self.nodes.iter().flat_map(|node| {
            let name = node.node_id.as_deref();
            let mut found: Vec<_> = node
                .services
                .iter()
                .filter(|service| !is_disabled(&service.rollup_requested_deployment_state))
                .flat_map(|service| service.ailing(name))
                .collect();
            let word = node.rollup_status.as_deref();
            if found.is_empty()
                && Health::of(word) != Health::Healthy
                && !is_disabled(&node.rollup_requested_deployment_state)
            {
                found.push(Ailing { node: name, service: None, instance: None, word });
            }
            found
        })
    }
}

impl ServiceStatus {
    /// Whether this instance of it is as it should be: well, or at rest with a reason.
    pub fn is_well(&self, instance: &Instance) -> bool {
        is_disabled(&self.rollup_requested_deployment_state)
            || is_disabled(&instance.current_deployment_state)
            || self.may_say(instance.process_status.as_deref())
    }

    fn ailing<'a>(&'a self, node: Option<&'a str>) -> Vec<Ailing<'a>> {
        let service = self.service_name.as_deref();
        if self.instances.is_empty() {
            let word = self.rollup_status.as_deref();
            let ailing = Ailing { node, service, instance: None, word };
            return if self.may_say(word) { Vec::new() } else { vec![ailing] };
        }
        let ill = |one: &&Instance| !self.is_well(one);
        let ailing = |one: &'a Instance| Ailing {
            node,
            service,
            instance: one.instance_id.as_deref(),
            word: one.process_status.as_deref(),
        };
        self.instances.iter().filter(ill).map(ailing).collect()
    }

    fn may_say(&self, word: Option<&str>) -> bool {
        let name = self.service_name.as_deref().unwrap_or_default();
        let rests = word.is_some_and(|word| same(word, "Down") || same(word, "Stopped"));
        Health::of(word) == Health::Healthy
            || rests && OCCASIONAL.iter().any(|occasional| same(name, occasional))
    }
}

fn is_disabled(state: &Option<String>) -> bool {
    state.as_deref().is_some_and(|state| same(state, "Disabled"))
}
