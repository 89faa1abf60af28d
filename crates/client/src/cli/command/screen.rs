//! What a command prints, as it is shown here: its stdout to ours, its stderr to ours, line for line, and
//! nothing in it that could steer a terminal.
//!
//! Progress is a bar where a person watches, and the lines of `tsm` where a script reads. A file that comes
//! back goes to its place and never between the lines.

use std::time::Duration;

use data_encoding::BASE64;
use tokio::time::Instant;
use tsmgate_catalogue::runner::{Event, FETCHED_LIMIT, State, What};
use tsmgate_text::{escape, visible_line};

use super::follow::{PATIENCE, Watch};
use super::order::{ANY, Place};
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::cli::progress::{CLEAR, bar};
use crate::json;
use crate::system::mode::Readers;

/// Where a command is shown.
pub(super) struct Screen<'a, 'b> {
    streams: &'a mut Streams<'b>,
    json: bool,
    /// Where files go, by the option that names them.
    places: &'a [(String, Place)],
    /// What became of these.
    arrived: Vec<String>,
    began: Instant,
    /// How wide the terminal is; without one there are lines.
    width: Option<fn() -> usize>,
    step: Option<(u8, String)>,
    drawn: bool,
    missing: bool,
    /// It was said that it waits.
    waited: bool,
}

impl<'a, 'b> Screen<'a, 'b> {
    pub(super) fn new(
        streams: &'a mut Streams<'b>,
        json: bool,
        places: &'a [(String, Place)],
    ) -> Self {
        let width = streams.talk_width.filter(|_| streams.out_is_terminal && !json);
        let (arrived, began, step) = (Vec::new(), Instant::now(), None);
        let (drawn, missing, waited) = (false, false, false);
        Self { streams, json, places, arrived, began, width, step, drawn, missing, waited }
    }

    /// The first file that was to come back and did not.
    pub(super) fn missing_file(&self) -> Option<&str> {
        let options = self.places.iter().map(|(option, _)| option.as_str());
        options.into_iter().find(|option| !self.arrived.iter().any(|arrived| arrived == option))
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            // where it cannot be said there is nobody to tell
            let _ = self.streams.talk.write_all(CLEAR.as_bytes());
        }
    }

    fn draw(&mut self) {
        let (Some(width), Some((percent, step))) = (self.width, &self.step) else { return };
        let message = if self.missing { "(no answer, asking again)" } else { step };
        let line = bar(*percent, self.elapsed(), message, width());
        let _ = self.streams.talk.write_all(format!("{CLEAR}{line}").as_bytes());
        let _ = self.streams.talk.flush();
        self.drawn = true;
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn say(&mut self, line: &str) {
        self.clear();
        self.streams.say(line);
    }

    fn print(&mut self, line: &str) -> Result<(), Complaint> {
        self.clear();
        self.streams.answer(format!("{}\n", visible_line(line)).as_bytes())
    }

    fn stands(&mut self, state: State, ahead: Option<u32>, detail: Option<&str>) {
        let detail = detail.map(|detail| format!(": {}", escape(detail))).unwrap_or_default();
        match (state, ahead) {
            (State::Queued, Some(ahead)) if ahead > 0 => {
                self.waited = true;
                self.say(&format!("queued: {ahead} before it{detail}"));
            }
            (State::Running, _) if self.waited => self.say(&format!("running{detail}")),
            (State::Continuing, _) => self.say(&format!("continuing at TSM{detail}")),
            (_, _) if !detail.is_empty() => self.say(detail.trim_start_matches(": ")),
            (_, _) => {}
        }
    }

    fn file(&mut self, option: &str, content: &str) -> Result<(), Complaint> {
        let is_for = |known: &str| known == option || known == ANY;
        let Some((known, place)) = self.places.iter().find(|(known, _)| is_for(known)) else {
            self.say(&format!(
                "a file of --{} came back; give --file PATH to keep it",
                escape(option)
            ));
            return Ok(());
        };
        let bytes = BASE64.decode(content.as_bytes()).ok().filter(|b| b.len() <= FETCHED_LIMIT);
        let Some(bytes) = bytes else {
            let hint =
                "try again; if it stays so, see the log of tsmgate-runner on the gate's host";
            return Err(Complaint::protocol(format!("the file of --{option} is damaged"), hint));
        };
        match place {
            Place::Stdout => self.streams.answer(&bytes)?,
            Place::File(target) => target.write(&bytes, Readers::Everybody)?,
        }
        self.arrived.push(known.clone());
        Ok(())
    }
}

impl Watch for Screen<'_, '_> {
    fn event(&mut self, event: Event) -> Result<(), Complaint> {
        if std::mem::take(&mut self.missing) && self.width.is_none() {
            self.say("the gate answers again");
        }
        if self.json {
            self.streams.answer(json::line(&event).as_bytes())?;
            return match event.what {
                What::File { option, content } => self.file(&option, &content),
                _ => Ok(()),
            };
        }
        match event.what {
            What::Stdout(line) => self.print(&line)?,
            What::Stderr(line) => {
                self.clear();
                let line = format!("{}\n", visible_line(&line));
                let _ = self.streams.talk.write_all(line.as_bytes());
            }
            What::Progress { percent, step } if self.width.is_some() => {
                self.step = Some((percent, escape(step)));
            }
            What::Progress { percent, step } => self.print(&format!("{percent}% - {step}"))?,
            What::File { option, content } => self.file(&option, &content)?,
            What::State { state, ahead, detail } => self.stands(state, ahead, detail.as_deref()),
            What::Cut => self.say("from here on there was more output than is kept on the host"),
            What::End(_) => self.clear(),
        }
        self.draw();
        Ok(())
    }

    fn missed(&mut self) {
        if !std::mem::replace(&mut self.missing, true)
            && (self.width.is_none() || self.step.is_none())
        {
            let minutes = PATIENCE.as_secs() / 60;
            self.say(&format!(
                "the gate does not answer; asking again for {minutes} minutes, the command goes on"
            ));
        }
        self.draw();
    }

    fn tick(&mut self) {
        self.draw();
    }
}

impl Drop for Screen<'_, '_> {
    fn drop(&mut self) {
        self.clear();
    }
}
