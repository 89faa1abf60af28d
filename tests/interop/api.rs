//! Other people's HTTP clients at the api lane of the daemon as it is built: curl, wget, Python, a
//! monitoring plugin, some through a TCP proxy. Each gets TSM's answer; none has a cookie, and one that it
//! brings changes nothing; each request is on record twice.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::program::{Gated, have, texts};
use tests::{Authority, Scene, SceneOptions, wait};

use crate::{Running, client_files, free_port, have_module, interop, off_the_runtime};

/// The plugin stands beside PATH.
const CHECK_HTTP: &str = "/usr/lib/nagios/plugins/check_http";

/// A gate that runs by itself, with the simulator behind it and a client's files.
struct Gate {
    scene: Scene,
    gated: Gated,
    files: TempDir,
}

impl Gate {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SceneOptions::api("[\"monitor\"]");
        let scene = Scene::prepare(folder, Authority::new("tests"), &options).await;
        let plain: &[&str] = &[];
        let gated = Gated::start(&scene.path("tsmgated.toml"), plain, &[]);
        let files = client_files(&scene);
        Self { scene, gated, files }
    }

    fn port(&self) -> String {
        self.gated.address().port().to_string()
    }

    fn status(&self) -> String {
        format!("https://localhost:{}/api/0.5/status", self.port())
    }

    /// Runs a client in the folder with its files.
    async fn run(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Output {
        let mut client = Command::new(program.as_ref());
        client.current_dir(self.files.path()).args(arguments);
        // no proxy, and no other authorities: they would count before what the arguments say
        client.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        let output = off_the_runtime(client).await;
        let cookie = self.scene.tsm.cookies().pop().unwrap_or("none yet".to_owned());
        let (out, err) = texts(&output);
        assert!(!out.contains(&cookie) && !err.contains(&cookie), "the gate's cookie left");
        output
    }

    /// curl, with what the README has it say.
    async fn curl(&self, more: &[&str]) -> Output {
        let ours = ["-sS", "--cacert", "ca.pem", "--cert", "client.pem", "--key", "client.key"];
        self.run("curl", &[&ours, more].concat()).await
    }

    /// That TSM was asked for its status so many times in all, each time under the one session and with
    /// nothing of the caller's, and that each is on record twice.
    fn asked(&self, count: usize, case: &str) {
        let cookies = self.scene.tsm.cookies();
        assert_eq!(cookies.len(), 1, "{case}: one session is enough");
        let session = format!("AUTH_COOKIE={}", cookies[0]);
        let requests = self.scene.tsm.requests();
        assert_eq!(requests.len(), count, "{case}: {requests:?}");
        for request in requests {
            assert_eq!((&*request.method, &*request.target), ("GET", "/api/0.5/status"), "{case}");
            let sent: Vec<_> = request.headers.iter().map(|(_, value)| value.as_str()).collect();
            let ours = sent.iter().filter(|value| **value == session).count();
            assert_eq!(ours, 1, "{case}: {:?}", request.headers);
            assert!(!sent.iter().any(|value| value.contains("stray")), "{case}: {sent:?}");
            assert_eq!(request.header("authorization"), None, "{case}");
        }
        let records = self.scene.records("request");
        let phases: Vec<_> = records.iter().map(|one| one["tsmgate.phase"].clone()).collect();
        assert_eq!(phases, ["intent", "outcome"].repeat(count), "{case}");
        assert!(records.iter().all(|one| one["client.user.name"] == "jump01"), "{case}");
        let outcome = records.last().unwrap();
        assert_eq!(outcome["http.response.status_code"], 200, "{case}");
    }
}

/// That this is TSM's status.
fn is_status(body: &[u8], case: &str) {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    assert_eq!(json["clusterStatus"]["rollupStatus"], "Running", "{case}: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_however_it_is_called() {
    if !have("curl", "curl") {
        return;
    }
    let gate = Gate::start().await;
    let powershell =
        "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1";
    let cases: &[&[&str]] = &[
        &[],
        &["--no-alpn"],
        &["-0"],
        &["-0", "--no-alpn"],
        &["-0", "-H", "Host:", "-H", "Connection: Keep-Alive"],
        &["--http1.1"],
        &["--http2"],
        &["--tlsv1.3", "--tls13-ciphers", "TLS_CHACHA20_POLY1305_SHA256"],
        &["--compressed"],
        &["-H", "Cookie: AUTH_COOKIE=stray; other=1"],
        &["-b", "AUTH_COOKIE=stray", "-c", "jar"],
        &["-u", "stray:stray"],
        &["-H", "Accept:", "-A", ""],
        &["-H", "Accept: text/html, */*;q=0.1", "-H", "Accept-Charset: utf-8", "-A", "Prtg/23"],
        &["-A", powershell, "-H", "Connection: Keep-Alive"],
        &["-H", "Connection: close"],
        &["-H", "X-Forwarded-For: 192.0.2.1", "-H", "Via: 1.1 stray"],
    ];
    for (number, case) in cases.iter().enumerate() {
        let output = gate.curl(&[case, &[&*gate.status()][..]].concat()).await;
        let case = format!("{case:?}: {}", texts(&output).1);
        is_status(&output.stdout, &case);
        gate.asked(number + 1, &case);
    }
    let jar = std::fs::read_to_string(gate.files.path().join("jar")).unwrap();
    assert!(!jar.contains("AUTH_COOKIE"), "{jar}");

    // two on one connection, with their headers
    let status = gate.status();
    let written = "%{num_connects} %{http_version}\\n";
    let output =
        gate.curl(&["-i", "-o", "one", "-o", "two", "-w", written, &status, &status]).await;
    assert_eq!(texts(&output).0, "1 1.1\n0 1.1\n");
    for name in ["one", "two"] {
        let text = std::fs::read_to_string(gate.files.path().join(name)).unwrap().to_lowercase();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("cache-control: no-store") && !head.contains("cookie"), "{head}");
        assert!(body.contains("clusterstatus"), "{body}");
    }
    gate.asked(cases.len() + 2, "two on one connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_is_told_why_not() {
    if !have("curl", "curl") {
        return;
    }
    let gate = Gate::start().await;
    let stop = gate.status().replace("status", "disable");
    let refused = gate.curl(&["-X", "POST", "--fail-with-body", &stop]).await;
    assert_eq!(refused.status.code(), Some(22), "{refused:?}");
    let error: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(error["error"]["permission"], "server.stop");
    // a header alone is asked for: what follows on the connection is the next answer, not a body
    let status = gate.status();
    let again =
        ["--next", "-v", "--cacert", "ca.pem", "--cert", "client.pem", "--key", "client.key"];
    let head = gate.curl(&[&["-I", &*status], &again[..], &[&*status]].concat()).await;
    let (out, err) = texts(&head);
    assert!(err.contains("Re-using existing connection") && !err.contains("Excess"), "{err}");
    assert!(out.starts_with("HTTP/1.1 405"), "{out}{err}");
    assert_eq!(out.matches("HTTP/1.1").count(), 1, "{out}{err}");
    assert_eq!(gate.scene.tsm.requests().len(), 1, "{out}{err}");
    assert!(out.contains("clusterStatus"), "{out}{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wget_with_a_certificate() {
    if !have("wget", "wget") {
        return;
    }
    let gate = Gate::start().await;
    let status = gate.status();
    let ours = ["-q", "--ca-certificate=ca.pem", "--certificate=client.pem", "--no-hsts"];
    let more = ["--private-key=client.key", "--save-cookies=jar", "--keep-session-cookies"];
    let out = ["-O", "-", "--header=Cookie: AUTH_COOKIE=stray", &status];
    let output = gate.run("wget", &[&ours[..], &more, &out].concat()).await;
    is_status(&output.stdout, &texts(&output).1);
    gate.asked(1, "wget");
    let jar = std::fs::read_to_string(gate.files.path().join("jar")).unwrap();
    assert!(jar.lines().all(|line| line.starts_with('#') || line.is_empty()), "{jar}");
}

#[tokio::test(flavor = "multi_thread")]
async fn python_requests_and_http_client() {
    if !have_module("requests", "python3-requests") {
        return;
    }
    let good = json!({"status": 200, "rollup": "Running", "code": null});
    let head = json!({"status": 405, "rollup": null, "code": null});
    let login = json!({"status": 403, "rollup": null, "code": "session_route"});
    for (client, answers) in [
        ("requests", vec![&good, &good, &good, &head, &good]),
        ("http.client", vec![&good, &good]),
        ("monitor", vec![&login, &good]),
    ] {
        let gate = Gate::start().await;
        let base = gate.status().replace("/api/0.5/status", "");
        let output = gate.run(interop("api_clients.py"), &[client, &base]).await;
        let (out, err) = texts(&output);
        let told: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{client}: {err}"));
        assert_eq!(told["answers"], json!(answers), "{client}");
        let mut connections: Vec<_> = gate
            .scene
            .records("request")
            .iter()
            .map(|one| one["tsmgate.connection"].to_string())
            .collect();
        connections.dedup();
        assert_eq!(connections.len(), 1, "{client}: {connections:?}");
        assert_eq!(told["cookies"], json!([]), "{client}");
        let good = answers.iter().filter(|answer| answer["status"] == 200).count();
        gate.asked(good, client);
        assert!(!gate.gated.log().join("").contains("not-for-the-gate"));
    }
}

/// As Nagios, Icinga and their like ask: HTTP/1.1 that closes, HTTP/1.0 without a host, the certificate
/// alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_monitoring_plugin() {
    if !have(CHECK_HTTP, "monitoring-plugins-basic") {
        return;
    }
    let gate = Gate::start().await;
    let port = gate.port();
    let ours = ["-p", &port, "-S", "-J", "client.pem", "-K", "client.key"];
    let what = ["-u", "/api/0.5/status", "-s", "\"rollupStatus\":\"Running\""];
    let hosts: &[&[&str]] = &[
        &["-H", "localhost", "--sni"],
        &["-I", "127.0.0.1"],
        &["-H", "localhost", "-k", "Cookie: AUTH_COOKIE=stray"],
    ];
    for (number, host) in hosts.iter().enumerate() {
        let output = gate.run(CHECK_HTTP, &[&ours[..], &what, host].concat()).await;
        let (out, err) = texts(&output);
        assert!(out.starts_with("HTTP OK: HTTP/1.1 200"), "{host:?}: {out}{err}");
        gate.asked(number + 1, "check_http");
    }
    // what is not allowed is a warning there, with the status
    let stop = ["-H", "localhost", "-j", "POST", "-u", "/api/0.5/disable"];
    let output = gate.run(CHECK_HTTP, &[&ours[..], &stop].concat()).await;
    assert!(texts(&output).0.contains("403"), "{output:?}");
    // the days that the gate's certificate has left, without any request
    let days = ["-p", &port, "-H", "localhost", "-J", "client.pem", "-K", "client.key", "-C", "14"];
    let output = gate.run(CHECK_HTTP, &days).await;
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    assert!(out.contains("will expire"), "{out}{err}");
    gate.asked(hosts.len(), "a look at the certificate");
}

/// A balancer that passes TLS through sees nothing of it, and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn curl_through_proxies_of_tcp() {
    if !have("curl", "curl") || !have("haproxy", "haproxy") || !have("nginx", "nginx-light") {
        return;
    }
    let module = Path::new("/usr/lib/nginx/modules/ngx_stream_module.so");
    if !have(module.to_str().unwrap(), "libnginx-mod-stream") {
        return;
    }
    let gate = Gate::start().await;
    let address = gate.gated.address();
    let haproxy = free_port();
    let text = format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
         listen gate\n bind {haproxy}\n server gate {address}\n"
    );
    std::fs::write(gate.files.path().join("haproxy.cfg"), text).unwrap();
    let nginx = free_port();
    let text = format!(
        "load_module {};\ndaemon off;\npid nginx.pid;\nerror_log stderr;\n\
         events {{}}\nstream {{ server {{ listen {nginx}; proxy_pass {address}; }} }}\n",
        module.display()
    );
    std::fs::write(gate.files.path().join("nginx.conf"), text).unwrap();
    let folder = gate.files.path().to_str().unwrap().to_owned();
    let proxies = [
        (haproxy, vec!["haproxy", "-db", "-f", "haproxy.cfg"]),
        (nginx, vec!["nginx", "-p", &folder, "-c", "nginx.conf", "-e", "stderr"]),
    ];
    for (number, (front, words)) in proxies.into_iter().enumerate() {
        let proxy = Command::new(words[0])
            .args(&words[1..])
            .current_dir(gate.files.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let _proxy = Running::politely(proxy.unwrap());
        wait::until(words[0], || async { tokio::net::TcpStream::connect(front).await.ok() }).await;
        let status = format!("https://localhost:{}/api/0.5/status", front.port());
        let output = gate.curl(&[&status]).await;
        is_status(&output.stdout, &texts(&output).1);
        gate.asked(number + 1, words[0]);
    }
}
