//! The one question before a command that may restart Tableau Server. Without a terminal nobody can be asked:
//! then a script has to say yes beforehand where we, and not the script, add the step that restarts.

use std::io::{self, BufRead, IsTerminal, Read};

use tsmgate_catalogue::command::Command;

use super::options::ApplyOptions;
use crate::cli::Streams;
use crate::cli::complaint::Complaint;

/// The longest answer that is read, in bytes.
const ANSWER_MOST: u64 = 64;

/// Asks where `tsm` itself would, and before what was staged is applied.
pub(super) fn settle(
    command: &Command,
    apply: &ApplyOptions,
    answered: bool,
    streams: &mut Streams<'_>,
) -> Result<(), Complaint> {
    if answered {
        return Ok(());
    }
    let asks = command.ignores_prompt && command.effect.changes();
    let what = match (apply.apply, asks) {
        (true, _) => "applying pending changes, also those of others".to_owned(),
        (false, true) => format!("`tsm {}`", command.path),
        (false, false) => return Ok(()),
    };
    if !(io::stdin().is_terminal() && streams.talk_width.is_some()) {
        // a script that says what `tsm` would ask about has decided
        return if apply.apply {
            let hint = "give --yes, or leave --apply out and run `tsmgate pending-changes apply`";
            Err(Complaint::usage("there is no terminal to ask whether to restart", hint))
        } else {
            Ok(())
        };
    }
    let question = format!("tsmgate: {what} may restart Tableau Server. Go on? [y/N] ");
    let _ = streams.talk.write_all(question.as_bytes());
    let _ = streams.talk.flush();
    let mut answer = String::new();
    // what cannot be read is no yes
    let _ = io::stdin().lock().take(ANSWER_MOST).read_line(&mut answer);
    if matches!(answer.trim(), "y" | "Y" | "yes" | "Yes") {
        return Ok(());
    }
    Err(Complaint::check("not gone on with; nothing was sent", "answer y, or give --yes"))
}
