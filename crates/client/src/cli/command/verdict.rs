//! `--dry-run`: what would run on the host, and whether it may.

use tsmgate_catalogue::command::Order;
use tsmgate_text::visible_line;

use super::run::told;
use crate::api::{Api, Verdict};
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::exit::{Ended, Exit};
use crate::json;

/// Asks for each, and shows the answers; not permitted is what any of them is not.
pub(super) async fn tell(
    api: &mut Api,
    orders: &[&Order],
    as_json: bool,
    streams: &mut Streams<'_>,
) -> Result<Ended, Complaint> {
    let mut exit = Exit::Done;
    for order in orders {
        let verdict = api.check_command(order).await.map_err(told)?;
        if !verdict.permitted {
            exit = Exit::NotPermitted;
        }
        let text = if as_json { json::line(&verdict) } else { shown(&verdict) };
        streams.answer(text.as_bytes())?;
    }
    Ok(exit.into())
}

/// The command line as a shell would be given it, and a line about it.
fn shown(verdict: &Verdict) -> String {
    let words: Vec<_> = verdict.arguments.iter().map(|argument| quoted(argument)).collect();
    let role = match &verdict.role {
        Some(role) => format!(" by the role {role}"),
        None => String::new(),
    };
    let line = if verdict.permitted {
        let minutes = verdict.run_most_seconds.div_ceil(60);
        format!(
            "permitted: {}{role}; for at most {minutes} min, {} before it",
            verdict.permission, verdict.ahead
        )
    } else {
        let why = verdict.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        format!("not permitted: {}{why}", verdict.permission)
    };
    format!("{}\n{}\n", visible_line(&words.join(" ")), visible_line(&line))
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%*".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
