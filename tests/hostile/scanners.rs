//! TLS as outsiders' tools see it: sslscan, sslyze and testssl.sh at the gate; and, as the control, at an
//! `openssl s_server` that has what the gate must not have, so that each of them is seen to notice.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tests::program::{have, texts};
use tests::{Scene, SceneOptions, wait};

use crate::openssl;

/// What a tool found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// Versions that are offered, as the tool calls them.
    versions: Vec<String>,
    /// Whether a client may negotiate anew, where the tool can tell.
    renegotiates: bool,
    /// Whether a session is taken up again.
    resumes: bool,
    compresses: bool,
    /// Whether it said whose certificates it takes.
    names_authorities: bool,
}

impl Found {
    fn versions(versions: &[&str]) -> Self {
        Self { versions: versions.iter().map(|&name| name.into()).collect(), ..Self::default() }
    }
}

/// `openssl s_server` with TLS 1.2, tickets, renegotiation and a list of authorities; killed when dropped.
struct Control {
    server: Child,
    address: String,
}

impl Control {
    /// With the scene's certificates.
    async fn start(scene: &Scene) -> Self {
        let said = scene.path("s_server.txt");
        let mut command = Command::new("openssl");
        command.current_dir(scene.path("")).args(["s_server", "-accept", "127.0.0.1:0"]);
        command.args(["-cert", "server.pem", "-key", "server.key", "-CAfile", "client-ca.pem"]);
        command.args(["-Verify", "1", "-client_renegotiation"]);
        let out = std::fs::File::create(&said).unwrap();
        // it goes on for as long as its input is open
        let server = command.stdin(Stdio::piped()).stdout(out).stderr(Stdio::null()).spawn();
        let mut control = Self { server: server.unwrap(), address: String::new() };
        control.address = wait::until("s_server", || async {
            let said = std::fs::read_to_string(&said).unwrap();
            let (_, rest) = said.split_once("ACCEPT ")?;
            rest.split_once('\n').map(|(address, _)| address.to_owned())
        })
        .await;
        control
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A gate that bans nobody and is patient, with a client's files in its folder, and the control beside it.
async fn both() -> (Scene, Control) {
    let admission = "source_rate = { per_minute = 60000, burst = 10000 }\n\
                     exempt = [\"127.0.0.1/32\"]\nhandshake_timeout = \"60s\"";
    let options = SceneOptions { admission: admission.into(), ..SceneOptions::default() };
    let scene = Scene::with(options).await;
    let who = scene.authority.client("jump01");
    scene.write("jump01.pem", &who.chain, 0o644);
    scene.write("jump01.key", &who.key, 0o600);
    let control = Control::start(&scene).await;
    (scene, control)
}

/// Runs a tool in the scene's folder and gives the report that it wrote there.
async fn report(scene: &Scene, mut command: Command, file: &str) -> String {
    command.current_dir(scene.path("")).stdin(Stdio::null());
    // the gate runs in this runtime and must go on
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    std::fs::read_to_string(scene.path(file))
        .unwrap_or_else(|error| panic!("{file}: {error}: {:?}", texts(&output)))
}

/// A command that is ended after two minutes.
fn bounded(program: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.arg("120").arg(program);
    command
}

async fn sslscan(scene: &Scene, address: &str, file: &str) -> Found {
    let mut command = bounded(Path::new("sslscan"));
    command.args(["--no-colour", "--timeout=30", "--show-client-cas"]);
    command.args(["--certs=jump01.pem", "--pk=jump01.key"]);
    command.arg(format!("--xml={file}")).arg(address);
    let xml = report(scene, command, file).await;
    let of = |element: &str| {
        let begin = format!("<{element} ");
        xml.lines().map(str::trim).filter(move |line| line.starts_with(&begin))
    };
    let attribute = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!(" {name}=\"")).expect(line);
        rest.split('"').next().unwrap().to_owned()
    };
    assert_eq!(of("protocol").count(), 6, "{xml}");
    let enabled = of("protocol").filter(|line| attribute(line, "enabled") == "1");
    Found {
        versions: enabled
            .map(|line| format!("{} {}", attribute(line, "type"), attribute(line, "version")))
            .collect(),
        renegotiates: of("renegotiation").any(|line| attribute(line, "supported") == "1"),
        names_authorities: xml.contains("<ca>"),
        ..Found::default()
    }
}

/// R2, R12, R16: sslscan finds TLS 1.3 and nothing else, no renegotiation, no list of authorities
#[tokio::test(flavor = "multi_thread")]
async fn sslscan_finds_tls_1_3_alone() {
    if !openssl::here() || !have("sslscan", "sslscan") {
        return;
    }
    let (scene, control) = both().await;
    let gate = sslscan(&scene, &scene.address().to_string(), "gate.xml").await;
    assert_eq!(gate, Found::versions(&["tls 1.3"]));
    let found = sslscan(&scene, &control.address, "control.xml").await;
    let both = Found::versions(&["tls 1.2", "tls 1.3"]);
    assert_eq!(found, Found { names_authorities: true, ..both });
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// sslyze, where `tests/run` has put it.
fn sslyze_here() -> Option<PathBuf> {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/python/bin/sslyze");
    if tool.exists() {
        return Some(tool);
    }
    assert!(std::env::var_os("REQUIRE_ALL").is_none(), "sslyze is missing (tests/run)");
    eprintln!("LEFT OUT: sslyze is missing (tests/run installs it from PyPI)");
    None
}

/// The plain results of sslyze's commands, which must all have been carried out.
async fn sslyze(scene: &Scene, tool: &Path, address: &str, file: &str) -> Found {
    const VERSIONS: [&str; 6] = ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3"];
    let mut command = bounded(tool);
    command.args(["--quiet", "--slow_connection", "--mozilla_config", "disable"]);
    command.args(["--cert", "jump01.pem", "--key", "jump01.key", "--json_out", file]);
    command.args(["--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3"]);
    command.args(["--compression", "--reneg", "--resum"]).arg(address);
    let json: Value = serde_json::from_str(&report(scene, command, file).await).unwrap();
    let result = |name: &str| {
        let found = json["server_scan_results"][0]["scan_result"][name].clone();
        assert_eq!(found["status"], "COMPLETED", "{name}: {found}");
        found["result"].clone()
    };
    let offered = VERSIONS.into_iter().filter(|version| {
        let found = result(&format!("{version}_cipher_suites"));
        found["is_tls_version_supported"].as_bool().unwrap()
    });
    let again = result("session_resumption");
    let times = |of: &str| again[format!("{of}_successful_resumptions_count")].as_u64().unwrap();
    let anew = result("session_renegotiation");
    Found {
        versions: offered.map(Into::into).collect(),
        renegotiates: anew["client_renegotiations_success_count"].as_u64().unwrap() > 0,
        resumes: times("session_id") + times("tls_ticket") > 0,
        compresses: result("tls_compression")["supports_compression"].as_bool().unwrap(),
        ..Found::default()
    }
}

/// R2, R12: sslyze finds TLS 1.3 and nothing else, takes up no session again, negotiates nothing anew and
/// compresses nothing
#[tokio::test(flavor = "multi_thread")]
async fn sslyze_finds_tls_1_3_alone() {
    let Some(tool) = sslyze_here() else { return };
    if !openssl::here() {
        return;
    }
    let (scene, control) = both().await;
    let gate = format!("localhost:{}", scene.address().port());
    assert_eq!(sslyze(&scene, &tool, &gate, "gate.json").await, Found::versions(&["tls_1_3"]));
    let found = sslyze(&scene, &tool, &control.address, "control.json").await;
    let both = Found::versions(&["tls_1_2", "tls_1_3"]);
    assert_eq!(found, Found { renegotiates: true, resumes: true, ..both });
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// What testssl.sh says of each of its subjects.
async fn testssl(scene: &Scene, address: &str, file: &str) -> Vec<(String, String)> {
    let mut command = bounded(Path::new("testssl"));
    command.args(["--quiet", "--warnings", "off", "--color", "0", "--nodns", "min"]);
    command.args(["-p", "-R", "--jsonfile", file]).arg(address);
    // seconds for a banner, which nobody has here
    command.env("HEADER_MAXSLEEP", "1");
    let json: Value = serde_json::from_str(&report(scene, command, file).await).unwrap();
    let lines = json.as_array().unwrap().iter();
    lines
        .map(|line| (line["id"].as_str().unwrap(), line["finding"].as_str().unwrap()))
        .map(|(id, finding)| (id.to_owned(), finding.to_owned()))
        .collect()
}

/// R2, R12: testssl.sh finds TLS 1.3 and nothing else, and nothing to negotiate anew
#[tokio::test(flavor = "multi_thread")]
async fn testssl_finds_tls_1_3_alone() {
    if !openssl::here() || !have("testssl", "testssl.sh") {
        return;
    }
    let (scene, control) = both().await;
    let gate = scene.address().to_string();
    // it waits more than it works
    let (gate, found) = tokio::join!(
        testssl(&scene, &gate, "gate.json"),
        testssl(&scene, &control.address, "control.json")
    );
    let of = |found: &[(String, String)], id: &str| {
        let line = found.iter().find(|(subject, _)| subject == id);
        line.unwrap_or_else(|| panic!("no {id} in {found:?}")).1.clone()
    };
    for version in ["SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2"] {
        assert_eq!(of(&gate, version), "not offered", "{version}");
    }
    assert_eq!(of(&gate, "TLS1_3"), "offered with final");
    assert_eq!(of(&gate, "secure_renego"), "TLS 1.3 only server");
    assert_eq!(of(&gate, "secure_client_renego"), "not vulnerable, TLS 1.3 only");
    assert_eq!(of(&found, "TLS1_2"), "offered");
    assert_eq!(of(&found, "secure_renego"), "supported");
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}
