//! `cargo demo`: the whole story on one machine, for somebody who has never seen Tableau.
//!
//! It starts a pretend TSM, makes a throw-away authority, starts the real `tsmgated`, and runs the
//! real `tsmgate` as different people would. Everything lives in a temporary folder and ends with
//! the demo. It is no test: it stops with a message where something is not as it says.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

mod stage;

use stage::{Running, Stage, chapter, explain, field, in_short, say, show_output, text, whoami};

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
api = "CONTROLLER"
command_socket = "run/runner.sock"
command_socket_owners = ["OWNER"]

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

[[client]]
name = "renewer"
identity = "URI:tsmgate://client/renewer"
roles = ["certificates"]

[[role]]
name = "certificates"
permissions = ["security.external-ssl.*", "pending-changes.apply", "pending-changes.list"]

[[client]]
name = "support"
identity = "URI:tsmgate://client/support"
roles = ["operator"]
"#;

/// What the runner will ever do, and the program that does it.
const RUNNER: &str = r#"
[listen]
socket = "FOLDER/run/runner.sock"
users = ["OWNER"]

[serve]
permissions = ["security.external-ssl.*", "pending-changes.*"]

[tsm]
program = "FOLDER/bin/tsm"
program_owners = ["OWNER"]
environment = { TSM_SIM_SOCKET = "FOLDER/tsm/login", TSM_SIM_URL = "CONTROLLER", TSM_SIM_CERTIFICATE = "FOLDER/tsm/controller.pem" }

[state]
folder = "FOLDER/runner"
"#;

fn main() -> ExitCode {
    match Stage::play() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The story.
impl Stage {
    fn play() -> Result<()> {
        let mut demo = Self::set_up()?;
        demo.make_certificates()?;
        demo.start_tsm()?;
        demo.start_runner()?;
        demo.start_gate()?;
        demo.use_roles()?;
        demo.renew_certificate()?;
        demo.log_in()?;
        demo.be_refused()?;
        demo.revoke_while_connected()?;
        demo.read_audit()
    }

    fn make_certificates(&self) -> Result<()> {
        chapter("1. Certificates, from an authority that lives as long as this demo");
        explain("Who holds one of these keys can be told from everybody else.");
        self.show("tsmgate", &["pki", "init"])?;
        self.show("tsmgate", &["pki", "server", "localhost"])?;
        self.show(
            "tsmgate",
            &["pki", "client", "jump01", "left-the-team", "dashboard", "renewer", "support"],
        )?;
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
        explain("With that session, its HTTP API does everything.");
        let mut arguments = vec!["--socket", "tsm/login", "--service-account", &me];
        arguments.extend(["--log", "tsm/log", "--api", "127.0.0.1:0", "--api-job-step", "100"]);
        arguments.extend(["--api-assumed-routes", "--api-certificate", "tsm/controller.pem"]);
        let mut tsm = self.start("tsmsim", &arguments, Stdio::piped(), Stdio::inherit())?;
        let ready = tsm.0.stdout.take().context("the simulator's output")?;
        for line in BufReader::new(ready).lines() {
            let line = line?;
            if line.trim() == "ready" {
                break;
            }
            let port = line.rsplit_once(':').map_or("", |(_, rest)| rest);
            let port: String = port.chars().take_while(char::is_ascii_digit).collect();
            self.controller = format!("https://localhost:{port}");
        }
        ensure!(!self.controller.is_empty(), "the simulator did not start");
        self.running.push(tsm);
        Ok(())
    }

    fn start_runner(&mut self) -> Result<()> {
        chapter("3. The runner, which may start one program: the vendor's tsm");
        explain(
            "The gate may start none. The runner takes orders from the gate alone, for commands of a",
        );
        explain("closed list, and of these only what its own list of permissions has.");
        fs::copy(self.program("tsm"), self.path("bin/tsm"))?;
        let text = RUNNER
            .replace("OWNER", &whoami()?)
            .replace("CONTROLLER", &self.controller)
            .replace("FOLDER", &self.folder.path().display().to_string());
        fs::write(self.path("runner.toml"), text)?;
        fs::set_permissions(self.path("runner.toml"), fs::Permissions::from_mode(0o600))?;
        let file = self.path("runner.toml").display().to_string();
        let arguments = ["--config", &file];
        let mut runner = self.start("tsmgate-runner", &arguments, Stdio::null(), Stdio::piped())?;
        let mut log = BufReader::new(runner.0.stderr.take().context("the runner's log")?).lines();
        let ready = log.by_ref().map_while(Result::ok).any(|line| line.contains("ready"));
        ensure!(ready, "the runner did not start");
        std::thread::spawn(move || log.map_while(Result::ok).for_each(drop));
        self.running.push(runner);
        Ok(())
    }

    fn start_gate(&mut self) -> Result<()> {
        chapter("4. The gate in front of it");
        explain("It lets in one address, 127.0.0.1, and five clients by name:");
        let configuration =
            CONFIGURATION.replace("OWNER", &whoami()?).replace("CONTROLLER", &self.controller);
        for line in configuration
            .lines()
            .filter(|line| line.starts_with("name") || line.starts_with("roles"))
        {
            say(&format!("    {line}"));
        }
        fs::write(self.path("tsmgated.toml"), configuration)?;
        fs::set_permissions(self.path("tsmgated.toml"), fs::Permissions::from_mode(0o600))?;
        explain("TSM made its own certificate. The gate speaks to this one and to no other:");
        self.show("tsmgated", &["trust-tsm", "--config", "tsmgated.toml", "--write"])?;
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

    fn use_roles(&self) -> Result<()> {
        chapter("5. Two clients do what their roles allow, and have no cookie");
        explain("The dashboard looks:");
        self.ended(&self.client("dashboard", &["status"], &[])?, 0)?;
        explain("It may not stop the server, and is told what it would take:");
        self.ended(&self.client("dashboard", &["stop"], &[])?, 77)?;
        explain("The support team may restart it:");
        self.ended(&self.client("support", &["restart", "--wait"], &[])?, 0)
    }

    fn renew_certificate(&self) -> Result<()> {
        chapter("6. The web server's certificate is renewed, with the vendor's own words");
        self.show("tsmgate", &["pki", "server", "tableau.example.com"])?;
        let files = [
            "--cert-file",
            "pki/servers/tableau.example.com.pem",
            "--key-file",
            "pki/servers/tableau.example.com.key",
        ];
        let enable = [["security", "external-ssl", "enable"].as_slice(), &files].concat();
        explain("The support team may not:");
        self.ended(&self.client("support", &enable, &[])?, 77)?;
        explain("Who looks after certificates may. What would run?");
        self.ended(&self.client("renewer", &enable, &["--dry-run"])?, 0)?;
        self.ended(&self.client("renewer", &enable, &[])?, 0)?;
        self.ended(
            &self.client("renewer", &["pending-changes", "apply"], &["--ignore-prompt"])?,
            0,
        )?;
        self.ended(&self.client("renewer", &["security", "external-ssl", "list"], &[])?, 0)
    }

    fn log_in(&self) -> Result<()> {
        chapter("7. jump01 has to have the cookie itself");
        let output = self.client("jump01", &["login"], &["--format", "json"])?;
        ensure!(output.status.success(), "the login failed: {}", text(&output.stderr));
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let (name, expiry) = (field(&answer, "name"), field(&answer, "expiry"));
        let shown: String = field(&answer, "value").chars().take(24).collect();
        say(&format!("    a cookie: {name}={shown}… until {expiry}"));
        explain("It is worth as much as the password of the server, for two hours.");
        Ok(())
    }

    fn be_refused(&self) -> Result<()> {
        chapter("8. Four others get nothing");
        explain(
            "A stranger without a certificate, with OpenSSL's own client where it is installed:",
        );
        self.stranger()?;
        explain("Somebody whose certificate was revoked:");
        self.ended(&self.client("left-the-team", &["login"], &[])?, 71)?;
        explain("A client that may look but not log in:");
        self.ended(&self.client("dashboard", &["login"], &[])?, 77)?;
        explain("jump01's own key and certificate, from an address that is not on the list:");
        self.ended(&self.client("jump01", &["login"], &["--bind", "127.0.0.2"])?, 70)?;
        explain("What TSM itself has seen of all that, in its own log:");
        let log = fs::read_to_string(self.path("tsm/log"))?;
        log.lines().for_each(|line| say(&format!("    {line}")));
        let logins =
            log.lines().filter(|line| line.contains("Password-less login request")).count();
        ensure!(logins == 5, "TSM was asked {logins} times");
        explain(
            "The gate's own session, three of the tsm program, and jump01's: the refused ones never reached it.",
        );
        Ok(())
    }

    /// Revokes a client that is connected, and tells the gate nothing.
    fn revoke_while_connected(&self) -> Result<()> {
        chapter("9. jump01 leaves too, while it is connected");
        let audit = self.path("audit/audit.jsonl");
        let recorded = |what: &str| -> Result<usize> {
            let action = format!("\"event.action\":\"{what}\"");
            Ok(fs::read_to_string(&audit)?.matches(&action).count())
        };
        let before = recorded("connection")?;
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
        let wait_for = |what: &str, count: usize| -> Result<()> {
            for _ in 0..200 {
                if recorded(what)? >= count {
                    return Ok(());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            bail!("waited in vain for `{what}` in the audit")
        };
        wait_for("connection", before + 1)?;
        self.show("tsmgate", &["pki", "revoke", "jump01"])?;
        explain(
            "Nobody told the gate. It sees the new list by itself, and judges who is there again:",
        );
        wait_for("cut", 1)?;
        drop(connected);
        self.ended(&self.client("jump01", &["login"], &[])?, 71)
    }

    fn read_audit(&mut self) -> Result<()> {
        chapter("10. The audit");
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
}
