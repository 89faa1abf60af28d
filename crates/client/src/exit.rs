//! The exit codes of `tsmgate`, once: the table that `--help` shows, and which failure has which.
//!
//! The numbers are those of BSD's `sysexits.h` where it has a fitting one. They are never renumbered.

use std::fmt::Write as _;

use crate::cache::CacheFault;
use crate::failure::LoginFailure;

/// How a run of `tsmgate` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked was done. Also when the reader of stdout went away: it stopped by its own
    /// choice, and the answer was there to be had.
    Done = 0,
    /// The command line makes no sense, or would show a secret on a terminal.
    Usage = 64,
    /// What was to be sent, or done, failed a check before anything happened.
    Check = 65,
    /// A local file cannot be read or written, or is not safe to use.
    File = 66,
    /// TSM does not run, does not answer, or failed; or it refuses the gate itself.
    Tsm = 69,
    /// No connection: name, network, or a gate that closes it without a word.
    Unreachable = 70,
    /// The gate does not accept this certificate, or not from this address.
    NotAccepted = 71,
    /// Not now: over a limit, no audit, or the gate is stopping.
    RetryLater = 75,
    /// The peer does not speak as agreed. A gate whose certificate cannot be verified is here too:
    /// it is not the agreed peer. Not 71, for nobody refused us, and not 70, for a script that waits
    /// and tries again on 70 must not go on knocking at an impostor's door.
    Protocol = 76,
    /// The caller is known and lacks the permission: a role at the gate, or TSM's group here.
    NotPermitted = 77,
    /// A signal came: the number is a shell's for ctrl-c. What was begun at TSM goes on there.
    Interrupted = 130,
}

impl Exit {
    /// Every code, in order.
    pub const ALL: [Self; 11] = [
        Self::Done,
        Self::Usage,
        Self::Check,
        Self::File,
        Self::Tsm,
        Self::Unreachable,
        Self::NotAccepted,
        Self::RetryLater,
        Self::Protocol,
        Self::NotPermitted,
        Self::Interrupted,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// One line of the table.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Usage => "usage: the command line makes no sense",
            Self::Check => "refused by a check before anything was sent or changed",
            Self::File => "a local file is missing, damaged, not writable or not safe",
            Self::Tsm => "TSM is unavailable, or refuses the gate's own user",
            Self::Unreachable => "gate unreachable: network, or address not listed there",
            Self::NotAccepted => "not accepted: certificate refused by the gate",
            Self::RetryLater => "retry later: over a limit, no audit, gate stopping",
            Self::Protocol => "protocol: the peer is not, or does not speak as, a trusted gate",
            Self::NotPermitted => "permission missing: a role at the gate, or TSM's group here",
            Self::Interrupted => "interrupted: what was begun at TSM goes on there",
        }
    }

    /// The whole table as text, two columns.
    pub fn table() -> String {
        let mut text = String::from("Exit codes:\n");
        for exit in Self::ALL {
            // writing to a String cannot fail
            let _ = writeln!(text, "  {:>4}  {}", exit.code(), exit.meaning());
            if exit == Self::Done {
                text.push_str("  1-63  the command's own answer, where its help names one\n");
            }
        }
        text
    }
}

/// How a run ended whose help names exit codes of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As the table says.
    As(Exit),
    /// With an answer of the command's own, 0 to 63.
    Answer(u8),
}

impl Ended {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::As(exit) => exit.code(),
            Self::Answer(code) => code,
        }
    }
}

impl From<Exit> for Ended {
    fn from(exit: Exit) -> Self {
        Self::As(exit)
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl LoginFailure {
    /// The exit code of this failure.
    pub fn exit(&self) -> Exit {
        match self {
            Self::BadAddress(_)
            | Self::BadServerName(_)
            | Self::BadProxy
            | Self::ProxyPassword
            | Self::BadSocketPath(_) => Exit::Usage,
            Self::RetryLater { .. } | Self::Cache(CacheFault::Busy { .. }) => Exit::RetryLater,
            Self::File { .. } | Self::Cache(_) => Exit::File,
            Self::Tsm { .. } => Exit::Tsm,
            Self::Unreachable { .. } => Exit::Unreachable,
            Self::NotAccepted { .. } => Exit::NotAccepted,
            Self::Untrusted { .. } | Self::Protocol { .. } => Exit::Protocol,
            Self::NotPermitted { .. } => Exit::NotPermitted,
        }
    }
}
