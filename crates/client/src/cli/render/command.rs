//! Commands that were started: the list, one whole; and the catalogue of those that can be.

use tsmgate_catalogue::command::Effect;
use tsmgate_catalogue::runner::{How, State, Task};
use tsmgate_text::{escape, visible_line};

use crate::api::Offered;
use crate::cli::colour::Tone;
use crate::cli::table::{Cell, table};

/// The list as a table. `width` is the terminal's, in columns.
pub(in crate::cli) fn list(tasks: &[Task], width: Option<usize>) -> String {
    if tasks.is_empty() {
        return "There are no commands.\n".to_owned();
    }
    let row = |task: &Task| {
        [
            Cell::own(escape(task.id.as_str())).whole(),
            Cell::foreign(Some(&task.command)),
            Cell::own(escape(standing(task))).whole().toned(tone(task)),
            Cell::foreign(Some(&task.client)),
            Cell::own(escape(&task.queued_at)).whole(),
            Cell::foreign(task.ended_at.as_deref()).whole(),
        ]
    };
    let rows: Vec<_> = tasks.iter().map(row).collect();
    table(["ID", "COMMAND", "STATE", "CLIENT", "QUEUED", "ENDED"], &rows, width)
}

/// One command, field by field.
pub(in crate::cli) fn block(task: &Task) -> String {
    let title = format!("Command {}: tsm {}", escape(task.id.as_str()), escape(&task.command));
    let mut text = format!("{}\n", Tone::Heading.paint(&title));
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<10}  {value}\n"));
    let moment = |moment: &Option<String>| moment.as_deref().map_or("-".to_owned(), escape);
    line("state", &tone(task).paint(&escape(standing(task))));
    if let Some(detail) = task.end.as_ref().and_then(|end| end.detail.as_deref()) {
        line("detail", &escape(detail));
    }
    if let Some(by) = &task.cancelled_by {
        line("cancelled", &format!("by {}", escape(by)));
    }
    line("client", &format!("{} from {}", escape(&task.client), escape(&task.address)));
    line("permission", &escape(&task.permission));
    line("queued", &escape(&task.queued_at));
    line("started", &moment(&task.started_at));
    line("ended", &moment(&task.ended_at));
    if let Some(job) = &task.job {
        line("job at TSM", &escape(job));
    }
    line("output", &format!("{} events, {} bytes", task.events, task.output_bytes));
    line("request", &escape(&task.request));
    line("arguments", &visible_line(&task.arguments.join(" ")));
    text
}

/// What a gate offers, as a table.
pub(in crate::cli) fn catalogue(offered: &[Offered], width: Option<usize>) -> String {
    if offered.is_empty() {
        return "There are no commands.\n".to_owned();
    }
    let row = |offered: &Offered| {
        let command = &offered.command;
        let (word, tone) = if offered.granted { ("yes", Tone::Good) } else { ("no", Tone::Quiet) };
        let effect = match command.effect {
            Effect::Reads => "reads",
            Effect::Stages => "stages",
            Effect::Changes => "changes",
            Effect::Job => "job",
        };
        [
            Cell::own(escape(command.path.as_bytes())).whole(),
            Cell::own(word).whole().toned(tone),
            Cell::own(effect).whole(),
            Cell::foreign(Some(&command.permission)).whole(),
            Cell::foreign(Some(&command.summary)),
        ]
    };
    let rows: Vec<_> = offered.iter().map(row).collect();
    table(["COMMAND", "GRANTED", "EFFECT", "PERMISSION", "SUMMARY"], &rows, width)
}

/// Where it stands, in a few words.
fn standing(task: &Task) -> String {
    let ended = task.end.as_ref();
    match (task.state, ended.map(|end| (end.how, end.code, end.signal))) {
        (State::Queued, _) => match task.ahead {
            Some(ahead) if ahead > 0 => format!("queued, {ahead} before it"),
            _ => "queued".to_owned(),
        },
        (State::Running, _) => "running".to_owned(),
        (State::Continuing, _) => "continuing at TSM".to_owned(),
        (State::Ended, None) => "ended".to_owned(),
        (State::Ended, Some((How::Exited, Some(code), _))) => format!("exited {code}"),
        (State::Ended, Some((How::Exited, None, Some(signal)))) => format!("signal {signal}"),
        (State::Ended, Some((How::Exited, None, None))) => "ended".to_owned(),
        (State::Ended, Some((How::Cancelled, ..))) => "cancelled".to_owned(),
        (State::Ended, Some((How::TimedOut, ..))) => "timed out".to_owned(),
        (State::Ended, Some((How::NotStarted, ..))) => "not started".to_owned(),
        (State::Ended, Some((How::Lost, ..))) => "lost".to_owned(),
    }
}

fn tone(task: &Task) -> Tone {
    match (task.state, &task.end) {
        (State::Ended, Some(end)) if end.how == How::Exited && end.code == Some(0) => Tone::Good,
        (State::Ended, Some(end)) if end.how == How::Cancelled => Tone::Middling,
        (State::Ended, _) => Tone::Bad,
        _ => Tone::Middling,
    }
}
