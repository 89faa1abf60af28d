//! The controller's log, line by line as the real one writes it, so that readers of logs can be tried.
//!
//! Seen in a real log: the layout, and the two lines with TSM's own logger name. Whatever else the
//! simulator has to say stands under the logger `tsmsim`, because what TSM writes there is not known.
//! No cookie is ever written here.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// Seen: the logger of the Linux login socket.
const LOGIN_LOGGER: &str =
    "com.tableausoftware.tabadmin.webapp.impl.linux.LinuxPasswordLessLoginManager";
/// Ours, for lines that were never seen on a real server.
const OWN_LOGGER: &str = "tsmsim";
/// Seen: `2020-12-23 07:45:48.453 +0100`. Written in UTC here.
const TIMESTAMP: &[BorrowedFormatItem<'static>] = format_description!(
    "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3] [offset_hour sign:mandatory][offset_minute]"
);
/// The journal keeps so many lines, the newest.
const LINES_KEPT: usize = 4096;

/// Where the log goes, beside the journal in memory which is always kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogTarget {
    /// The journal alone.
    #[default]
    Journal,
    /// Standard error.
    Stderr,
    /// The end of a file, which is created if it is not there.
    File(PathBuf),
}

#[derive(Debug)]
enum Sink {
    Nowhere,
    Stderr,
    File(File),
}

#[derive(Debug)]
struct Pages {
    journal: VecDeque<String>,
    sink: Sink,
}

/// The log of one simulator.
#[derive(Debug)]
pub(crate) struct ControllerLog(Mutex<Pages>);

impl ControllerLog {
    /// Opens the target.
    ///
    /// # Errors
    /// The file cannot be opened for appending.
    pub(crate) fn open(target: &LogTarget) -> io::Result<Self> {
        let sink = match target {
            LogTarget::Journal => Sink::Nowhere,
            LogTarget::Stderr => Sink::Stderr,
            LogTarget::File(path) => {
                Sink::File(OpenOptions::new().create(true).append(true).open(path)?)
            }
        };
        Ok(Self(Mutex::new(Pages { journal: VecDeque::new(), sink })))
    }

    /// Seen: the line that a call leaves.
    pub(crate) fn request(&self, thread: u64, name: &str, uid: u32) {
        let message = format!("Password-less login request from user '{name}' with uid '{uid}'");
        self.line(thread, "INFO", LOGIN_LOGGER, &message);
    }

    /// Seen: the line that a granted login leaves.
    pub(crate) fn logged_in(&self, thread: u64, name: &str, uid: u32) {
        let message = format!(
            "User with uid '{uid}' and username '{name}' is logged in via password-less auth"
        );
        self.line(thread, "INFO", LOGIN_LOGGER, &message);
    }

    /// A guess: what TSM logs on a refusal was never seen.
    pub(crate) fn refused(&self, thread: u64, name: &str, uid: u32) {
        let message = format!("User with uid '{uid}' and username '{name}' is not authorized");
        self.line(thread, "WARN", OWN_LOGGER, &message);
    }

    /// A line of the HTTPS side. Its messages are seen where said so; its logger is not.
    pub(crate) fn said(&self, message: &str) {
        self.line(0, "INFO", OWN_LOGGER, message);
    }

    /// Something else that a person at the simulator wants to know.
    pub(crate) fn note(&self, thread: u64, message: &str) {
        self.line(thread, "WARN", OWN_LOGGER, message);
    }

    pub(crate) fn journal(&self) -> Vec<String> {
        self.pages().journal.iter().cloned().collect()
    }

    fn line(&self, thread: u64, level: &str, logger: &str, message: &str) {
        let line = render(OffsetDateTime::now_utc(), thread, level, logger, message);
        let mut pages = self.pages();
        // A log that cannot be written does not stop the controller.
        let _ = match &mut pages.sink {
            Sink::Nowhere => Ok(()),
            Sink::Stderr => writeln!(io::stderr(), "{line}"),
            Sink::File(file) => writeln!(file, "{line}"),
        };
        if pages.journal.len() == LINES_KEPT {
            pages.journal.pop_front();
        }
        pages.journal.push_back(line);
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn render(now: OffsetDateTime, thread: u64, level: &str, logger: &str, message: &str) -> String {
    let timestamp = now.format(TIMESTAMP).expect("a date and time has all that the format names");
    let message = message.replace(char::is_control, "?");
    // Seen: two blanks before the thread, and the level padded to five.
    format!("{timestamp}  Thread-{thread} : {level:<5} {logger} - {message}")
}

#[cfg(test)]
mod tests;
