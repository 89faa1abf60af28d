//! Taking the secrets out of an answer, which is read whole for that and written anew.
//!
//! What cannot be read as JSON is withheld whole. Taking apart a large answer costs time and memory: few are
//! taken apart at once, and none on a thread that serves connections.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tsmgate_catalogue::api::find::Match;
use tsmgate_catalogue::api::operation::Method;
use tsmgate_gate::reason::Reason;

use super::answer::Answer;
use super::fields;
use crate::backend::api::Answered;
use crate::config::HttpLimits;
use crate::session::Held;

/// Answers that are read whole and taken apart at once; others wait. Each takes a multiple of
/// `limits.http.redacted_answer`.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// How long a reader waits for one of these places: it holds one of TSM's connections meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);

/// The answer without its secrets, and from how many values they were taken.
pub(super) async fn redact(
    limits: HttpLimits,
    matched: &Match,
    mut answered: Answered<'_>,
    held: &Arc<Held>,
) -> Result<(Answer, usize), Reason> {
    let deadline = Instant::now() + limits.call;
    // "come again" would be wrong for what was done
    let patience = if matched.method() == Method::Get { PATIENCE } else { limits.call };
    let in_time = async {
        let place = timeout(patience, AT_ONCE.acquire()).await;
        let Ok(Ok(place)) = place else { return Err(Reason::BackendBusy) };
        Ok::<_, Reason>((whole(&mut answered, limits).await?, place))
    };
    let (whole, place) =
        timeout_at(deadline, in_time).await.map_err(|_| Reason::BackendTimeout)??;
    let status = answered.status;
    let mut fields = fields::down(&answered.fields, &held.withhold);
    answered.keep().await;
    if whole.is_empty() {
        return Ok((Answer { status, fields, body: Bytes::new() }, 0));
    }
    let (matched, held) = (matched.clone(), Arc::clone(held));
    let taken = spawn_blocking(move || {
        let _place = place;
        take_out(&whole, &matched, &held)
    });
    let (body, count) = taken.await.map_err(|_| Reason::AnswerNotRedactable)??;
    // whatever TSM called it, that is what it is now
    fields.retain(|(name, _)| name != "content-type");
    fields.push(("content-type".into(), "application/json".to_owned()));
    Ok((Answer { status, fields, body: body.into() }, count))
}

fn take_out(whole: &[u8], matched: &Match, held: &Held) -> Result<(Vec<u8>, usize), Reason> {
    let taken = matched.redact_text(whole);
    let (mut body, count) = taken.map_err(|_| Reason::AnswerNotRedactable)?;
    held.withhold.paint_answer(&mut body);
    Ok((body, count))
}

/// All of an answer's body, where it is not larger than is read whole.
async fn whole(answered: &mut Answered<'_>, limits: HttpLimits) -> Result<Vec<u8>, Reason> {
    let (whole, all) = answered.ahead(limits.redacted_answer, limits.call).await?;
    match all {
        true if whole.len() <= limits.redacted_answer => Ok(whole),
        true => Err(Reason::AnswerNotRedactable),
        false if whole.len() > limits.redacted_answer => Err(Reason::AnswerNotRedactable),
        false => Err(Reason::BackendTimeout),
    }
}
