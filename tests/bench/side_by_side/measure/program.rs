//! `tsmgate login` from the start of the program to its end, beside a bare program on the same TLS library
//! that does the same and nothing else. Both ask the same `tsmgated`, with what they offer by themselves.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nix::sys::resource::{UsageWho, getrusage};

use crate::circumstances::median;
use crate::figures::Program;
use crate::interrupt;
use crate::stage::{self, Stage};
use crate::tsm;

/// What both came to.
#[derive(Debug, Default)]
pub struct Programs {
    /// `tsmgate login`.
    pub ours: Program,
    /// The bare one.
    pub bare: Program,
}

impl Programs {
    /// One round: the two take turns.
    pub fn turn(&mut self, stage: &Stage, port: u16, starts: u32) -> anyhow::Result<()> {
        let folder = std::env::current_exe()?;
        let gate = format!("localhost:{port}");
        let files = [stage::AUTHORITY, stage::CLIENT_CERTIFICATE, stage::CLIENT_KEY]
            .map(|file| stage.path(file));
        let ours = || {
            let mut command = Command::new(folder.with_file_name("tsmgate"));
            command.args(["login", "--format", "value", "--gate", &gate]);
            for (option, file) in ["--ca", "--cert", "--key"].iter().zip(&files) {
                command.arg(option).arg(file);
            }
            command
        };
        let bare = || {
            let mut command = Command::new(folder.with_file_name("bare-client"));
            command.arg(format!("127.0.0.1:{port}")).args(&files);
            command
        };
        let (mut ours_took, mut bare_took) = (Vec::new(), Vec::new());
        for _ in 0..starts {
            interrupt::check()?;
            ours_took.push(once(ours(), stage.folder())?);
            bare_took.push(once(bare(), stage.folder())?);
        }
        self.ours.keep(&ours_took);
        self.bare.keep(&bare_took);
        Ok(())
    }
}

impl Program {
    /// The middle of a round's runs.
    fn keep(&mut self, took: &[(Duration, Duration)]) {
        let middle = |which: fn(&(Duration, Duration)) -> Duration| {
            median(&took.iter().map(|one| which(one).as_secs_f64() * 1e3).collect::<Vec<_>>())
        };
        self.wall.push(middle(|(wall, _)| *wall));
        self.cpu.push(middle(|(_, cpu)| *cpu));
    }
}

/// Wall and CPU time of one run, which must print the cookie.
fn once(mut command: Command, home: &Path) -> anyhow::Result<(Duration, Duration)> {
    command.env_clear().env("HOME", home).stdin(Stdio::null());
    let name = command.get_program().display().to_string();
    let before = of_ended_children()?;
    let begun = Instant::now();
    let output = command.output().with_context(|| format!("cannot start {name}"))?;
    let wall = begun.elapsed();
    let cpu = of_ended_children()?.saturating_sub(before);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{name} failed: {said}");
    ensure!(
        output.stdout.trim_ascii_end() == tsm::cookie().as_bytes(),
        "{name} gave a cookie that is not TSM's"
    );
    Ok((wall, cpu))
}

/// The CPU time of the processes of ours that ended: nobody else of ours ends meanwhile.
fn of_ended_children() -> anyhow::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let time = |value: nix::sys::time::TimeVal| {
        Duration::from_micros(
            u64::try_from(value.tv_sec() * 1_000_000 + value.tv_usec()).unwrap_or(0),
        )
    };
    Ok(time(usage.user_time()) + time(usage.system_time()))
}
