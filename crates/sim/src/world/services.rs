//! The services of a Tableau Server 2019.2, their instances and ports.
//!
//! Seen: the names, on a real node. Documented: Database Maintenance is one that normally stands still.
//! The numbers of instances, and ports beyond those in TSM's own examples, are guesses.

use super::cluster::ServerState;

/// Who keeps a service going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// TSM itself: it runs also when the server is stopped.
    Tsm,
    /// The server.
    Server,
    /// Started for one task and stopped again.
    Occasional,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) instances: u16,
    pub(crate) port: u16,
    /// Whether each node has it, or the first alone.
    pub(crate) everywhere: bool,
}

const fn service(
    name: &'static str,
    kind: Kind,
    instances: u16,
    port: u16,
    everywhere: bool,
) -> Service {
    Service { name, kind, instances, port, everywhere }
}

pub(crate) const SERVICES: &[Service] = &[
    service("tabadmincontroller", Kind::Tsm, 1, 8850, false),
    service("tabadminagent", Kind::Tsm, 1, 8755, true),
    service("clientfileservice", Kind::Tsm, 1, 8746, false),
    service("licenseservice", Kind::Tsm, 1, 8757, false),
    service("appzookeeper", Kind::Tsm, 1, 8758, false),
    service("clustercontroller", Kind::Server, 1, 12012, true),
    service("gateway", Kind::Server, 1, 80, true),
    service("vizportal", Kind::Server, 1, 8600, true),
    service("vizqlserver", Kind::Server, 2, 9100, true),
    service("cacheserver", Kind::Server, 2, 6379, true),
    service("searchserver", Kind::Server, 1, 11000, false),
    service("backgrounder", Kind::Server, 2, 8250, true),
    service("dataserver", Kind::Server, 2, 9700, true),
    service("filestore", Kind::Server, 1, 9345, true),
    service("hyper", Kind::Server, 1, 27042, true),
    service("pgsql", Kind::Server, 1, 8060, false),
    service("samlservice", Kind::Server, 1, 8300, false),
    service("interactive", Kind::Server, 1, 8301, false),
    service("noninteractive", Kind::Server, 1, 8302, false),
    service("backuprestore", Kind::Server, 1, 8303, false),
    service("elasticserver", Kind::Server, 1, 8304, false),
    service("nlp", Kind::Server, 1, 8305, false),
    service("flowprocessor", Kind::Server, 1, 8306, false),
    service("floworchestration", Kind::Server, 1, 8307, false),
    service("databasemaintenance", Kind::Occasional, 1, 8308, false),
    service("siteimportexport", Kind::Occasional, 1, 8309, false),
];

impl Service {
    pub(crate) fn is_enabled(&self, state: ServerState) -> bool {
        match self.kind {
            Kind::Tsm => true,
            Kind::Server => state != ServerState::Stopped,
            Kind::Occasional => false,
        }
    }

    /// What its process is at, in TSM's words (seen).
    pub(crate) fn process_status(&self, state: ServerState) -> &'static str {
        match (self.kind, state) {
            (Kind::Tsm, _) => "Active",
            (Kind::Occasional, _) | (Kind::Server, ServerState::Stopped) => "Down",
            (Kind::Server, ServerState::Running) => "Active",
            (Kind::Server, ServerState::Starting) => "StatusUnavailable",
            (Kind::Server, ServerState::Degraded) if self.name == "vizqlserver" => "Down",
            (Kind::Server, ServerState::Error) if self.name == "pgsql" => "Error",
            (Kind::Server, ServerState::Degraded | ServerState::Error) => "Active",
        }
    }
}
