//! Other people's clients and servers, with nothing of ours in them: generated Python through its own
//! TLS and through stunnel, OpenSSL with the golden bytes, a Java server that reads `SO_PEERCRED`; and
//! HTTP clients at the api lane.

mod api;
mod codec;
mod forward;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tests::program::{have, texts};
use tests::{Scene, SceneOptions, wait};

fn interop(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop").join(name)
}

/// A process of a test's; killed when dropped.
struct Running(Child, Signal);

impl Running {
    /// For one that has children, and ends them before it ends itself.
    fn politely(child: Child) -> Self {
        Self(child, Signal::SIGTERM)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // not waited for yet: the id is nobody else's
        let _ = kill(Pid::from_raw(self.0.id().try_into().unwrap()), self.1);
        let _ = self.0.wait();
    }
}

/// The scene's files as a client has them, and the Python code of the IDL.
fn client_files(scene: &Scene) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let identity = scene.authority.client("jump01");
    std::fs::write(folder.path().join("ca.pem"), scene.authority.pem()).unwrap();
    std::fs::write(folder.path().join("client.pem"), &identity.chain).unwrap();
    std::fs::write(folder.path().join("client.key"), &identity.key).unwrap();
    folder
}

fn have_python() -> bool {
    have("thrift", "thrift-compiler") && have_module("thrift", "python3-thrift")
}

/// Whether Debian's Python has a module.
fn have_module(name: &str, package: &str) -> bool {
    let import = format!("import {name}");
    let python = Command::new("/usr/bin/python3").args(["-c", &import]).output();
    let found = python.is_ok_and(|output| output.status.success());
    if !found {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "{package} is missing");
        eprintln!("LEFT OUT: Python's {name} is missing (Debian: {package})");
    }
    found
}

async fn python(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let generated = Command::new(interop("generate")).arg("py").arg(folder).status().unwrap();
    assert!(generated.success());
    let mut client = Command::new(interop("login_client.py"));
    client.current_dir(folder).env("TSMGATE_GEN_DIR", folder).args(arguments);
    let output = off_the_runtime(client).await;
    let (out, err) = texts(&output);
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("no JSON: {out} {err}"))
}

/// Runs a command while the scene, which lives on this runtime, goes on.
async fn off_the_runtime(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn assert_login(answer: &serde_json::Value, scene: &Scene, calls: usize) {
    let cookies = scene.tsm.cookies();
    assert_eq!(cookies.len(), calls);
    assert_eq!(answer["returnCode"], 0, "{answer}");
    assert_eq!(answer["username"], "tsmsvc");
    assert_eq!(answer["cookieName"], "AUTH_COOKIE");
    assert_eq!(answer["cookieValue"], cookies.last().unwrap().as_str());
    assert_eq!(answer["cookieMaxAge"], 7200);
    let outcomes = scene.records("login");
    assert_eq!(outcomes.len(), 2 * calls);
    assert_eq!(outcomes.last().unwrap()["event.outcome"], "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_python_logs_in_through_its_own_tls() {
    if !have_python() {
        return;
    }
    let scene = Scene::start().await;
    let files = client_files(&scene);
    let port = scene.address().port().to_string();
    let arguments =
        ["--calls", "3", "tls", "localhost", &port, "ca.pem", "client.pem", "client.key"];
    let answer = python(files.path(), &arguments).await;
    assert_login(&answer, &scene, 3);
}

/// At the local socket: the client of TSM's own, with another path and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn generated_python_logs_in_at_the_local_socket() {
    if !have_python() {
        return;
    }
    let entry = tests::local::entry("user = \"root\"", "[\"login\"]");
    let scene = Scene::with(SceneOptions::default().with_local(&entry)).await;
    let files = client_files(&scene);
    let socket = scene.local_socket();
    let answer = python(files.path(), &["--calls", "3", "unix", socket.to_str().unwrap()]).await;
    assert_login(&answer, &scene, 3);
    assert!(scene.records("login").iter().all(|one| one["client.user.name"] == "local:root"));
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_python_without_the_role_reads_not_authorized() {
    if !have_python() {
        return;
    }
    let rest = tests::scene::entry("jump01", "[\"monitor\"]");
    let scene = Scene::with(SceneOptions { rest, ..SceneOptions::default() }).await;
    let files = client_files(&scene);
    let port = scene.address().port().to_string();
    let arguments = ["tls", "localhost", &port, "ca.pem", "client.pem", "client.key"];
    let answer = python(files.path(), &arguments).await;
    assert_eq!(answer["returnCode"], 1, "{answer}");
    assert_eq!(answer["cookieValue"], serde_json::Value::Null);
    scene.refusal("permission_missing").await;
    scene.nothing_reached_tsm();
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_python_logs_in_through_stunnel() {
    if !have_python() || !have("stunnel", "stunnel4") {
        return;
    }
    let scene = Scene::start().await;
    let files = client_files(&scene);
    let tunnel = free_port();
    let configuration = format!(
        "foreground = yes\npid =\n[login]\nclient = yes\naccept = {tunnel}\nconnect = {}\n\
         cert = client.pem\nkey = client.key\nCAfile = ca.pem\nverifyChain = yes\n\
         checkHost = localhost\nsslVersionMin = TLSv1.3\n",
        scene.address()
    );
    std::fs::write(files.path().join("stunnel.conf"), configuration).unwrap();
    let stunnel = Command::new("stunnel")
        .arg("stunnel.conf")
        .current_dir(files.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _stunnel = Running(stunnel.unwrap(), Signal::SIGKILL);
    wait::until("stunnel", || async { tokio::net::TcpStream::connect(tunnel).await.ok() }).await;
    let port = tunnel.port().to_string();
    let answer = python(files.path(), &["plain", "127.0.0.1", &port]).await;
    assert_login(&answer, &scene, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_with_the_golden_bytes_gets_a_reply() {
    if !have("openssl", "openssl") {
        return;
    }
    // s_client -quiet stays until the gate closes
    let login = "idle = \"300ms\"".into();
    let scene = Scene::with(SceneOptions { login, ..SceneOptions::default() }).await;
    let files = client_files(&scene);
    let mut client = Command::new("openssl");
    let connect = scene.address().to_string();
    client.current_dir(files.path()).args(["s_client", "-quiet", "-tls1_3", "-connect", &connect]);
    client.args(["-CAfile", "ca.pem", "-cert", "client.pem", "-key", "client.key"]);
    client.args(["-verify_return_error", "-verify_hostname", "localhost"]);
    client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || {
        let mut child = client.spawn().unwrap();
        let call = b"\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x01\x00";
        child.stdin.take().unwrap().write_all(call).unwrap();
        child.wait_with_output().unwrap()
    });
    let output = output.await.unwrap();
    let cookie = scene.tsm.cookies().pop().expect("no call reached TSM");
    let holds = |needle: &[u8]| output.stdout.windows(needle.len()).any(|part| part == needle);
    assert!(output.stdout.starts_with(b"\x80\x01\x00\x02\x00\x00\x00\x05login"), "{output:?}");
    assert!(holds(cookie.as_bytes()));
    assert_eq!(scene.records("login").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_logs_in_at_a_java_server_that_reads_peer_credentials() {
    if !have("javac", "default-jdk-headless") || !have("thrift", "thrift-compiler") {
        return;
    }
    let options = SceneOptions { tsm_running: false, ..SceneOptions::default() };
    let scene = Scene::with(options).await;
    let folder = tempfile::tempdir().unwrap();
    let server = Command::new(interop("login_server/run"))
        .arg(scene.path("tsm/login"))
        .arg("java.made.cookie")
        .env("TSMGATE_GEN_DIR", folder.path())
        .stdout(Stdio::piped())
        .spawn();
    let mut server = Running(server.unwrap(), Signal::SIGKILL);
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    assert_eq!(scene.peer("jump01").cookie().await, "java.made.cookie");
    assert_eq!(lines.next().unwrap().unwrap(), "peer=root");
    let outcome = scene.records("login").pop().unwrap();
    assert_eq!(outcome["event.outcome"], "success");
    assert_eq!(outcome["client.user.name"], "jump01");
}

/// A port that nobody listens on now.
fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
