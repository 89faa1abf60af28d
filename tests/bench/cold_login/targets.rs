//! The servers under test, each started as its own documentation says for this job: TLS 1.3, a client
//! certificate of one authority required, in front of one Unix socket. All else is its default.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, X25519, X25519MLKEM768};

use crate::client::Client;
use crate::interrupt;
use crate::process::{Process, find, line_of};
use crate::stage::{self, Stage};

/// How long a server may take until it accepts.
const PATIENCE: Duration = Duration::from_secs(10);

/// One row of the table: a server, and what the clients offer it.
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// Its version, and its library's.
    pub about: String,
    /// The key exchange all clients use with it.
    pub group: &'static dyn SupportedKxGroup,
    /// Where it listens.
    pub port: u16,
    /// The server. Two rows may share one.
    pub process: Rc<Process>,
    /// The client that may.
    pub client: Client,
    /// CPU microseconds per login, one for each round.
    pub cpu: Vec<f64>,
    /// Microseconds from connect to the answer, one for each login.
    pub latency: Vec<f64>,
}

/// A server that can be started.
struct Server {
    name: &'static str,
    about: String,
    command: Command,
    port: u16,
}

/// Starts them all, or those of these names; a peer that is not installed is left out, loudly, or is an
/// error under `REQUIRE_ALL`.
pub fn start(stage: &Stage, only: &[String]) -> anyhow::Result<Vec<Target>> {
    let all = [
        ("floor", floor as fn(&Stage) -> anyhow::Result<Option<Server>>),
        ("tsmgated", tsmgated),
        ("haproxy", haproxy),
        ("stunnel", stunnel),
        ("socat", socat),
    ];
    for name in only {
        ensure!(all.iter().any(|(known, _)| known == name), "there is no target `{name}`");
    }
    let mut targets = Vec::new();
    for (name, server) in all {
        if !only.is_empty() && !only.iter().any(|wanted| wanted == name) {
            continue;
        }
        let Some(server) = server(stage)? else {
            ensure!(std::env::var_os("REQUIRE_ALL").is_none(), "{name} is not installed");
            eprintln!("LEFT OUT: {name} is not installed, and will be missing from the table");
            continue;
        };
        targets.extend(rows(stage, server)?);
    }
    ensure!(!targets.is_empty(), "nothing is left to measure");
    Ok(targets)
}

/// Starts a server, and gives its rows: the gate has a second one, as our own clients meet it.
fn rows(stage: &Stage, server: Server) -> anyhow::Result<Vec<Target>> {
    let Server { name, about, mut command, port } = server;
    let mut process = Process::start(&mut command, stage.path(&format!("log/{name}")))?;
    wait_until_up(name, &mut process, port)?;
    let process = Rc::new(process);
    let row = |name, group: &'static dyn SupportedKxGroup| -> anyhow::Result<_> {
        let client = Client::new(&stage.authority, Some(&stage.client), group, &stage.reply)?;
        let (process, about) = (Rc::clone(&process), about.clone());
        let (cpu, latency) = (Vec::new(), Vec::new());
        Ok(Target { name, about, group, port, process, client, cpu, latency })
    };
    Ok(match name {
        "tsmgated" => vec![row(name, X25519)?, row("tsmgated, post-quantum", X25519MLKEM768)?],
        // it has one curve, and no option for another
        "socat" => vec![row(name, SECP256R1)?],
        _ => vec![row(name, X25519)?],
    })
}

fn wait_until_up(name: &str, process: &mut Process, port: u16) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        interrupt::check()?;
        if process.has_ended() || Instant::now() > end {
            bail!("{name} does not listen. It said:\n{}", process.last_words());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// A port that was free a moment ago.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// This program in its other mode; found through the kernel, for a build may have replaced its file.
fn floor(stage: &Stage) -> anyhow::Result<Option<Server>> {
    let port = free_port()?;
    let mut command = Command::new("/proc/self/exe");
    command.arg("--floor").arg(port.to_string()).arg(stage.folder());
    let about = "bare tokio-rustls, one thread, answers by itself".to_owned();
    Ok(Some(Server { name: "floor", about, command, port }))
}

/// The build beside this program. Its limits alone are raised: the load is one client's.
fn tsmgated(stage: &Stage) -> anyhow::Result<Option<Server>> {
    let port = free_port()?;
    let program = std::env::current_exe()?.with_file_name("tsmgated");
    ensure!(program.is_file(), "{} is missing: run tests/bench/cold-login", program.display());
    let client = stage::CLIENT;
    let uid = nix::unistd::geteuid();
    let config = format!(
        "listen.address = \"127.0.0.1:{port}\"\n\
         tls = {{ certificate = \"{}\", private_key = \"{}\", client_authority = \"{}\" }}\n\
         tsm = {{ login_socket = \"{}\", socket_owners = [\"{uid}\"] }}\n\
         admission.allow = [\"127.0.0.0/8\"]\n\
         admission.source_rate = {{ per_minute = 10000000, burst = 1000000 }}\n\
         limits.client.logins = {{ per_minute = 10000000, burst = 1000000 }}\n\
         audit.file = \"log/audit.jsonl\"\n\
         [[client]]\n\
         name = \"{client}\"\nidentity = \"URI:tsmgate://client/{client}\"\nroles = [\"login\"]\n",
        stage::CERTIFICATE,
        stage::KEY,
        stage::AUTHORITY,
        stage::SOCKET,
    );
    stage.write("tsmgated.toml", &config)?;
    let about = line_of(&program, "--version", "tsmgated");
    let mut command = Command::new(program);
    command.args(["run", "--config"]).arg(stage.path("tsmgated.toml"));
    Ok(Some(Server { name: "tsmgated", about: format!("{about}, audit on"), command, port }))
}

fn haproxy(stage: &Stage) -> anyhow::Result<Option<Server>> {
    let Some(program) = find("haproxy") else { return Ok(None) };
    let port = free_port()?;
    let config = format!(
        "defaults\n\
         \x20 mode tcp\n\
         \x20 timeout connect 5s\n\
         \x20 timeout client 30s\n\
         \x20 timeout server 30s\n\
         frontend login\n\
         \x20 bind 127.0.0.1:{port} ssl crt {} ca-file {} verify required ssl-min-ver TLSv1.3\n\
         \x20 default_backend tsm\n\
         backend tsm\n\
         \x20 server tsm unix@{}\n",
        text(&stage.path(stage::BOTH))?,
        text(&stage.path(stage::AUTHORITY))?,
        text(&stage.path(stage::SOCKET))?,
    );
    stage.write("haproxy.cfg", &config)?;
    let version = line_of(&program, "-v", "version");
    let version = version.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let library = line_of(&program, "-vv", "Running on OpenSSL");
    let mut command = Command::new(program);
    command.arg("-db").arg("-f").arg(stage.path("haproxy.cfg"));
    Ok(Some(Server { name: "haproxy", about: format!("{version}; {library}"), command, port }))
}

fn stunnel(stage: &Stage) -> anyhow::Result<Option<Server>> {
    let Some(program) = find("stunnel4").or_else(|| find("stunnel")) else { return Ok(None) };
    let port = free_port()?;
    let config = format!(
        "foreground = yes\npid =\nsyslog = no\ndebug = warning\n\
         [login]\n\
         accept = 127.0.0.1:{port}\nconnect = {}\n\
         cert = {}\nkey = {}\nCAfile = {}\n\
         verifyChain = yes\nsslVersion = TLSv1.3\n",
        text(&stage.path(stage::SOCKET))?,
        text(&stage.path(stage::CERTIFICATE))?,
        text(&stage.path(stage::KEY))?,
        text(&stage.path(stage::AUTHORITY))?,
    );
    stage.write("stunnel.conf", &config)?;
    let version = line_of(&program, "-version", "stunnel");
    let version = version.split(" on ").next().unwrap_or_default().to_owned();
    let library =
        [line_of(&program, "-version", "Running"), line_of(&program, "-version", "OpenSSL")];
    let library = library.into_iter().find(|line| !line.is_empty()).unwrap_or_default();
    let mut command = Command::new(program);
    command.arg(stage.path("stunnel.conf"));
    Ok(Some(Server { name: "stunnel", about: format!("{version}; {library}"), command, port }))
}

fn socat(stage: &Stage) -> anyhow::Result<Option<Server>> {
    let Some(program) = find("socat") else { return Ok(None) };
    let port = free_port()?;
    let listen = format!(
        "OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,nodelay,verify=1,\
         openssl-min-proto-version=TLS1.3,cert={},key={},cafile={}",
        text(&stage.path(stage::CERTIFICATE))?,
        text(&stage.path(stage::KEY))?,
        text(&stage.path(stage::AUTHORITY))?,
    );
    let version = line_of(&program, "-V", "version");
    let version = version.split(" on ").next().unwrap_or_default().to_owned();
    let mut command = Command::new(program);
    command.arg(listen).arg(format!("UNIX-CONNECT:{}", text(&stage.path(stage::SOCKET))?));
    Ok(Some(Server { name: "socat", about: format!("{version}, a process each"), command, port }))
}

/// A path as these programs' configurations take it.
fn text(path: &Path) -> anyhow::Result<&str> {
    let text = path.to_str().context("the temporary folder's name is not UTF-8")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    ensure!(text.chars().all(plain), "the temporary folder's name has odd characters: {text}");
    Ok(text)
}
