//! What goes with settings: pending changes, and the care for a server.

use super::super::{Command, Kind};
use super::row::{changes, flag, from, job, option, reads, request_timeout, text};

/// The vendor's pages.
const PENDING: &str = "Tableau help 2020.3, tsm pending-changes";
const MAINTENANCE: &str = "Tableau help 2020.3, tsm maintenance";

pub(super) fn pending_changes() -> Vec<Command> {
    from(
        PENDING,
        [
            job(
                "pending-changes apply",
                "apply what is staged, with a restart where that needs one",
                [
                    flag("ignore-warnings", "apply although there are warnings").short("iw"),
                    flag("ignore-prompt", "do not ask before a restart"),
                    request_timeout("1800"),
                ],
            ),
            changes(
                "pending-changes discard",
                "discard what is staged",
                [
                    flag("config-only", "changes of configuration alone"),
                    flag("topology-only", "changes of topology alone"),
                ],
            ),
            reads(
                "pending-changes list",
                "what is staged, and whether it needs a restart",
                [
                    flag("config-only", "changes of configuration alone"),
                    flag("topology-only", "changes of topology alone"),
                ],
            ),
        ],
    )
}

pub(super) fn maintenance() -> Vec<Command> {
    from(
        MAINTENANCE,
        [
            job(
                "maintenance backup",
                "back up repository and extracts, on the host",
                [
                    option(Kind::FileName, "file", "name of the backup, in TSM's folder for them")
                        .short("f")
                        .required(),
                    flag("append-date", "add the date to the name").short("d"),
                    text("description", "what to say of the backup").short("i"),
                    flag(
                        "ignore-prompt",
                        "do not ask where the file store is on another node (2020.2)",
                    ),
                    flag("multithreaded", "with several threads (2021.1)"),
                    flag("override-disk-space-check", "try although there is little room"),
                    flag("pg-only", "the repository alone").short("po"),
                    request_timeout("86400"),
                    flag("skip-compression", "larger, but sooner done"),
                    flag("skip-verification", "do not verify the database's backup").short("k"),
                ],
            )
            .permission("backup.create"),
            job(
                "maintenance cleanup",
                "delete old logs and temporary files",
                [
                    flag("all", "everything, for the usual times").short("a"),
                    flag("http-requests-table", "old rows of http_requests").short("q"),
                    text("http-requests-table-retention", "days for which its rows are kept")
                        .or("7"),
                    flag("log-files", "old logs").short("l"),
                    text("log-files-retention", "days for which logs are kept").or("1"),
                    flag("redis-cache", "the Redis cache").short("r"),
                    flag("sheet-image-cache", "the image cache (2019.4)").short("ic"),
                    flag("temp-files", "temporary files").short("t"),
                    option(
                        Kind::Seconds,
                        "request-timeout",
                        "seconds to wait for the command to finish",
                    ),
                ],
            )
            .permission("maintenance.cleanup"),
            job(
                "maintenance ziplogs",
                "make an archive of the logs, on the host",
                [
                    flag("all", "with msinfo, netstat and the latest dump").short("a"),
                    text("description", "what to say of the archive").short("i"),
                    text("enddate", "last day of logs, mm/dd/yyyy (2019.3)")
                        .without(["minimumdate"]),
                    option(Kind::FileName, "file", "name of the archive, in TSM's folder for them")
                        .short("f")
                        .or("logs.zip"),
                    text("minimumdate", "first day of logs, mm/dd/yyyy")
                        .short("m")
                        .without(["startdate", "enddate"]),
                    flag("overwrite", "replace an archive of that name").short("o"),
                    request_timeout("7200"),
                    text("startdate", "first day of logs, mm/dd/yyyy (2019.3)")
                        .without(["minimumdate"]),
                    flag("with-latest-dump", "with the latest dump of a crashed service")
                        .short("l"),
                    flag("with-msinfo", "with a report of the system (Windows)").short("mi"),
                    flag("with-netstat-info", "with what netstat says").short("t"),
                    flag("with-postgresql-data", "with data or dumps of the repository").short("d"),
                ],
            )
            .permission("maintenance.ziplogs"),
        ],
    )
}
