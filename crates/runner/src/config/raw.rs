//! The configuration file as it is written. Every default is here, the paths as named constants.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::Spanned;
use tsmgate_catalogue::command::Added;
use tsmgate_settings::table;
use tsmgate_settings::values::{Parsed, WrittenDuration, WrittenSize, size, time};

use crate::serving::Served;

/// Where the configuration is.
pub const CONFIG_FILE: &str = "/etc/tsmgate/runner.toml";
/// Where the runner listens. Not below the daemon's own folder, which goes when the daemon does.
pub const SOCKET: &str = "/run/tsmgate-runner/runner.sock";
/// Who may ask: the daemon.
pub const USERS: &[&str] = &["tsmgate"];
/// The vendor's program.
pub const PROGRAM: &str = "/opt/tableau/tableau_server/packages/customer-bin.current/tsm";
/// Who may own it.
pub const PROGRAM_OWNERS: &[&str] = &["root"];
/// Its `HOME`.
pub const HOME: &str = "/var/lib/tsmgate-runner";
/// Its `PATH`.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Where commands, output and files are.
pub const STATE: &str = "/var/lib/tsmgate-runner";

table! {
    /// The whole file.
    Raw {
        /// `[listen]`
        listen: Listen = Listen::default();
        /// `[serve]`
        serve: Serve = Serve::default();
        /// `[tsm]`
        tsm: Tsm = Tsm::default();
        /// `[limits]`
        limits: Limits = Limits::default();
        /// `[state]`
        state: State = State::default();
        /// `[[command]]`
        command: Vec<Spanned<Added>> = Vec::new();
    }
}

table! {
    /// `[listen]`
    Listen {
        /// A socket that is passed in wins.
        socket: PathBuf = SOCKET.into();
        /// Users, by name or number.
        users: Spanned<Vec<String>> = unplaced(USERS.iter().map(|&user| user.to_owned()).collect());
    }
}

table! {
    /// `[serve]`
    Serve {
        /// Permissions and prefixes of permissions; none: nothing is run.
        permissions: Vec<Parsed<Served>> = Vec::new();
    }
}

table! {
    /// `[tsm]`
    Tsm {
        /// The program.
        program: Spanned<PathBuf> = unplaced(PROGRAM.into());
        /// Users, by name or number.
        program_owners: Spanned<Vec<String>> =
            unplaced(PROGRAM_OWNERS.iter().map(|&user| user.to_owned()).collect());
        /// Its `HOME`.
        home: Spanned<String> = unplaced(HOME.to_owned());
        /// Its `PATH`.
        path: Spanned<String> = unplaced(PATH.to_owned());
        /// What else is in its environment: `TABLEAU_*`, `TSM_*`, `LANG`, `LC_*`.
        environment: BTreeMap<Spanned<String>, String> = BTreeMap::new();
        /// A group, by name or number, that may read the files that go along.
        file_group: Option<Spanned<String>> = None;
        /// Between two questions whether a job goes on.
        follow: WrittenDuration = time("30s");
    }
}

table! {
    /// `[limits]`
    Limits {
        /// Of a command's process.
        run_most: WrittenDuration = time("4h");
        /// Commands that wait.
        queued: u32 = 16;
        /// Commands that only read, at once.
        reading: Spanned<u32> = unplaced(4);
        /// Bytes of output kept of one command.
        output: WrittenSize = size("16MiB");
        /// Ended commands remembered.
        kept: u32 = 100;
        /// For how long.
        kept_for: WrittenDuration = time("168h");
    }
}

table! {
    /// `[state]`
    State {
        /// Where commands, output and files are.
        folder: Spanned<PathBuf> = unplaced(STATE.into());
    }
}

/// A default stands nowhere in the file.
fn unplaced<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}
