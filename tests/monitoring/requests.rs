//! The api lane of the running gate, as whoever watches it sees it: status, metrics and the report on its audit.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::http::Http;
use tests::program::{command, texts};
use tests::scene::entry;
use tests::{Peer, SceneOptions};

use crate::scrape::{PART, fetch_from, free_port, gate_of, tsmgated};

/// R39: what was asked for, by whom, and whether the gate is logged in is shown everywhere; of its session
/// nothing but how old it is
#[tokio::test(flavor = "multi_thread")]
async fn requests_show_in_status_metrics_and_report_and_the_session_does_not() {
    let port = free_port();
    let roles = "[[role]]\nname = \"reader\"\npermissions = [\"config.read\", \"status.read\"]\n";
    let vault = "[[role]]\nname = \"vault\"\npermissions = [\"config.read\", \"config.secrets\"]\n";
    let clients = entry("jump01", "[\"reader\"]") + &entry("safe", "[\"vault\"]");
    let options =
        SceneOptions { rest: format!("{roles}{vault}{clients}"), ..SceneOptions::api("") };
    let (scene, mut gated) = gate_of(&format!("127.0.0.1:{port}"), options).await;
    let (_, before, _) = tsmgated(&["status"], &scene);
    for line in [
        "lanes: login, api; the command lane is off (tsm.command_socket is not set)",
        "requests: 0 done, 0 failed, 0 refused",
        "session at TSM: none; the next request takes one",
    ] {
        assert!(before.lines().any(|said| said == line), "`{line}` is not in {before}");
    }
    assert!(before.contains(", not seen yet"), "{before}");

    let open = async |name: &str| {
        let identity = scene.authority.client(name);
        let peer = Peer::new(gated.address(), &scene.authority.pem(), Some(&identity));
        Http::open(&peer).await.unwrap()
    };
    let (mut jump, mut safe) = (open("jump01").await, open("safe").await);
    assert_eq!(jump.get("/api/0.5/status").await.unwrap().status, 200);
    assert_eq!(jump.get("/api/0.5/export").await.unwrap().status, 200);
    assert_eq!(safe.get("/api/0.5/export").await.unwrap().status, 200);
    for _ in 0..3 {
        let refused = jump.ask("POST", "/api/0.5/disable", "", b"").await.unwrap();
        assert_eq!(refused.code().as_deref(), Some("not_permitted"));
    }

    let (code, status, said) = tsmgated(&["status"], &scene);
    assert_eq!((code, &*said), (0, ""), "{status}");
    for line in [
        "requests: 3 done, 0 failed, 3 refused",
        "session at TSM: held for 0 minutes, used for ",
        "TSM's certificate: pinned, SHA-256 ",
    ] {
        assert!(status.contains(line), "`{line}` is not in {status}");
    }
    assert!(!status.contains("not seen yet"), "{status}");
    let metrics = fetch_from(port, "/metrics").unwrap();
    for line in [
        r#"tsmgate_requests_total{client="jump01",operation="status",outcome="success"} 1"#,
        r#"tsmgate_requests_total{client="safe",operation="export",outcome="success"} 1"#,
        r#"tsmgate_requests_refused_total{client="jump01",reason="permission_missing"} 3"#,
        r#"tsmgate_requests_refused_total{client="safe",reason="permission_missing"} 0"#,
        r#"tsmgate_tsm_answer_seconds_count{side="login",outcome="answered"} 1"#,
        r#"tsmgate_tsm_answer_seconds_count{side="api",outcome="answered"} 3"#,
        "tsmgate_session_held 1",
    ] {
        assert!(metrics.lines().any(|said| said == line), "`{line}` is not in {metrics}");
    }
    // the sum of refusals is recorded when the gate stops
    let (_, pictured, _) = tsmgated(&["status", "--json"], &scene);
    gated.signal(Signal::SIGTERM);
    gated.end();
    let audit = scene.path("log/audit.jsonl");
    let report = command("tsmgated").args(["audit", "report", "--json"]).arg(audit).output();
    let (out, said) = texts(&report.unwrap());
    let report: Value =
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {said}"));
    let requests = &report["requests"];
    assert_eq!(requests["totals"], json!({"done": 3, "failed": 0, "refused": 3}), "{report:#}");
    let operation = |name: &str| {
        let all = requests["operations"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {all:?}"))
    };
    assert_eq!(operation("export")["done"], 2);
    assert_eq!(
        (&operation("stop")["refused"], &operation("none")["refused"]),
        (&1.into(), &2.into())
    );
    let read = &requests["secrets_in_clear"];
    assert_eq!((&read[0]["client"], &read[0]["operation"]), (&"safe".into(), &"export".into()));
    assert_eq!(read.as_array().unwrap().len(), 1);
    assert_eq!((&report["session"]["taken"], &report["session"]["ended"]), (&1.into(), &1.into()));

    let cookies = scene.tsm.cookies();
    assert_eq!(cookies.len(), 1);
    let shown = [before, status, metrics, pictured, report.to_string()];
    for part in cookies[0].as_bytes().windows(PART) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(shown.iter().all(|text| !text.contains(part)), "`{part}` is shown");
    }
}
