//! `tsm maintenance`: archives of logs, backups, and cleaning up.
//!
//! Seen: the routes of backup and cleanup with their queries. That of the archive is a guess; so are all words.

use time::OffsetDateTime;
use time::macros::format_description;

use super::{Outcome, Task};
use crate::failure::Failure;
use crate::job::Words;

/// Documented: the name of an archive that was given none.
const ARCHIVE: &str = "logs.zip";
/// Seen: what a backup's name ends in.
const BACKUP_EXTENSION: &str = ".tsbak";

pub(super) async fn ziplogs(mut task: Task<'_>) -> Outcome {
    let name = task.asked.value("file").unwrap_or(ARCHIVE).to_owned();
    let words = Words { what: "ziplogs", done: "Ziplogs was created successfully." };
    let overwrite = if task.asked.flag("overwrite") { "true" } else { "false" };
    let query = [("fileName", name.as_str()), ("overwrite", overwrite)];
    task.run_job("ziplogs", &query, &words).await
}

/// Documented: the date is put behind the name where that is wanted.
pub(super) async fn backup(mut task: Task<'_>) -> Outcome {
    let name = task.asked.required("file")?;
    let name = name.strip_suffix(BACKUP_EXTENSION).unwrap_or(name);
    let mut date = String::new();
    if task.asked.flag("append-date") {
        let today = OffsetDateTime::now_utc().date();
        let today = today.format(format_description!("-[year]-[month]-[day]"));
        date = today.map_err(|error| Failure::failed(error.to_string()))?;
    }
    let name = format!("{name}{date}{BACKUP_EXTENSION}");
    let words = Words { what: "backup", done: "The backup was written successfully." };
    task.run_job("backupFixedFile", &[("writePath", &name)], &words).await
}

/// Option, and its name in the query.
const CLEANED: &[(&str, &str)] = &[
    ("log-files", "deleteLogFiles"),
    ("temp-files", "deleteTempFiles"),
    ("delete-temp-files", "deleteTempFiles"),
    ("redis-cache", "clearRedisCache"),
    ("http-requests-table", "deleteHttpRequests"),
    ("sheet-image-cache", "clearSheetImageCache"),
];
const DAY_SECONDS: u64 = 24 * 60 * 60;

pub(super) async fn cleanup(mut task: Task<'_>) -> Outcome {
    let all = task.asked.flag("all");
    let mut query: Vec<(&str, String)> = Vec::new();
    for (option, name) in CLEANED {
        if all || task.asked.flag(option) {
            query.push((*name, "true".to_owned()));
        }
    }
    query.dedup();
    if let Some(days) = task.asked.value("log-files-retention") {
        // Documented: days; seen: the query has seconds.
        let days: u64 = days.parse().map_err(|_| {
            Failure::Usage("The option '--log-files-retention' takes a number of days.".to_owned())
        })?;
        let seconds = days.saturating_mul(DAY_SECONDS);
        query.push(("logFilesRetentionSeconds", seconds.to_string()));
    }
    let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let words = Words { what: "cleanup", done: "The cleanup has finished successfully." };
    task.run_job("cleanup", &query, &words).await
}
