//! The running gate, looked at by others: Prometheus, HAProxy, and `tsmgated status`.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tests::program::{Gated, command, have, texts};
use tests::scene::entry;
use tests::{Authority, Peer, Scene, SceneOptions, wait};

use crate::rules::{dashboard_expressions, folder};

/// No part of a cookie that is as long as this may be anywhere, in bytes.
pub const PART: usize = 12;

/// A program of the system's, ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A gate that shows its metrics there, and has a folder for its status socket.
async fn gate(metrics: &str) -> (Scene, Gated) {
    let clients = entry("jump01", "[\"login\"]");
    gate_of(metrics, SceneOptions { rest: clients, ..SceneOptions::default() }).await
}

/// The same of a scene of one's own.
pub async fn gate_of(metrics: &str, options: SceneOptions) -> (Scene, Gated) {
    let rest = format!("[metrics]\nlisten = \"{metrics}\"\n{}", options.rest);
    let options = SceneOptions { rest, ..options };
    let scene =
        Scene::prepare(tempfile::tempdir().unwrap(), Authority::new("tests"), &options).await;
    let run = scene.path("run");
    std::fs::create_dir(&run).unwrap();
    let environment = [("RUNTIME_DIRECTORY", run.to_str().unwrap())];
    let plain: &[&str] = &[];
    let gated = Gated::start(&scene.path("tsmgated.toml"), plain, &environment);
    gated.address();
    (scene, gated)
}

async fn log_in(scene: &Scene, gated: &Gated) -> String {
    let identity = scene.authority.client("jump01");
    Peer::new(gated.address(), &scene.authority.pem(), Some(&identity)).cookie().await
}

/// The body of an answer to a GET, where there is one with code 200.
fn fetch(mut stream: impl std::io::Read + std::io::Write, path: &str) -> Option<String> {
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).is_some_and(|code| code == "200").then(|| body.to_owned())
}

pub fn fetch_from(port: u16, path: &str) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    fetch(stream, path)
}

pub fn tsmgated(words: &[&str], scene: &Scene) -> (i32, String, String) {
    let output =
        command("tsmgated").args(words).arg("--socket").arg(scene.path("run/status.sock")).output();
    let output = output.unwrap();
    let (out, said) = texts(&output);
    (output.status.code().unwrap(), out, said)
}

/// Prometheus, that looks at one port each second with the alert rules in force.
struct Prometheus {
    port: u16,
    _process: Running,
    _folder: TempDir,
}

impl Prometheus {
    fn start(target: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(crate::rules::folder().join("prometheus.yml")).unwrap();
        let text = text
            .replace("127.0.0.1:18851", &format!("127.0.0.1:{target}"))
            .replace("alerts.yml", &self::folder().join("alerts.yml").display().to_string())
            .replace("scrape_interval: 30s", "scrape_interval: 1s");
        assert!(text.contains(&format!(":{target}")) && text.contains(": 1s"), "{text}");
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, format!("global:\n  evaluation_interval: 1s\n{text}")).unwrap();
        let port = free_port();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { port, _process: Running(process), _folder: folder }
    }

    fn api(&self, path: &str) -> Option<Value> {
        let answer: Value = serde_json::from_str(&fetch_from(self.port, path)?).ok()?;
        (answer["status"] == "success").then(|| answer["data"].clone())
    }

    /// The results of an instant query.
    fn query(&self, expression: &str) -> Option<Vec<Value>> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.".contains(&byte);
        let encoded: String = expression
            .bytes()
            .map(|byte| match plain(byte) {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            })
            .collect();
        self.api(&format!("/api/v1/query?query={encoded}"))?["result"].as_array().cloned()
    }

    /// Waits until a query gives this one value.
    fn wait_for(&self, expression: &str, value: &str) {
        wait::until_blocking(&format!("{expression} to be {value}"), || {
            let results = self.query(expression)?;
            (results.len() == 1 && results[0]["value"][1] == value).then_some(())
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_scrapes_the_running_gate() {
    if !have("prometheus", "prometheus") {
        return;
    }
    let port = free_port();
    let (scene, gated) = gate(&format!("127.0.0.1:{port}")).await;
    let prometheus = Prometheus::start(port);
    prometheus.wait_for("up{job=\"tsmgate\"}", "1");
    prometheus.wait_for("tsmgate_ready", "1");
    log_in(&scene, &gated).await;
    assert_eq!(tsmgated(&["reload"], &scene), (0, "reloaded\n".into(), String::new()));
    prometheus.wait_for("tsmgate_logins_total{client=\"jump01\",outcome=\"success\"}", "1");
    prometheus
        .wait_for("tsmgate_tsm_answer_seconds_count{side=\"login\",outcome=\"answered\"}", "1");
    prometheus.wait_for("tsmgate_reloads_total{outcome=\"good\"}", "1");
    prometheus.wait_for("count(tsmgate_expiry_seconds{kind=\"client\",name=\"jump01\"})", "1");
    prometheus.wait_for("count(tsmgate_expiry_seconds{kind=\"server\"} > 0)", "1");
    prometheus.wait_for("count(tsmgate_expiry_seconds{kind=\"authority\"} > 0)", "1");
    prometheus.wait_for("tsmgate_connections{state=\"unproven\"}", "0");
    for recent in ["start", "last_login", "last_reload"] {
        prometheus.wait_for(&format!("count(time() - tsmgate_{recent}_time_seconds < 100)"), "1");
    }
    // each expression of the dashboard is about something that is there
    for expression in dashboard_expressions() {
        // what has not happened is filtered out
        let may_be_empty = expression.contains("> 0");
        wait::until_blocking(&format!("a result of {expression}"), || {
            let results = prometheus.query(&expression)?;
            (may_be_empty || !results.is_empty()).then_some(())
        });
    }
    let rules = wait::until_blocking("an evaluation of all rules", || {
        let data = prometheus.api("/api/v1/rules")?;
        let rules = data["groups"][0]["rules"].as_array()?.clone();
        rules.iter().all(|rule| rule["health"] == "ok").then_some(rules)
    });
    assert!(rules.len() > 15, "{}", rules.len());
    let firing: Vec<_> = rules.iter().filter(|rule| rule["state"] == "firing").collect();
    assert!(firing.is_empty(), "{firing:?}");
    let metadata = prometheus.api("/api/v1/targets/metadata?metric=tsmgate_logins").unwrap();
    assert_eq!(metadata[0]["type"], "counter", "{metadata}");
    drop(gated);
    prometheus.wait_for("up{job=\"tsmgate\"}", "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_brings_the_socket_to_a_port() {
    if !have("haproxy", "haproxy") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("metrics.sock");
    let (_scene, _gated) = gate(&format!("unix:{}", socket.display())).await;
    assert!(fetch(UnixStream::connect(&socket).unwrap(), "/healthz").is_some());
    let port = free_port();
    let readme = std::fs::read_to_string(crate::rules::folder().join("README.md")).unwrap();
    let shown = readme.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let config = folder.path().join("haproxy.cfg");
    let times = "defaults\n    timeout connect 5s\n    timeout client 5s\n    timeout server 5s\n";
    let shown = shown
        .replace("127.0.0.1:18851", &format!("127.0.0.1:{port}"))
        .replace("/run/tsmgate/metrics.sock", socket.to_str().unwrap());
    std::fs::write(&config, format!("{times}{shown}")).unwrap();
    let mut haproxy = Command::new("haproxy");
    haproxy.args(["-q", "-db", "-f"]).arg(&config).stdin(Stdio::null());
    let _haproxy = Running(haproxy.spawn().unwrap());
    let metrics = wait::until_blocking("metrics through HAProxy", || fetch_from(port, "/metrics"));
    assert!(metrics.contains("\ntsmgate_ready 1\n"), "{metrics}");
}

/// R39: after logins no part of a cookie is in the metrics or in the status
#[tokio::test(flavor = "multi_thread")]
async fn no_part_of_a_cookie_is_shown() {
    let port = free_port();
    let (scene, gated) = gate(&format!("127.0.0.1:{port}")).await;
    let cookies = [log_in(&scene, &gated).await, log_in(&scene, &gated).await];
    let metrics = fetch_from(port, "/metrics").unwrap();
    assert!(metrics.contains("tsmgate_logins_total{client=\"jump01\",outcome=\"success\"} 2"));
    let socket = scene.path("run/status.sock");
    let through = |path: &str| fetch(UnixStream::connect(&socket).unwrap(), path).unwrap();
    let mut shown = vec![metrics, through("/metrics"), through("/status"), through("/readyz")];
    for words in [&["status"][..], &["status", "--json"]] {
        let (code, out, said) = tsmgated(words, &scene);
        assert_eq!(code, 0, "{out}{said}");
        assert!(out.contains("jump01"), "{out}");
        shown.extend([out, said]);
    }
    for cookie in cookies {
        for part in cookie.as_bytes().windows(PART) {
            let part = std::str::from_utf8(part).unwrap();
            assert!(shown.iter().all(|text| !text.contains(part)), "`{part}` is shown");
        }
    }
}

/// R52, R53: `tsmgated status` of the running gate, and of one whose reload failed
#[tokio::test(flavor = "multi_thread")]
async fn status_and_reload_of_the_running_gate() {
    let (scene, gated) = gate("127.0.0.1:0").await;
    log_in(&scene, &gated).await;
    let (code, out, said) = tsmgated(&["status"], &scene);
    assert_eq!((code, &*said), (0, ""), "{out}");
    assert!(out.starts_with("ready: "), "{out}");
    for text in ["1 login since ", "last login: jump01 at ", ", head ", "ends: in "] {
        assert!(out.contains(text), "`{text}` is not in {out}");
    }
    let head = out.lines().find_map(|line| line.strip_prefix("audit: can be written, head "));
    let verify = command("tsmgated")
        .args(["audit", "verify"])
        .arg(scene.path("log/audit.jsonl"))
        .args(["--expect-head", head.unwrap()])
        .output()
        .unwrap();
    assert!(verify.status.success(), "{:?}", texts(&verify));

    let config = scene.path("tsmgated.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    scene.write("tsmgated.toml", &format!("nonsense = 1\n{good}"), 0o600);
    let (code, out, said) = tsmgated(&["reload"], &scene);
    assert_eq!((code, &*out), (65, ""), "{said}");
    assert!(said.contains("nonsense"), "{said}");
    let (_, out, _) = tsmgated(&["status"], &scene);
    assert!(out.contains("last reload: FAILED at "), "{out}");
    assert!(out.contains("nonsense"), "{out}");
    log_in(&scene, &gated).await;
    scene.write("tsmgated.toml", &good, 0o600);
    assert_eq!(tsmgated(&["reload"], &scene).0, 0);
    let (code, out, _) = tsmgated(&["status"], &scene);
    assert!(code == 0 && out.contains("last reload: good, at "), "{out}");
    assert!(Path::new(&scene.path("run/status.sock")).exists());
}
