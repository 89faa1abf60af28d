//! `tsmgate jobs`: what TSM does, did and waits to do; and the waiting for one to be over.
//!
//! A job is TSM's: who stops waiting stops nothing.

use clap::{Args, Subcommand};
use tsmgate_catalogue::api::find::Match;

use super::several::Answered;
use super::{Asking, Task as Any, as_json, misread, request};
use crate::api::{Api, ApiFailure, Document};
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::cli::progress::Progress;
use crate::cli::render::job;
use crate::cli::wait::{Waited, until_over};
use crate::exit::{Ended, Exit};
use crate::failure::{LoginFailure, Refusal};
use crate::tsm::{Job, JobList, Outcome};

/// The exit code of a job that did not do all it had to.
const FAILED: u8 = 1;
/// The exit code of a job that somebody cancelled.
const CANCELLED: u8 = 2;

/// List, show, wait for and cancel TSM's jobs
#[derive(Debug, Subcommand)]
pub(crate) enum JobsVerb {
    List(ListArgs),
    Show(ShowArgs),
    Wait(WaitArgs),
    Cancel(CancelArgs),
}

/// List TSM's jobs, the newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate jobs list --status Running

Takes the permission jobs.read. JSON: TSM's answer to GET /api/0.5/asyncJobs, asyncJobs[].")]
pub(crate) struct ListArgs {
    /// Those alone that are Succeeded, Failed, Created or Running
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    #[command(flatten)]
    asking: Asking,
}

/// Show one job with its steps
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate jobs show 12

Takes the permission jobs.read. JSON: TSM's answer to GET /api/0.5/asyncJobs/ID, asyncJob.")]
pub(crate) struct ShowArgs {
    /// The job's number
    id: String,
    #[command(flatten)]
    asking: Asking,
}

/// Wait until a job is over, and show how it goes
///
/// --timeout is that of each question, not of the waiting. Leaving with ctrl-c does not stop the job.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate jobs wait 12

Takes the permission jobs.read. JSON: TSM's last answer to GET /api/0.5/asyncJobs/ID, asyncJob. Exit
code: 0 where the job succeeded, 1 where it failed, 2 where it was cancelled.")]
pub(crate) struct WaitArgs {
    /// The job's number
    id: String,
    #[command(flatten)]
    asking: Asking,
}

/// Cancel a job: any that waits, and of those that run backups and cleanups
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate jobs cancel 12

Takes the permission jobs.cancel. JSON: TSM's answer to PUT /api/0.5/asyncJobs/ID/cancel, asyncJob.")]
pub(crate) struct CancelArgs {
    /// The job's number
    id: String,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug)]
pub(super) enum Task {
    List(Match),
    Show(Match),
    Wait(Match),
    Cancel(Match),
}

impl JobsVerb {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        let (asking, task) = match self {
            Self::List(ListArgs { status, asking }) => {
                let query: Vec<_> = status.iter().map(|status| ("status", &**status)).collect();
                (asking, Task::List(request("jobs", &[], &query)?))
            }
            Self::Show(ShowArgs { id, asking }) => {
                (asking, Task::Show(request("job", &[&id], &[])?))
            }
            Self::Wait(WaitArgs { id, asking }) => {
                (asking, Task::Wait(request("job", &[&id], &[])?))
            }
            Self::Cancel(CancelArgs { id, asking }) => {
                (asking, Task::Cancel(request("cancel-job", &[&id], &[])?))
            }
        };
        Ok((asking, Any::Jobs(task)))
    }
}

impl Task {
    /// Whether it is a list, which several gates can be asked for.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::List(_))
    }

    /// What one of several gates says.
    pub(super) async fn one_of_several(&self, api: &mut Api) -> Result<Answered, Complaint> {
        let (Self::List(request)
        | Self::Show(request)
        | Self::Wait(request)
        | Self::Cancel(request)) = self;
        let answer = api.ask(request).await?;
        let jobs = JobList::read(answer.bytes()).map_err(|cause| misread(api, cause))?;
        let rows = job::rows(&jobs).into_iter().map(Vec::from).collect();
        Ok(Answered { answer, rows, ended: Exit::Done.into() })
    }

    pub(super) async fn perform(
        self,
        api: &mut Api,
        json: bool,
        streams: &mut Streams<'_>,
    ) -> Result<Ended, Complaint> {
        match self {
            Self::List(request) => {
                let answer = api.ask(&request).await?;
                let jobs = JobList::read(answer.bytes()).map_err(|cause| misread(api, cause))?;
                let width = streams.out_width;
                show(json, &answer, streams, || job::list(&jobs, width))
            }
            Self::Show(request) => {
                let answer = api.ask(&request).await?;
                let found = read(api, &answer)?;
                show(json, &answer, streams, || job::block(&found))
            }
            Self::Cancel(request) => {
                let answer = api.ask(&request).await?;
                let found = read(api, &answer)?;
                show(json, &answer, streams, || job::block(&found))
            }
            Self::Wait(request) => wait(api, &request, json, streams).await,
        }
    }
}

/// The job of an answer.
pub(super) fn read(api: &Api, answer: &Document) -> Result<Job, Complaint> {
    Job::read(answer.bytes()).map_err(|cause| misread(api, cause).into())
}

/// The number of a job that was begun, alone on its line.
pub(super) fn begun(
    begun: &Job,
    answer: &Document,
    json: bool,
    streams: &mut Streams<'_>,
) -> Result<Ended, Complaint> {
    show(json, answer, streams, || format!("{}\n", begun.id))
}

/// Waits for the job of this number.
pub(super) async fn wait_for(
    id: u64,
    api: &mut Api,
    json: bool,
    streams: &mut Streams<'_>,
) -> Result<Ended, Complaint> {
    let request = request("job", &[&id.to_string()], &[])?;
    wait(api, &request, json, streams).await
}

/// Asks until the job is over; the progress is talk, the end is the answer.
async fn wait(
    api: &mut Api,
    request: &Match,
    json: bool,
    streams: &mut Streams<'_>,
) -> Result<Ended, Complaint> {
    let mut answer = None;
    let fetch = async || -> Result<Job, ApiFailure> {
        let document = api.ask(request).await?;
        let found = Job::read(document.bytes());
        let found = found.map_err(|cause| misread(api, cause))?;
        answer = Some(document);
        Ok(found)
    };
    let waited = {
        let mut progress = match streams.talk_width {
            Some(width) => Progress::bar(streams.talk, width),
            None => Progress::lines(streams.talk),
        };
        until_over(fetch, is_transient, None, &mut progress).await
    };
    match (waited, answer) {
        (Waited::Over(found), Some(answer)) => {
            show(json, &answer, streams, || format!("{}\n", job::ended(&found)))?;
            Ok(match found.outcome() {
                Some(Outcome::Succeeded) => Exit::Done.into(),
                Some(Outcome::Cancelled) => Ended::Answer(CANCELLED),
                _ => Ended::Answer(FAILED),
            })
        }
        (Waited::Lost(failure, last), _) => {
            if let Some(last) = last {
                streams.say(&job::goes_on(last.id));
            }
            Err(failure.into())
        }
        // there is no deadline for the whole, and an end has its answer
        (Waited::TimeOver(_) | Waited::Over(_), _) => Ok(Exit::Tsm.into()),
    }
}

/// What may be otherwise in a moment: TSM or its controller starts again, or a limit is used up.
pub(in crate::cli) fn is_transient(failure: &ApiFailure) -> bool {
    matches!(failure.exit(), Exit::Tsm | Exit::Unreachable | Exit::RetryLater)
        || match failure {
            ApiFailure::Protocol { breach, .. } => breach.is_cut(),
            // a controller that begins knows no session yet
            ApiFailure::Tsm(refusal) => refusal.status == 401 && !refusal.login,
            // a gate that stops may not say so
            ApiFailure::Login(LoginFailure::NotAccepted { refusal, .. }) => {
                *refusal == Refusal::Closed
            }
            _ => false,
        }
}

fn show(
    json: bool,
    answer: &Document,
    streams: &mut Streams<'_>,
    text: impl FnOnce() -> String,
) -> Result<Ended, Complaint> {
    if json {
        return as_json(answer, streams);
    }
    streams.rendered(text())?;
    Ok(Exit::Done.into())
}
