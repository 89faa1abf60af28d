//! `tsmgate status`: how the cluster is, in a few lines or process by process.

use clap::Args;
use tsmgate_catalogue::api::find::Match;

use super::several::Answered;
use super::{Asking, Task as Any, as_json, misread, request};
use crate::api::Api;
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::cli::render::status;
use crate::exit::{Ended, Exit};
use crate::tsm::ClusterStatus;

/// Show how TSM and its services are
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate status --verbose
  tsmgate status --check > /dev/null || echo 'see to it'
  tsmgate status --json | jq -r .clusterStatus.rollupStatus

Takes the permission status.read. JSON: TSM's answer to GET /api/0.5/status, with
clusterStatus{rollupStatus, nodes[]}. Exit code with --check: 0 healthy, 1 degraded, 2 stopped.")]
pub(crate) struct StatusArgs {
    /// Show every process
    #[arg(long, short)]
    verbose: bool,
    /// Tell by the exit code how it is
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug)]
pub(super) struct Task {
    request: Match,
    verbose: bool,
    check: bool,
}

impl StatusArgs {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        let (verbose, check) = (self.verbose, self.check);
        let request = request("status", &[], &[])?;
        Ok((self.asking, Any::Status(Task { request, verbose, check })))
    }
}

impl Task {
    /// What one of several gates says.
    pub(super) async fn one_of_several(&self, api: &mut Api) -> Result<Answered, Complaint> {
        let answer = api.ask(&self.request).await?;
        let cluster = ClusterStatus::read(answer.bytes()).map_err(|cause| misread(api, cause))?;
        let rows = vec![status::row(&cluster).into()];
        Ok(Answered { answer, rows, ended: self.ended(&cluster) })
    }

    fn ended(&self, cluster: &ClusterStatus) -> Ended {
        if self.check { Ended::Answer(cluster.health().code()) } else { Exit::Done.into() }
    }

    pub(super) async fn perform(
        self,
        api: &mut Api,
        json: bool,
        streams: &mut Streams<'_>,
    ) -> Result<Ended, Complaint> {
        let answer = api.ask(&self.request).await?;
        let cluster = ClusterStatus::read(answer.bytes()).map_err(|cause| misread(api, cause))?;
        if json {
            as_json(&answer, streams)?;
        } else if self.verbose {
            let width = streams.out_width;
            streams.rendered(status::verbose(&cluster, width))?;
        } else {
            streams.rendered(status::brief(&cluster))?;
        }
        Ok(self.ended(&cluster))
    }
}
