//! `cargo demo`: the whole story on one machine, for somebody who has never seen Tableau.
//!
//! It starts a pretend TSM, makes a throw-away authority, starts the real `tsmgated`, and runs the
//! real `tsmgate` as five different people would. Everything lives in a temporary folder and ends with
//! the demo. It is no test: it stops with a message where something is not as it says.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// The allowlist has one address of this machine; the demo's strangers come from the next one.
const CONFIGURATION: &str = r#"
[listen]
address = "127.0.0.1:0"

[tls]
certificate = "pki/servers/localhost.pem"
private_key = "pki/servers/localhost.key"
client_authority = "pki/ca.pem"
revocation_list = "pki/clients.crl"

[tsm]
login_socket = "tsm/login"
socket_owners = ["OWNER"]

[admission]
allow = ["127.0.0.1"]

[audit]
file = "audit/audit.jsonl"

[[client]]
name = "jump01"
identity = "URI:tsmgate://client/jump01"
roles = ["login"]

[[client]]
name = "left-the-team"
identity = "URI:tsmgate://client/left-the-team"
roles = ["login"]

[[client]]
name = "dashboard"
identity = "URI:tsmgate://client/dashboard"
roles = ["monitor"]
"#;

fn main() -> ExitCode {
    match Demo::play() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The stage: a folder, the programs, and what runs in the background.
struct Demo {
    folder: TempDir,
    programs: PathBuf,
    gate: String,
    running: Vec<Running>,
}

/// A background program; ended, by its own pid, when the demo ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.0.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.0.wait();
    }
}

impl Demo {
    fn play() -> Result<()> {
        let mut demo = Self::set_up()?;
        demo.make_certificates()?;
        demo.start_tsm()?;
        demo.start_gate()?;
        demo.log_in()?;
        demo.be_refused()?;
        demo.revoke_while_connected()?;
        demo.read_audit()
    }

    /// Builds the programs and makes the folder, which nobody else may enter.
    fn set_up() -> Result<Self> {
        say("Building the programs (the first time takes some minutes) …");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--bins"])
            .args(["-p", "tsmgate-server", "-p", "tsmgate-client", "-p", "tsmsim"])
            .status()
            .context("cargo")?;
        ensure!(built.success(), "the programs could not be built");
        let here = std::env::current_exe()?;
        let programs = here.parent().context("the folder of the demo")?.to_owned();
        let folder = tempfile::Builder::new().prefix("tsmgate-demo-").tempdir()?;
        for name in ["tsm", "audit"] {
            fs::create_dir(folder.path().join(name))?;
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self { folder, programs, gate: String::new(), running: Vec::new() })
    }

    fn make_certificates(&self) -> Result<()> {
        chapter("1. Certificates, from an authority that lives as long as this demo");
        explain("Who holds one of these keys can be told from everybody else.");
        self.show("tsmgate", &["pki", "init"])?;
        self.show("tsmgate", &["pki", "server", "localhost"])?;
        self.show("tsmgate", &["pki", "client", "jump01", "left-the-team", "dashboard"])?;
        explain("One of them has left the team:");
        self.show("tsmgate", &["pki", "revoke", "left-the-team"])?;
        Ok(())
    }

    fn start_tsm(&mut self) -> Result<()> {
        chapter("2. A pretend TSM");
        explain("Tableau's admin controller gives a superuser's session to any local process of a");
        explain(
            "trusted user that asks at a Unix socket. This one behaves the same, on this machine.",
        );
        let me = whoami()?;
        let arguments = ["--socket", "tsm/login", "--service-account", &me, "--log", "tsm/log"];
        let mut tsm = self.start("tsmsim", &arguments, Stdio::piped(), Stdio::inherit())?;
        let ready = tsm.0.stdout.take().context("the simulator's output")?;
        let mut line = String::new();
        BufReader::new(ready).read_line(&mut line)?;
        ensure!(line.trim() == "ready", "the simulator did not start");
        self.running.push(tsm);
        Ok(())
    }

    fn start_gate(&mut self) -> Result<()> {
        chapter("3. The gate in front of it");
        explain("It lets in one address, 127.0.0.1, and three clients by name:");
        let configuration = CONFIGURATION.replace("OWNER", &whoami()?);
        for line in configuration
            .lines()
            .filter(|line| line.starts_with("name") || line.starts_with("roles"))
        {
            say(&format!("    {line}"));
        }
        fs::write(self.path("tsmgated.toml"), configuration)?;
        fs::set_permissions(self.path("tsmgated.toml"), fs::Permissions::from_mode(0o600))?;
        let arguments = ["run", "--config", "tsmgated.toml"];
        let mut gate = self.start("tsmgated", &arguments, Stdio::null(), Stdio::piped())?;
        let mut log = BufReader::new(gate.0.stderr.take().context("the gate's log")?).lines();
        for line in log.by_ref() {
            let line = line?;
            let after = line.split_once("listening address=127.0.0.1:").map(|(_, rest)| rest);
            if let Some(address) = after.and_then(|rest| rest.split_whitespace().next()) {
                self.gate = format!("localhost:{}", address.trim());
                break;
            }
        }
        // somebody has to read the log to its end, or the gate would wait for it
        std::thread::spawn(move || log.map_while(Result::ok).for_each(drop));
        self.running.push(gate);
        ensure!(!self.gate.is_empty(), "the gate did not start");
        say(&format!("    listening on {}", self.gate));
        Ok(())
    }

    fn log_in(&self) -> Result<()> {
        chapter("4. jump01 logs in");
        let output = self.login("jump01", &["--format", "json"])?;
        ensure!(output.status.success(), "the login failed: {}", text(&output.stderr));
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let (name, expiry) = (field(&answer, "name"), field(&answer, "expiry"));
        let shown: String = field(&answer, "value").chars().take(24).collect();
        say(&format!("    a cookie: {name}={shown}… until {expiry}"));
        explain("It is worth as much as the password of the server, for two hours.");
        Ok(())
    }

    fn be_refused(&self) -> Result<()> {
        chapter("5. Four others do not");
        explain(
            "A stranger without a certificate, with OpenSSL's own client where it is installed:",
        );
        self.stranger()?;
        explain("Somebody whose certificate was revoked:");
        self.refused(&self.login("left-the-team", &[])?, 71)?;
        explain("A client that may look but not log in:");
        self.refused(&self.login("dashboard", &[])?, 77)?;
        explain("jump01's own key and certificate, from an address that is not on the list:");
        self.refused(&self.login("jump01", &["--bind", "127.0.0.2"])?, 70)?;
        explain("What TSM itself has seen of all that, in its own log:");
        let log = fs::read_to_string(self.path("tsm/log"))?;
        log.lines().for_each(|line| say(&format!("    {line}")));
        let logins =
            log.lines().filter(|line| line.contains("Password-less login request")).count();
        ensure!(logins == 1, "TSM was asked {logins} times");
        explain("One question: the refused ones never reached it.");
        Ok(())
    }

    /// Revokes a client that is connected, and tells the gate nothing.
    fn revoke_while_connected(&self) -> Result<()> {
        chapter("6. jump01 leaves too, while it is connected");
        let connected = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &self.gate, "-CAfile", "pki/ca.pem"])
            .args(["-cert", "pki/clients/jump01.pem", "-key", "pki/clients/jump01.key"])
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(connected) = connected.map(Running) else {
            say("    (OpenSSL is not installed: left out)");
            return Ok(());
        };
        let audit = self.path("audit/audit.jsonl");
        let wait_for = |what: &str, count: usize| -> Result<()> {
            let action = format!("\"event.action\":\"{what}\"");
            for _ in 0..200 {
                if fs::read_to_string(&audit)?.matches(&action).count() >= count {
                    return Ok(());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            bail!("waited in vain for `{what}` in the audit")
        };
        wait_for("connection", 3)?;
        self.show("tsmgate", &["pki", "revoke", "jump01"])?;
        explain(
            "Nobody told the gate. It sees the new list by itself, and judges who is there again:",
        );
        wait_for("cut", 1)?;
        drop(connected);
        self.refused(&self.login("jump01", &[])?, 71)
    }

    fn read_audit(&mut self) -> Result<()> {
        chapter("7. The audit");
        // an orderly stop brings everything to disk
        while let Some(running) = self.running.pop() {
            drop(running);
        }
        let file = self.path("audit/audit.jsonl");
        let audit = fs::read_to_string(&file)?;
        for line in audit.lines() {
            say(&format!("    {}", in_short(line)?));
        }
        explain("Each line carries a number and the hash of the line before. Is it whole?");
        self.show("tsmgated", &["audit", "verify", "audit/audit.jsonl"])?;
        explain("Now somebody removes the line of the login …");
        let kept: Vec<_> = audit.lines().filter(|line| !line.contains("\"outcome\"")).collect();
        ensure!(kept.len() < audit.lines().count(), "there was no such line");
        fs::write(&file, kept.join("\n") + "\n")?;
        let output = self.run("tsmgated", &["audit", "verify", "audit/audit.jsonl"])?;
        show_output(&output);
        ensure!(output.status.code() == Some(1), "the missing line did not show");
        explain("… and it shows. That was all; nothing of it is left on this machine.");
        Ok(())
    }

    /// OpenSSL without a certificate: the gate must end it before a byte of an answer.
    fn stranger(&self) -> Result<()> {
        let command = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &self.gate, "-CAfile"])
            .arg(self.path("pki/ca.pem"))
            .stdin(Stdio::null())
            .output();
        let Ok(output) = command else {
            say("    (OpenSSL is not installed: left out)");
            return Ok(());
        };
        let told = text(&output.stderr);
        let alert = told.split_once("alert ").map_or("closed", |(_, alert)| alert);
        say(&format!("    refused: {}", alert.split(':').next().unwrap_or(alert)));
        ensure!(output.stdout.is_empty(), "the stranger got an answer");
        Ok(())
    }

    fn login(&self, name: &str, more: &[&str]) -> Result<Output> {
        let (certificate, key) =
            (format!("pki/clients/{name}.pem"), format!("pki/clients/{name}.key"));
        let mut arguments = vec!["login", "--gate", &self.gate, "--ca", "pki/ca.pem"];
        arguments.extend(["--cert", &certificate, "--key", &key]);
        arguments.extend(more);
        say(&format!("  $ tsmgate {}", arguments.join(" ")));
        self.run("tsmgate", &arguments)
    }

    fn refused(&self, output: &Output, code: i32) -> Result<()> {
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
    fn show(&self, program: &str, arguments: &[&str]) -> Result<()> {
        say(&format!("  $ {program} {}", arguments.join(" ")));
        let output = self.run(program, arguments)?;
        show_output(&output);
        ensure!(output.status.success(), "{program} failed");
        Ok(())
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = self.command(program, arguments);
        command.output().with_context(|| program.to_owned())
    }

    fn start(&self, program: &str, arguments: &[&str], out: Stdio, err: Stdio) -> Result<Running> {
        say(&format!("  $ {program} {} &", arguments.join(" ")));
        let mut command = self.command(program, arguments);
        Ok(Running(command.stdout(out).stderr(err).spawn().with_context(|| program.to_owned())?))
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A line of the audit, as much of it as fits on a screen.
fn in_short(line: &str) -> Result<String> {
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
        "{:>3} {:<11} {:<8} {:<8} {:<20} {:<10} {who}",
        record.get("event.sequence").map(ToString::to_string).unwrap_or_default(),
        field("event.action"),
        field("tsmgate.phase"),
        field("event.outcome"),
        field("event.reason"),
        field("source.ip"),
    ))
}

/// A text of a JSON object; empty where there is none.
fn field<'a>(object: &'a serde_json::Value, name: &str) -> &'a str {
    object.get(name).and_then(serde_json::Value::as_str).unwrap_or_default()
}

/// The user this runs as: TSM's service account in the demo, and whose process may answer for TSM.
fn whoami() -> Result<String> {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::effective())?;
    Ok(user.context("this user has no name")?.name)
}

fn show_output(output: &Output) {
    for stream in [&output.stdout, &output.stderr] {
        text(stream).lines().for_each(|line| say(&format!("    {line}")));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn chapter(title: &str) {
    say(&format!("\n{title}"));
}

fn explain(sentence: &str) {
    say(&format!("  {sentence}"));
}

/// Writes a line; a reader who closed early has read enough.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
