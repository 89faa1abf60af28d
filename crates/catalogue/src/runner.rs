//! What the gate and its runner say to each other about commands: one question a connection, as one line of
//! JSON, and lines of JSON for an answer.
//!
//! The runner takes questions from the gate's user alone, and decides for itself what it runs; whose command
//! it is and who may see it is the gate's to decide.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::command::Order;

/// The longest question, in bytes: an order with its files, and what stands around it.
pub const ASK_LIMIT: usize = 64 * 1024 * 1024;
/// The longest line of an answer, in bytes: the list of all commands, or a file that comes back.
pub const SAID_LIMIT: usize = 8 * 1024 * 1024;
/// The largest file that comes back, in bytes.
pub const FETCHED_LIMIT: usize = 1024 * 1024;
/// The longest line of output that is one event, in bytes; a longer one becomes several.
pub const LINE_LIMIT: usize = 8 * 1024;

/// The number of a command: letters, digits and dashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Id(String);

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::new(&text).ok_or("not the number of a command")
    }
}

impl Id {
    /// The number that a text is.
    pub fn new(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
        (starts && text.len() <= 64 && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A question of the gate's.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// Take this order; answered by [`Said::Task`].
    Start(Box<Start>),
    /// Would you take it, and what would run? Answered by [`Said::Would`].
    Would(Order),
    /// All commands you know, the newest first: [`Said::Tasks`].
    List,
    /// One of them: [`Said::Task`].
    Show(Id),
    /// What it printed, from the event of that number on, and what it still prints, up to
    /// [`What::End`]: [`Said::Event`] after [`Said::Event`].
    Output {
        /// Whose.
        id: Id,
        /// The first event wanted.
        from: u64,
    },
    /// End it, or take it out of the queue; answered by [`Said::Task`] as it is then.
    Cancel {
        /// Which.
        id: Id,
        /// Who wants that, by the name of its entry.
        by: String,
    },
    /// Take it out of the queue, if it waits: what runs is left alone, and answered by
    /// [`RefusalCode::Ended`]. Else [`Said::Task`] as it is then.
    Withdraw {
        /// Which.
        id: Id,
        /// Who wants that, and why.
        by: String,
    },
    /// What began and ended and is not on record yet, and what does from now on: [`Said::Notice`] after
    /// [`Said::Notice`], each to be answered by one line [`Recorded`] before the next comes.
    Watch,
}

/// An order, and whose it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// What is to run.
    pub order: Order,
    /// The client, by the name of its entry.
    pub client: String,
    /// What its certificate said, as the entry has it: a name may be given to somebody else later.
    pub identity: String,
    /// Where it comes from.
    pub address: String,
    /// The number of the request that asked for it.
    pub request: String,
    /// For how many seconds it may run. The runner's own limit counts where that is lower.
    pub run_seconds: u64,
    /// How many may wait. The runner's own limit counts where that is lower.
    pub queued: u32,
    /// How many bytes of output are kept. The runner's own limit counts where that is lower.
    pub output: u64,
}

/// The gate's word that a notice is on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The notice's number.
    pub recorded: u64,
}

/// A line of the runner's.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// A command.
    Task(Box<Task>),
    /// All of them.
    Tasks(Vec<Task>),
    /// What would run.
    Would(Would),
    /// Something of a command's output.
    Event(Event),
    /// Something of a command's life.
    Notice(Box<Notice>),
    /// No.
    Refused(Refused),
}

/// Why the runner does not do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// One of a few.
    pub code: RefusalCode,
    /// A sentence for people.
    pub message: String,
}

/// Why the runner does not do it, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The question is none, or the order is not one that the runner's catalogue has.
    BadOrder,
    /// The command's permission is not among those that the runner serves.
    NotServed,
    /// As many commands wait as may.
    QueueFull,
    /// There is no command of that number.
    UnknownId,
    /// The command has ended already.
    Ended,
    /// The `tsm` program is missing, or others could have written it.
    Program,
    /// What has to be kept could not be written.
    Storage,
    /// The runner is about to end.
    Leaving,
}

/// What would run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Would {
    /// The program and its arguments, secrets masked.
    pub arguments: Vec<String>,
    /// For how many seconds it might run at most.
    pub run_most_seconds: u64,
    /// How many changing commands run or wait before it.
    pub ahead: u32,
}

/// A command that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its number.
    pub id: Id,
    /// Whose it is, by the name of its entry.
    pub client: String,
    /// What that one's certificate said, as the entry had it.
    #[serde(default)]
    pub identity: String,
    /// Where that came from.
    pub address: String,
    /// The number of the request that asked for it.
    pub request: String,
    /// Its path.
    pub command: String,
    /// The permission it takes.
    pub permission: String,
    /// The program and its arguments, secrets masked.
    pub arguments: Vec<String>,
    /// Where it stands.
    pub state: State,
    /// How many changing commands run or wait before it, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u32>,
    /// When it was taken, RFC 3339 in UTC with milliseconds.
    pub queued_at: String,
    /// When its process began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it was over, at TSM too where it began a job there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// Who wanted it cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<String>,
    /// The job at TSM, where its output named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// How many events of output there are.
    pub events: u64,
    /// How many bytes of output there were, also beyond what is kept.
    pub output_bytes: u64,
}

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for others.
    Queued,
    /// Its process runs.
    Running,
    /// Its process is gone, and the job that it began goes on at TSM.
    Continuing,
    /// It is over.
    Ended,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How.
    pub how: How,
    /// The exit code of `tsm`, where it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The signal that ended it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// What there is to say, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How a command ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// By itself: `code` or `signal` says how.
    Exited,
    /// Somebody cancelled it.
    Cancelled,
    /// It took longer than it may.
    TimedOut,
    /// It could not be started.
    NotStarted,
    /// The runner ended while it ran: what became of it is not known.
    Lost,
}

/// Something of a command's output. Numbers begin with 0 and have no gaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number.
    pub n: u64,
    /// When, RFC 3339 in UTC with milliseconds.
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What there is in an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A line of standard output, without its end.
    Stdout(String),
    /// A line of standard error, without its end.
    Stderr(String),
    /// A step of a job: `NN% - step`.
    Progress {
        /// How far, of 100.
        percent: u8,
        /// What is being done.
        step: String,
    },
    /// A file that the command wrote.
    File {
        /// The option that names it.
        option: String,
        /// Its bytes, in base64.
        content: String,
    },
    /// The command stands here now.
    State {
        /// Where.
        state: State,
        /// How many changing commands run or wait before it, while it waits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ahead: Option<u32>,
        /// What there is to say, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// From here on output was thrown away: there was more than is kept.
    Cut,
    /// It is over; nothing follows.
    End(End),
}

/// Something of a command's life that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number, which grows.
    pub n: u64,
    /// What happened.
    pub what: Life,
    /// When, RFC 3339 in UTC with milliseconds.
    pub at: String,
    /// The command as it was then.
    pub task: Task,
}

/// What happened to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// Its process began.
    Started,
    /// It is over.
    Ended,
}
