//! The programs that a setup starts, and no others: of the system's a fixed list by absolute paths, and those that
//! were installed beside this one. Nothing is looked up in PATH, and nothing of a peer's is in an argument.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use nix::unistd::{Gid, Uid};
use tsmgate_text::escape;

use super::step::Trouble;

/// A program of the system's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Program {
    Sysusers,
    Usermod,
    Systemctl,
}

impl Program {
    fn places(self) -> &'static [&'static str] {
        match self {
            Self::Sysusers => &["/usr/bin/systemd-sysusers", "/bin/systemd-sysusers"],
            Self::Usermod => &["/usr/sbin/usermod", "/sbin/usermod"],
            Self::Systemctl => &["/usr/bin/systemctl", "/bin/systemctl"],
        }
    }

    /// Where it is, if it is.
    pub(super) fn place(self) -> Option<&'static Path> {
        self.places().iter().map(Path::new).find(|place| place.exists())
    }

    /// Runs it to its end.
    pub(super) fn run(self, arguments: &[&str]) -> Result<(), Trouble> {
        let missing = || Trouble::system(format!("{} is missing", self.places().join(" or ")));
        let place = self.place().ok_or_else(missing)?;
        ended(place, arguments, quiet(place).args(arguments).output())
    }

    /// Whether it ends well; for questions.
    pub(super) fn says_yes(self, arguments: &[&str]) -> bool {
        let asked = self.place().map(|place| quiet(place).args(arguments).output());
        matches!(asked, Some(Ok(output)) if output.status.success())
    }
}

/// Runs a program that was installed beside this one, as another user.
pub(super) fn beside_as(
    name: &str,
    arguments: &[&str],
    user: Uid,
    group: Gid,
) -> Result<(), Trouble> {
    let us = std::env::current_exe().map_err(|error| Trouble::system(error.to_string()))?;
    let place: PathBuf = us.with_file_name(name);
    let mut command = quiet(&place);
    command.args(arguments).uid(user.as_raw()).gid(group.as_raw());
    ended(&place, arguments, command.output())
}

fn quiet(place: &Path) -> Command {
    let mut command = Command::new(place);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
    command.current_dir("/");
    command
}

fn ended(
    place: &Path,
    arguments: &[&str],
    output: Result<Output, std::io::Error>,
) -> Result<(), Trouble> {
    let what = format!("{} {}", place.display(), arguments.join(" "));
    let output = output.map_err(|error| Trouble::system(format!("cannot run {what}: {error}")))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = escape(output.stderr.trim_ascii());
            Err(Trouble::system(format!("{what}: {}; {said}", output.status)))
        }
    }
}
