//! `tsmgate api METHOD PATH`: whatever else TSM's API has, streamed to stdout as it comes.
//!
//! The path is checked as the gate will check it, and is never cleaned. A terminal is shown no byte that
//! could steer it.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use tsmgate_catalogue::api::find::Match;
use tsmgate_catalogue::api::operation::Body;
use tsmgate_catalogue::api::raw::find_or_raw;
use tsmgate_pki::kind_text;

use super::{Asking, Task as Any};
use crate::api::{Api, ApiFailure};
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::exit::{Ended, Exit};

/// Send any request to TSM's API
///
/// What the catalogue has takes the permission of its operation; the rest takes api.raw. Nothing reaches
/// login, logout or bootstrap. The answer goes to stdout as it comes, at most 64 MiB; on a terminal what
/// is no visible ASCII is shown as \xNN.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate api GET /api/0.5/serverInfo
  tsmgate api GET /api/0.5/asyncJobs --query status=Failed
  tsmgate api POST /api/0.5/licensing/registration --data registration.json

JSON: the answer as TSM gives it; --json refuses an answer of another type.")]
pub(crate) struct ApiArgs {
    /// GET, POST, PUT or DELETE
    method: String,
    /// Path, such as /api/0.5/status
    path: String,
    /// Send this file, one JSON document, as the body; - is stdin
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Add this to the query; may be given more than once
    #[arg(long, value_name = "KEY=VALUE")]
    query: Vec<String>,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug)]
pub(super) struct Task {
    request: Match,
    body: Option<Bytes>,
}

impl ApiArgs {
    pub(super) fn settle(self) -> Result<(Asking, Any), Complaint> {
        let mut target = self.path;
        for pair in &self.query {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(pair);
        }
        let request = find_or_raw(self.method.as_bytes(), target.as_bytes());
        let asked = || format!("{} {target}", self.method);
        let request = request.map_err(|cause| ApiFailure::Unlisted { asked: asked(), cause })?;
        let body = match (self.data, request.body()) {
            (None, _) => None,
            (Some(_), Body::Empty) => {
                let what = format!("{} takes no body", request.name());
                return Err(Complaint::check(what, "leave --data out"));
            }
            (Some(file), Body::Json { limit }) => Some(read(&file, limit)?),
        };
        Ok((self.asking, Any::Raw(Task { request, body })))
    }
}

impl Task {
    pub(super) async fn perform(
        self,
        api: &mut Api,
        json: bool,
        streams: &mut Streams<'_>,
    ) -> Result<Ended, Complaint> {
        let on_terminal = streams.out_is_terminal;
        let mut written = Ok(());
        let out = &mut *streams.out;
        let mut open_line = false;
        let mut take = |piece: &[u8]| {
            open_line = piece.last() != Some(&b'\n');
            let outcome = if on_terminal {
                out.write_all(harmless(piece).as_bytes())
            } else {
                out.write_all(piece)
            };
            match outcome {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    written = Err(error);
                    ControlFlow::Break(())
                }
            }
        };
        api.stream(&self.request, self.body, json, &mut take).await?;
        if on_terminal && open_line {
            streams.answer(b"\n")?;
        }
        match written {
            // a reader that went away has read enough
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Complaint::stdout(&error))
            }
            _ => Ok(Exit::Done.into()),
        }
    }
}

/// Bytes as a terminal may have them.
fn harmless(piece: &[u8]) -> String {
    let mut text = String::with_capacity(piece.len());
    for byte in piece {
        match byte {
            b'\n' | b'\t' | b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

/// The body: one JSON document, and no more than the operation takes.
fn read(path: &Path, limit: usize) -> Result<Bytes, Complaint> {
    let unreadable = |error: io::Error| {
        let hint = "check the path, and the owner and mode of the file";
        Complaint::input(path, kind_text(error.kind()), hint)
    };
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    if bytes.len() > limit {
        let what = format!("--data holds more than {limit} bytes");
        return Err(Complaint::check(what, "the operation takes no larger body"));
    }
    if serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_err() {
        let hint = "give a file with one JSON document and nothing after it";
        return Err(Complaint::check("--data is not JSON", hint));
    }
    Ok(bytes.into())
}
