//! The servers under test, each started as its own documentation says for this job: TLS 1.3 and a client
//! certificate of one authority on the one side, a fixed cookie and a checked certificate on the other,
//! connections kept on both. All else is its default.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::client::Client;
use crate::interrupt;
use crate::large::Large;
use crate::process::{Process, find, line_of};
use crate::stage::{self, Stage};
use crate::tsm;

/// How long a server may take until it accepts.
const PATIENCE: Duration = Duration::from_secs(10);

/// One row of the table.
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// Its version, and its library's.
    pub about: String,
    /// Where it listens.
    pub port: u16,
    /// The server; none is TSM itself.
    pub process: Option<Process>,
    /// The client that may.
    pub client: Client,
    /// CPU microseconds per request, one for each round: one after the other.
    pub cpu: Vec<f64>,
    /// Requests a second, one for each round.
    pub rate: Vec<f64>,
    /// CPU microseconds per request, one for each round: 200 a second.
    pub paced_cpu: Vec<f64>,
    /// Microseconds of each request, 200 a second.
    pub latency: Vec<f64>,
    /// What the large answer came to.
    pub large: Option<Large>,
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
        ("tsmgated", tsmgated as fn(&Stage) -> anyhow::Result<Option<Server>>),
        ("haproxy", haproxy),
        ("nginx", nginx),
    ];
    let known = |name: &String| name == "direct" || all.iter().any(|(known, _)| known == name);
    if let Some(name) = only.iter().find(|name| !known(name)) {
        bail!("there is no target `{name}`");
    }
    let wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    let mut targets = Vec::new();
    if wanted("direct") {
        let about = "TSM itself: nginx with a file, asked with the cookie".to_owned();
        targets.push(target(stage, "direct", about, stage.port, None)?);
    }
    for (name, server) in all {
        if !wanted(name) {
            continue;
        }
        let Some(server) = server(stage)? else {
            ensure!(std::env::var_os("REQUIRE_ALL").is_none(), "{name} is not installed");
            eprintln!("LEFT OUT: {name} is not installed, and will be missing from the table");
            continue;
        };
        let Server { name, about, mut command, port } = server;
        let mut process =
            Process::start(&mut command, Stdio::null(), stage.path(&format!("log/{name}")))?;
        wait_until_up(name, &mut process, port)?;
        targets.push(target(stage, name, about, port, Some(process))?);
    }
    Ok(targets)
}

fn target(
    stage: &Stage,
    name: &'static str,
    about: String,
    port: u16,
    process: Option<Process>,
) -> anyhow::Result<Target> {
    let client = Client::new(&stage.authority, Some(&stage.client))?;
    let client = match process {
        None => client.saying(format!("cookie: AUTH_COOKIE={}\r\n", tsm::cookie())),
        Some(_) => client,
    };
    let (cpu, rate, paced_cpu, latency) = Default::default();
    Ok(Target { name, about, port, process, client, cpu, rate, paced_cpu, latency, large: None })
}

/// Waits until it listens.
pub fn wait_until_up(name: &str, process: &mut Process, port: u16) -> anyhow::Result<()> {
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
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The build beside this program. Its limits alone are raised: the load is one client's.
fn tsmgated(stage: &Stage) -> anyhow::Result<Option<Server>> {
    let port = free_port()?;
    let program = std::env::current_exe()?.with_file_name("tsmgated");
    ensure!(program.is_file(), "{} is missing: run tests/bench/api-status", program.display());
    let client = stage::CLIENT;
    let uid = nix::unistd::geteuid();
    let config = format!(
        "listen.address = \"127.0.0.1:{port}\"\n\
         tls = {{ certificate = \"{}\", private_key = \"{}\", client_authority = \"{authority}\" }}\n\
         admission.allow = [\"127.0.0.0/8\"]\n\
         admission.source_rate = {{ per_minute = 10000000, burst = 1000000 }}\n\
         limits.client.requests = {{ per_minute = 10000000, burst = 1000000 }}\n\
         audit.file = \"log/audit.jsonl\"\n\
         [tsm]\nlogin_socket = \"{}\"\nsocket_owners = [\"{uid}\"]\n\
         api = \"https://localhost:{}\"\napi_authority = \"{authority}\"\n\
         [[client]]\n\
         name = \"{client}\"\nidentity = \"URI:tsmgate://client/{client}\"\nroles = [\"monitor\"]\n",
        stage::CERTIFICATE,
        stage::KEY,
        stage::SOCKET,
        stage.port,
        authority = stage::AUTHORITY,
    );
    stage.write("tsmgated.toml", &config)?;
    let about = line_of(&program, "--version", "tsmgated");
    let mut command = Command::new(program);
    command.args(["run", "--config"]).arg(stage.path("tsmgated.toml"));
    let about = format!("{about}, audit on");
    Ok(Some(Server { name: "tsmgated", about, command, port }))
}

fn haproxy(stage: &Stage) -> anyhow::Result<Option<Server>> {
    let Some(program) = find("haproxy") else { return Ok(None) };
    let port = free_port()?;
    let authority = stage.path(stage::AUTHORITY);
    let authority = text(&authority)?;
    let config = format!(
        "defaults\n\
         \x20 mode http\n\
         \x20 timeout connect 5s\n\
         \x20 timeout client 30s\n\
         \x20 timeout server 30s\n\
         frontend api\n\
         \x20 bind 127.0.0.1:{port} ssl crt {} ca-file {authority} verify required ssl-min-ver TLSv1.3 \
         alpn http/1.1\n\
         \x20 default_backend tsm\n\
         backend tsm\n\
         \x20 http-request set-header Cookie AUTH_COOKIE={}\n\
         \x20 server tsm 127.0.0.1:{} ssl verify required verifyhost localhost sni str(localhost) \
         ca-file {authority} ssl-min-ver TLSv1.3\n",
        text(&stage.path(stage::BOTH))?,
        tsm::cookie(),
        stage.port,
    );
    stage.write("haproxy.cfg", &config)?;
    let version = line_of(&program, "-v", "version");
    let version = version.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let library = line_of(&program, "-vv", "Running on OpenSSL");
    let mut command = Command::new(program);
    command.arg("-db").arg("-f").arg(stage.path("haproxy.cfg"));
    let about = format!("{version}; {library}");
    Ok(Some(Server { name: "haproxy", about, command, port }))
}

/// One process, as one worker would be.
fn nginx(stage: &Stage) -> anyhow::Result<Option<Server>> {
    let program = find("nginx").context("nginx is gone")?;
    let port = free_port()?;
    let config = format!(
        "{}upstream tsm {{ server 127.0.0.1:{}; keepalive 8; keepalive_requests 100000000; }}\n\
         server {{\n listen 127.0.0.1:{port} ssl;\n\
         ssl_client_certificate {authority}; ssl_verify_client on;\n\
         location / {{\n\
         proxy_pass https://tsm; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
         proxy_set_header Host localhost; proxy_set_header Cookie \"AUTH_COOKIE={}\";\n\
         proxy_ssl_verify on; proxy_ssl_trusted_certificate {authority}; proxy_ssl_protocols TLSv1.3;\n\
         proxy_ssl_name localhost; proxy_ssl_server_name on; proxy_max_temp_file_size 0;\n\
         }}\n}}\n}}\n",
        stage::NGINX.replace("NAME", "proxy"),
        stage.port,
        tsm::cookie(),
        authority = stage::AUTHORITY,
    );
    stage.write("proxy.conf", &config)?;
    let version = line_of(&program, "-V", "version");
    let library = line_of(&program, "-V", "built with OpenSSL");
    let command = stage.nginx(&program, "proxy.conf");
    let about = format!("{version}; {library}; one process");
    Ok(Some(Server { name: "nginx", about, command, port }))
}

/// A path as these programs' configurations take it.
fn text(path: &Path) -> anyhow::Result<&str> {
    let text = path.to_str().context("the temporary folder's name is not UTF-8")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    ensure!(text.chars().all(plain), "the temporary folder's name has odd characters: {text}");
    Ok(text)
}
