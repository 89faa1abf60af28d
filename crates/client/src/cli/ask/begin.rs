//! `tsmgate start`, `stop`, `restart`, `backup` and `cleanup`: each begins a job of TSM's, and tells its
//! number; with --wait, how it ends.

use clap::Args;
use tsmgate_catalogue::api::find::Match;

use super::jobs;
use super::{Asking, Task as Any, request};
use crate::api::Api;
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::exit::Ended;

/// What every command that begins a job can be told.
#[derive(Debug, Args)]
struct JobOptions {
    /// Wait until the job is over, and show how it goes; leaving with ctrl-c does not stop it
    #[arg(long)]
    wait: bool,
    /// Seconds after which TSM gives the job up
    #[arg(long, value_name = "SECONDS")]
    request_timeout: Option<String>,
}

/// Start Tableau Server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate start --wait

Takes the permission server.start. JSON: TSM's answer, asyncJob{id, jobType, status, …}; with --wait
the last one. Exit code with --wait: 1 where the job failed, 2 where it was cancelled.")]
pub(crate) struct StartArgs {
    #[command(flatten)]
    job: JobOptions,
    #[command(flatten)]
    asking: Asking,
}

/// Stop Tableau Server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate stop --wait --request-timeout 1800

Takes the permission server.stop. JSON: TSM's answer, asyncJob{id, jobType, status, …}; with --wait
the last one. Exit code with --wait: 1 where the job failed, 2 where it was cancelled.")]
pub(crate) struct StopArgs {
    #[command(flatten)]
    job: JobOptions,
    #[command(flatten)]
    asking: Asking,
}

/// Restart Tableau Server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate restart --wait

Takes the permission server.restart. JSON: TSM's answer, asyncJob{id, jobType, status, …}; with --wait
the last one. Exit code with --wait: 1 where the job failed, 2 where it was cancelled.")]
pub(crate) struct RestartArgs {
    #[command(flatten)]
    job: JobOptions,
    #[command(flatten)]
    asking: Asking,
}

/// Back Tableau Server up, to a file in TSM's own folder of backups
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate backup nightly --wait
  tsmgate backup nightly --json | jq .asyncJob.id

Takes the permission backup.create. JSON: TSM's answer, asyncJob{id, jobType, status, …}; with --wait
the last one. Exit code with --wait: 1 where the job failed, 2 where it was cancelled.")]
pub(crate) struct BackupArgs {
    /// Plain name of the file [default: TSM's own choice]
    name: Option<String>,
    /// Do not verify the repository first
    #[arg(long)]
    skip_verification: bool,
    #[command(flatten)]
    job: JobOptions,
    #[command(flatten)]
    asking: Asking,
}

/// Delete logs and temporary files that TSM keeps
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate cleanup --delete-log-files --log-files-retention 604800 --wait
  tsmgate cleanup --delete-temp-files --clear-sheet-image-cache

Takes the permission maintenance.cleanup. JSON: TSM's answer, asyncJob{id, jobType, status, …}; with
--wait the last one. Exit code with --wait: 1 where the job failed, 2 where it was cancelled.")]
pub(crate) struct CleanupArgs {
    /// Keep log files that are younger than this many seconds
    #[arg(long, value_name = "SECONDS")]
    log_files_retention: Option<String>,
    /// Delete log files
    #[arg(long)]
    delete_log_files: bool,
    /// Delete temporary files
    #[arg(long)]
    delete_temp_files: bool,
    /// Clear the cache of Redis
    #[arg(long)]
    clear_redis_cache: bool,
    /// Delete old entries of the table of HTTP requests
    #[arg(long)]
    delete_http_requests: bool,
    /// Clear the cache of sheet images
    #[arg(long)]
    clear_sheet_image_cache: bool,
    #[command(flatten)]
    job: JobOptions,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug)]
pub(super) struct Task {
    request: Match,
    wait: bool,
}

impl JobOptions {
    fn task<'a>(
        &'a self,
        operation: &str,
        mut query: Vec<(&'a str, &'a str)>,
    ) -> Result<Any, Complaint> {
        if let Some(seconds) = &self.request_timeout {
            query.push(("jobTimeoutSeconds", seconds));
        }
        let request = request(operation, &[], &query)?;
        Ok(Any::Begin(Task { request, wait: self.wait }))
    }
}

impl StartArgs {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        let task = self.job.task("start", Vec::new())?;
        Ok((self.asking, task))
    }
}

impl StopArgs {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        let task = self.job.task("stop", Vec::new())?;
        Ok((self.asking, task))
    }
}

impl RestartArgs {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        let task = self.job.task("restart", Vec::new())?;
        Ok((self.asking, task))
    }
}

impl BackupArgs {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        let mut query = Vec::new();
        query.extend(self.name.as_deref().map(|name| ("writePath", name)));
        query.extend(self.skip_verification.then_some(("skipVerification", "true")));
        let task = self.job.task("backup", query)?;
        Ok((self.asking, task))
    }
}

impl CleanupArgs {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        let mut query = Vec::new();
        let retention = self.log_files_retention.as_deref();
        query.extend(retention.map(|seconds| ("logFilesRetentionSeconds", seconds)));
        for (key, is_wanted) in [
            ("deleteLogFiles", self.delete_log_files),
            ("deleteTempFiles", self.delete_temp_files),
            ("clearRedisCache", self.clear_redis_cache),
            ("deleteHttpRequests", self.delete_http_requests),
            ("clearSheetImageCache", self.clear_sheet_image_cache),
        ] {
            query.extend(is_wanted.then_some((key, "true")));
        }
        if query.is_empty() {
            let hint =
                "give --delete-log-files, --delete-temp-files or another; --help has them all";
            return Err(Complaint::usage("nothing to clean up is named", hint));
        }
        let task = self.job.task("cleanup", query)?;
        Ok((self.asking, task))
    }
}

impl Task {
    pub(super) async fn perform(
        self,
        api: &mut Api,
        json: bool,
        streams: &mut Streams<'_>,
    ) -> Result<Ended, Complaint> {
        let answer = api.ask(&self.request).await?;
        let job = jobs::read(api, &answer)?;
        if self.wait {
            jobs::wait_for(job.id, api, json, streams).await
        } else {
            jobs::begun(&job, &answer, json, streams)
        }
    }
}
