//! The operations of TSM's HTTP API that are known, one a line.
//!
//! A row stands here when documentation, a client in use or a server's own output shows it; what is only
//! likely has none. What has a row but no permission of its own takes `api.raw`. Session routes (`login`,
//! `logout`, `bootstrap`) have no row and never get one: the session is the gate's own.

use super::operation::{Answer, Body, Mark, Method, Operation, QueryKey, Segment};
use super::value::Kind;

/// The registration of a licence: a name and an address.
const REGISTRATION: Body = Body::Json { limit: 64 * 1024 };

macro_rules! operations {
    ($($name:literal $permission:literal $method:ident [$($segment:tt)/+] $answer:ident
       $($mark:ident)+ $source:literal $(query($($key:ident: $kind:ident),+))? $(body($body:ident))?;)+) => {
        /// Every row. Paths are below [`PREFIX`](super::PREFIX). Marks: D documented by Tableau, C seen in
        /// a client that is in use, L seen in what a real server wrote; `gh:` is a file of such a client by
        /// its number in a public index.
        ///
        /// | name | permission | method, path | query | answer | mark | source |
        /// |---|---|---|---|---|---|---|
        $(#[doc = concat!(
            "| `", $name, "` | `", $permission, "` | ", stringify!($method), " `",
            $("/", stringify!($segment),)+ "` | ", $($("`", stringify!($key), "` ",)+)? "| ",
            stringify!($answer), " |", $(" ", stringify!($mark),)+ " | ", $source, " |"
        )])+
        pub static OPERATIONS: &[Operation] = &[$(Operation {
            name: $name,
            permission: $permission,
            method: Method::$method,
            path: &[$(operations!(@segment $segment)),+],
            query: &[$($(QueryKey { name: stringify!($key), kind: Kind::$kind }),+)?],
            body: operations!(@body $($body)?),
            answer: Answer::$answer,
            marks: &[$(operations!(@mark $mark)),+],
            source: $source,
        }),+];
    };
    (@segment $literal:literal) => { Segment::Literal($literal) };
    (@segment $kind:ident) => { Segment::Typed(Kind::$kind) };
    (@body) => { Body::Empty };
    (@body $body:ident) => { $body };
    (@mark D) => { Mark::Documented };
    (@mark C) => { Mark::Client };
    (@mark L) => { Mark::Artefact };
}

operations! {
    // name                 permission            method path                                               answer   mark source; query and body, where there is one
    "status"                "status.read"         Get   ["status"]                                          Plain    D C  "TSM API documentation; every client";
    "server-info"           "status.read"         Get   ["serverInfo"]                                      Plain    C    "gh:25848024628";

    "nodes"                 "nodes.read"          Get   ["nodes"]                                           Plain    C    "Overwatch";
    "node"                  "nodes.read"          Get   ["nodes"/NodeId]                                    Plain    C    "Overwatch; gh:14280509361";
    "ports"                 "nodes.read"          Get   ["ports"]                                           Plain    C    "gh:25665330985; gh:14280509361"
        query(jobTimeoutSeconds: Seconds);
    "topologies"            "nodes.read"          Get   ["topologies"]                                      Plain    C    "gh:25848024628";
    "topology-version"      "nodes.read"          Get   ["topologies"/"requested"/"version"]                Plain    C    "Overwatch";
    "topology"              "nodes.read"          Get   ["topologies"/Version]                              Plain    C    "Overwatch";
    "repository-master"     "nodes.read"          Get   ["repository"/"currentMaster"]                      Plain    C    "Overwatch";

    "jobs"                  "jobs.read"           Get   ["asyncJobs"]                                       Plain    D C  "TSM API reference"
        query(status: JobStatus);
    "latest-job"            "jobs.read"           Get   ["asyncJobs"/"latest"]                              Plain    C    "gh:25848024628";
    "job"                   "jobs.read"           Get   ["asyncJobs"/JobId]                                 Plain    D C  "TSM API reference";
    "cancel-job"            "jobs.cancel"         Put   ["asyncJobs"/JobId/"cancel"]                        Plain    C    "Overwatch";

    "start"                 "server.start"        Post  ["enable"]                                          Plain    C    "Overwatch; gh:25848024628"
        query(jobTimeoutSeconds: Seconds);
    "stop"                  "server.stop"         Post  ["disable"]                                         Plain    C    "Overwatch; gh:25848024628"
        query(jobTimeoutSeconds: Seconds);
    "restart"               "server.restart"      Post  ["restart"]                                         Plain    C    "gh:25848024628"
        query(jobTimeoutSeconds: Seconds);
    "backup"                "backup.create"       Post  ["backupFixedFile"]                                 Plain    D C  "TSM API documentation"
        query(writePath: FileName, skipVerification: Flag, jobTimeoutSeconds: Seconds);
    "restore"               "backup.restore"      Post  ["restoreFixedFile"]                                Plain    C    "Overwatch"
        query(fixedFile: FileName, jobTimeoutSeconds: Seconds);
    "cleanup"               "maintenance.cleanup" Post  ["cleanup"]                                         Plain    C    "Overwatch"
        query(logFilesRetentionSeconds: Seconds, deleteLogFiles: Flag, deleteTempFiles: Flag,
            clearRedisCache: Flag, deleteHttpRequests: Flag, clearSheetImageCache: Flag,
            jobTimeoutSeconds: Seconds);

    "configuration-version" "config.read"         Get   ["configurations"/"requested"/"version"]            Plain    C    "Overwatch";
    "configuration"         "config.read"         Get   ["configurations"/Version/"keys"]                   Secrets  C    "Overwatch";
    "configuration-key"     "config.read"         Get   ["configurations"/Version/"keys"/ConfigurationKey]  Secrets  C    "Overwatch";
    "export"                "config.read"         Get   ["export"]                                          Secrets  C    "Overwatch"
        query(includeBinaryVersion: Flag);
    "support-info"          "config.read"         Get   ["supportInfo"]                                     Secrets  C    "gh:25848024628; its whole answer is not known";

    "reindex-search"        "api.raw"             Post  ["reindex-search"]                                  Plain    C    "Overwatch"
        query(jobTimeoutSeconds: Seconds);
    "licensing"             "api.raw"             Get   ["licensing"]                                       Secrets  C    "gh:25848024628";
    "product-keys"          "api.raw"             Get   ["licensing"/"productKeys"]                         Secrets  C    "gh:49249640464; gh:32458137747";
    "registration"          "api.raw"             Post  ["licensing"/"registration"]                        Secrets  C    "gh:32458137747" body(REGISTRATION);
}
