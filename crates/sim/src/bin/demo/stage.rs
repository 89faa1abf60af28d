//! The stage of the demo: a folder, the programs, what runs in the background, and how it is shown.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// The stage: a folder, the programs, and what runs in the background.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    programs: PathBuf,
    /// Where the gate listens.
    pub(crate) gate: String,
    /// Where TSM's API is.
    pub(crate) controller: String,
    pub(crate) running: Vec<Running>,
}

/// A background program; ended, by its own pid, when the demo ends.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.0.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.0.wait();
    }
}

impl Stage {
    /// Builds the programs and makes the folder, which nobody else may enter.
    pub(crate) fn set_up() -> Result<Self> {
        say("Building the programs (the first time takes some minutes) …");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--bins"])
            .args([
                "-p",
                "tsmgate-server",
                "-p",
                "tsmgate-runner",
                "-p",
                "tsmgate-client",
                "-p",
                "tsmsim",
            ])
            .status()
            .context("cargo")?;
        ensure!(built.success(), "the programs could not be built");
        let here = std::env::current_exe()?;
        let programs = here.parent().context("the folder of the demo")?.to_owned();
        let folder = tempfile::Builder::new().prefix("tsmgate-demo-").tempdir()?;
        for name in ["tsm", "audit", "bin", "run", "runner"] {
            fs::create_dir(folder.path().join(name))?;
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self {
            folder,
            programs,
            gate: String::new(),
            controller: String::new(),
            running: Vec::new(),
        })
    }

    /// Runs `tsmgate` as one of the clients.
    pub(crate) fn client(&self, name: &str, verb: &[&str], more: &[&str]) -> Result<Output> {
        let (certificate, key) =
            (format!("pki/clients/{name}.pem"), format!("pki/clients/{name}.key"));
        let mut arguments = verb.to_vec();
        arguments.extend(["--gate", &self.gate, "--ca", "pki/ca.pem"]);
        arguments.extend(["--cert", &certificate, "--key", &key]);
        arguments.extend(more);
        say(&format!("  $ tsmgate {}", arguments.join(" ")));
        self.run("tsmgate", &arguments)
    }

    /// Shows what a run said, and insists on this exit code.
    pub(crate) fn ended(&self, output: &Output, code: i32) -> Result<()> {
        show_output(output);
        match output.status.code() {
            Some(found) if found == code => {
                say(&format!("    (exit code {code})"));
                Ok(())
            }
            other => bail!("exit code {code} was due, not {other:?}"),
        }
    }

    /// Runs a program to its end, shows what it said, and insists on success.
    pub(crate) fn show(&self, program: &str, arguments: &[&str]) -> Result<()> {
        say(&format!("  $ {program} {}", arguments.join(" ")));
        let output = self.run(program, arguments)?;
        show_output(&output);
        ensure!(output.status.success(), "{program} failed");
        Ok(())
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = self.command(program, arguments);
        command.output().with_context(|| program.to_owned())
    }

    pub(crate) fn start(
        &self,
        program: &str,
        arguments: &[&str],
        out: Stdio,
        err: Stdio,
    ) -> Result<Running> {
        say(&format!("  $ {program} {} &", arguments.join(" ")));
        let mut command = self.command(program, arguments);
        Ok(Running(command.stdout(out).stderr(err).spawn().with_context(|| program.to_owned())?))
    }

    /// Where a program was built.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program(program));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A line of the audit, as much of it as fits on a screen.
pub(crate) fn in_short(line: &str) -> Result<String> {
    let record: serde_json::Value = serde_json::from_str(line)?;
    let field = |name| field(&record, name);
    let who = match field("client.user.name") {
        "" => record
            .get("tls.client.x509.alternative_names")
            .and_then(|names| names.get(0)?.as_str())
            .unwrap_or_default(),
        name => name,
    };
    Ok(format!(
        "{:>3} {:<15} {:<8} {:<8} {:<30} {:<10} {who}",
        record.get("event.sequence").map(ToString::to_string).unwrap_or_default(),
        field("event.action"),
        field("tsmgate.phase"),
        field("event.outcome"),
        ["event.reason", "tsmgate.command.path", "tsmgate.operation", "tsmgate.session"]
            .map(field)
            .into_iter()
            .find(|what| !what.is_empty())
            .unwrap_or_default(),
        field("source.ip"),
    ))
}

/// A text of a JSON object; empty where there is none.
pub(crate) fn field<'a>(object: &'a serde_json::Value, name: &str) -> &'a str {
    object.get(name).and_then(serde_json::Value::as_str).unwrap_or_default()
}

/// The user this runs as: TSM's service account in the demo, and whose process may answer for TSM.
pub(crate) fn whoami() -> Result<String> {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::effective())?;
    Ok(user.context("this user has no name")?.name)
}

pub(crate) fn show_output(output: &Output) {
    for stream in [&output.stdout, &output.stderr] {
        text(stream).lines().for_each(|line| say(&format!("    {line}")));
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn chapter(title: &str) {
    say(&format!("\n{title}"));
}

pub(crate) fn explain(sentence: &str) {
    say(&format!("  {sentence}"));
}

/// Writes a line; a reader who closed early has read enough.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
