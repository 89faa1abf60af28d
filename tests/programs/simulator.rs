//! The pretend TSM's HTTP API as `curl` sees it: a client that none of us wrote.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tests::program::{built, have};
use tests::wait;

/// The running simulator, ended by its own pid.
struct Tsm {
    child: Child,
    url: String,
    folder: TempDir,
}

impl Tsm {
    fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("accounts"), "anna:a:password\n!otto:other\n").unwrap();
        let mut child = Command::new(built("tsmsim"))
            .args(["--socket", "login", "--log", "log", "--api", "127.0.0.1:0"])
            .args(["--api-certificate", "tsm.pem", "--api-accounts", "accounts"])
            .args(["--api-job-step", "1", "--api-backups", "."])
            .args(more)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.next().unwrap().unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        Self { child, url, folder }
    }

    /// curl's exit code, and what it wrote.
    fn curl(&self, path: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new("curl")
            .args(["--silent", "--max-time", "20", "--cacert", "tsm.pem", "--cookie", "jar"])
            .args(arguments)
            .arg(format!("{}/{path}", self.url))
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    fn json(&self, path: &str, arguments: &[&str]) -> Value {
        let (code, body) = self.curl(path, arguments);
        assert_eq!(code, Some(0), "{path}");
        serde_json::from_str(&body).unwrap()
    }

    /// Logs in and keeps the cookie in the jar; gives the status.
    fn log_in(&self, name: &str, password: &str) -> String {
        let body = format!(r#"{{"authentication":{{"name":"{name}","password":"{password}"}}}}"#);
        let json = ["--header", "Content-Type: application/json", "--data", &body];
        let status =
            ["--output", "/dev/null", "--write-out", "%{http_code}", "--cookie-jar", "jar"];
        self.curl("login", &[json.as_slice(), &status].concat()).1
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Tsm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn curl_logs_in_reads_backs_up_and_logs_out() {
    if !have("curl", "curl") {
        return;
    }
    let tsm = Tsm::start(&[]);
    assert_eq!(tsm.log_in("otto", "other"), "403");
    assert_eq!(tsm.log_in("anna", "password"), "401");
    assert_eq!(tsm.json("status", &[])["error"]["detail"].as_str().map(str::is_empty), Some(false));
    assert_eq!(tsm.log_in("anna", "a:password"), "204");
    let jar = fs::read_to_string(tsm.path().join("jar")).unwrap();
    assert!(
        jar.contains("#HttpOnly_127.0.0.1\tFALSE\t/\tTRUE\t") && jar.contains("AUTH_COOKIE\teyJ")
    );

    assert_eq!(tsm.json("status", &[])["clusterStatus"]["rollupStatus"], "Running");
    let post = ["--request", "POST"];
    let made = tsm.json("backupFixedFile/?writePath=curl.tsbak", &post);
    let job = format!("asyncJobs/{}", made["asyncJob"]["id"]);
    let ended = || tsm.json(&job, &[])["asyncJob"]["status"] == "Succeeded";
    wait::until_blocking("the backup", || ended().then_some(()));
    assert!(tsm.path().join("curl.tsbak").is_file());

    assert_eq!(tsm.curl("logout", &post), (Some(0), String::new()));
    assert!(tsm.json("status", &[]).get("error").is_some());
    let log = fs::read_to_string(tsm.path().join("log")).unwrap();
    assert!(log.contains("User anna is authorized") && !log.contains("eyJ"), "{log}");
}

#[test]
fn curl_notices_the_misbehaviours() {
    if !have("curl", "curl") {
        return;
    }
    for behaviour in ["truncated", "close-in-body"] {
        let tsm = Tsm::start(&["--api-misbehave", behaviour]);
        let (code, _) = tsm.curl("status", &[]);
        // curl(1): 18 a partial file, 56 receiving failed
        assert!(matches!(code, Some(18 | 56)), "{behaviour}: {code:?}");
    }
    let silent = Tsm::start(&["--api-misbehave", "silent"]);
    // 28: a timeout
    assert_eq!(silent.curl("status", &["--max-time", "0.3"]), (Some(28), String::new()));
    let gateway = Tsm::start(&["--api-misbehave", "html:502"]);
    assert!(gateway.curl("status", &[]).1.starts_with("<html>"));
    let packed = Tsm::start(&["--api-misbehave", "gzip"]);
    let error = packed.json("status", &["--compressed"]);
    assert!(error["error"]["detail"].is_string(), "curl unpacks it: {error}");
}

#[test]
fn a_huge_answer_is_not_held_in_memory() {
    if !have("curl", "curl") {
        return;
    }
    let tsm = Tsm::start(&["--api-misbehave", "huge:536870912"]);
    let arguments = ["--output", "/dev/null", "--write-out", "%{size_download}"];
    assert_eq!(tsm.curl("status", &arguments), (Some(0), "536870912".to_owned()));
    let status = fs::read_to_string(format!("/proc/{}/status", tsm.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 128 * 1024, "{peak} KiB");
}
