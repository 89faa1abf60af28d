//! `tsmgated audit report`: its three forms on a real audit, its exit codes, and the page in a real
//! browser.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tests::program::{have, texts};
use tests::{Scene, SceneOptions};
use time::OffsetDateTime;
use tsmgate_server::audit::chain::Head;
use tsmgate_server::audit::record::{Outcome, Record};

use crate::stage::{peer, run, stage, tsmgated};

/// A scene after one life with two logins and a refusal, and its audit file.
async fn one_life() -> (Scene, String) {
    let scene = stage(SceneOptions::default()).await;
    let mut gated = run(&scene);
    for _ in 0..2 {
        peer(&scene, &gated, "jump01").cookie().await;
    }
    peer(&scene, &gated, "stranger").refusal().await;
    gated.signal(Signal::SIGTERM);
    let (status, log) = gated.end();
    assert_eq!(status.code(), Some(0), "{log:?}");
    let file = scene.path("log/audit.jsonl").display().to_string();
    (scene, file)
}

fn report(arguments: &[&str]) -> (i32, String, String) {
    tsmgated(&[&["audit", "report"], arguments].concat())
}

fn json(arguments: &[&str]) -> (i32, Value) {
    let (code, out, err) = report(&[arguments, &["--json"]].concat());
    assert_eq!(err, "");
    (code, serde_json::from_str(&out).unwrap())
}

/// R45: the report on what a gate wrote says what happened, in each of its forms
#[tokio::test(flavor = "multi_thread")]
async fn a_real_audit_is_summed_up_in_three_forms() {
    let (scene, file) = one_life().await;
    let (code, found) = json(&[&file, "--since", "1h"]);
    assert_eq!((code, found["format"].as_str()), (0, Some("tsmgate-audit-report/1")));
    assert_eq!(found["chain"]["state"], "whole");
    assert_eq!(found["totals"]["clients"]["granted"], 2);
    assert_eq!(found["totals"]["strangers_refused"], 1);
    assert_eq!(found["clients"][0]["name"], "jump01");
    assert_eq!(found["reasons"][0]["code"], "client_unknown");
    assert_eq!(found["networks"][0]["network"], "127.0.0.0/24");
    let actions: Vec<_> =
        found["event_counts"].as_array().unwrap().iter().map(|row| &row["action"]).collect();
    assert_eq!(actions, ["start", "stop"]);
    // each connection of a scene's client has a certificate of its own
    assert_eq!(found["first_seen"].as_array().unwrap().len(), 2);
    assert_eq!(found["totals"]["without_outcome"], 0);

    let (code, out, err) = report(&[&file]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("The chain is whole: "), "{out}");
    assert!(
        out.contains("logins: 2 granted, 0 failed, 0 refused\nstrangers refused: 1\n"),
        "{out}"
    );

    let page = scene.path("review.html");
    let name = page.display().to_string();
    for _ in 0..2 {
        // the second replaces the first
        let (code, out, err) = report(&[&file, "--html", &name]);
        assert_eq!((code, err), (0, format!("tsmgated: the report is in {name}\n")));
        assert!(out.starts_with("The chain is whole: ") && out.lines().count() == 1, "{out}");
    }
    let mode = std::fs::metadata(&page).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode & 0o137, 0, "readable to more than the audit is: {mode:o}");
    assert!(std::fs::read_to_string(&page).unwrap().ends_with("</html>\n"));
    let (code, out, _) = report(&[&file, "--html", &name, "--json"]);
    assert_eq!(code, 0);
    assert!(serde_json::from_str::<Value>(&out).is_ok());
    let drafts = std::fs::read_dir(scene.path("")).unwrap();
    let drafts =
        drafts.filter(|entry| entry.as_ref().unwrap().path().to_string_lossy().contains("review"));
    assert_eq!(drafts.count(), 1, "a draft was left behind");
}

/// R45: the exit code is that of the check, and a broken chain is reported on all the same
#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_says_how_the_chain_is() {
    let (scene, file) = one_life().await;
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let part = |name: &str, lines: &[&str]| {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        scene.write(name, &text, 0o640);
        scene.path(name).display().to_string()
    };
    let (head, tail) = lines.split_at(3);
    let (one, two) = (part("one", head), part("two", tail));
    assert_eq!(json(&[&one, &two]).0, 0);
    let (code, found) = json(&[&two]);
    assert_eq!((code, &found["chain"]["state"]), (2, &"partial".into()));
    assert_eq!(json(&[&part("empty", &[])]).0, 2);
    let broken = part("broken", &[&lines[..1], &["nonsense"], &lines[2..]].concat());
    let (code, out, err) = report(&[&broken]);
    assert_eq!((code, err.as_str()), (1, ""));
    let place = format!("\n{broken}: line 3: does not follow");
    assert!(out.starts_with("BROKEN") && out.contains(&place), "{out}");
    assert!(out.contains("strangers refused: 1"), "{out}");
    // the daemon was killed: its last line stays torn
    scene.write("torn", text.trim_end(), 0o640);
    assert_eq!(json(&[&scene.path("torn").display().to_string()]).0, 1);

    for unreadable in [scene.path("nothing"), scene.path("log")] {
        let unreadable = unreadable.display().to_string();
        let (code, out, err) = report(&[&file, &unreadable]);
        assert_eq!((code, out.as_str()), (66, ""));
        assert!(err.starts_with(&format!("tsmgated: cannot read {unreadable}: ")), "{err}");
    }
    assert_eq!(report(&[&file, "--since", "yesterday"]).0, 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_replaces_nothing_that_it_must_not() {
    let (scene, file) = one_life().await;
    let before = std::fs::read(&file).unwrap();
    std::fs::hard_link(&file, scene.path("log/same")).unwrap();
    std::os::unix::fs::symlink(&file, scene.path("log/link")).unwrap();
    for target in ["log/audit.jsonl", "log/same", "log/link"] {
        let target = scene.path(target).display().to_string();
        let (code, out, err) = report(&[&file, "--html", &target]);
        assert_eq!((code, out.as_str()), (64, ""));
        assert!(err.contains("would replace the audit"), "{err}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let entries = || std::fs::read_dir(scene.path("log")).unwrap().count();
    let count = entries();
    std::os::unix::fs::symlink("elsewhere", scene.path("away")).unwrap();
    for target in ["log/none/review.html", "log", "away"] {
        let target = scene.path(target).display().to_string();
        let (code, out, err) = report(&[&file, "--html", &target]);
        assert_eq!((code, out.as_str()), (66, ""));
        assert!(err.starts_with(&format!("tsmgated: cannot write {target}: ")), "{err}");
    }
    assert_eq!(entries(), count);
    assert!(std::fs::symlink_metadata(scene.path("away")).unwrap().is_symlink());
    assert!(!scene.path("elsewhere").exists());
}

/// A chain whose client, reason and event are markup: a file that somebody forged.
fn hostile(scene: &Scene) -> String {
    let script = "<script>document.body.append('it ' + 'ran')</script>";
    let image = "<img src=x onerror=\"document.body.append('it ' + 'ran')\">";
    let closing = format!("</style></title></desc></svg></table>{script}{image}");
    let mut head = Head::EMPTY;
    let mut lines = String::new();
    for text in [script, image, &closing] {
        let about = Record::empty()
            .text("client.user.name", text)
            .text("tls.client.x509.serial_number", text);
        for record in [
            Record::new("login", Outcome::Success).append(&about),
            Record::new("refused", Outcome::Failure).text("event.reason", text),
            Record::new(text, Outcome::Failure).append(&about),
        ] {
            let (line, next) = head.append(&record, OffsetDateTime::now_utc());
            lines += &line;
            head = next;
        }
    }
    scene.write("hostile.jsonl", &lines, 0o640);
    scene.path("hostile.jsonl").display().to_string()
}

/// Headless Chromium on a page; what it printed.
fn chromium(page: &Path, arguments: &[&str]) -> String {
    let profile = TempDir::new().unwrap();
    // a browser that hangs is ended
    let mut command = Command::new("timeout");
    command.args(["90", "chromium", "--headless", "--no-sandbox", "--disable-gpu"]);
    command.args(["--disable-quic", "--no-first-run", "--disable-background-networking"]);
    command.args(["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.args(arguments).arg(format!("file://{}", page.display()));
    let output = command.output().unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{err}");
    out
}

/// R43: in a real browser the page shows its figures, nothing of a file's text runs or becomes an
/// element, and it prints on a few sheets
#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_good_in_a_browser() {
    if !have("chromium", "chromium") || !have("timeout", "coreutils") {
        return;
    }
    let (scene, file) = one_life().await;
    let page = scene.path("review.html");
    assert_eq!(report(&[&file, "--html", page.to_str().unwrap()]).0, 0);
    let dom = chromium(&page, &["--dump-dom"]);
    for shown in [
        "The chain is whole: ",
        "<dt>logins granted</dt><dd>2</dd>",
        "<dt>strangers refused</dt><dd>1</dd>",
        "<th scope=\"row\">jump01</th><td class=\"number\">2</td>",
        "<title id=\"logins-title\">Logins of all clients over time</title>",
        "<code>client_unknown</code>",
    ] {
        assert!(dom.contains(shown), "{shown} is not in {dom}");
    }
    let pdf = scene.path("review.pdf");
    chromium(&page, &["--no-pdf-header-footer", &format!("--print-to-pdf={}", pdf.display())]);
    let bytes = std::fs::read(&pdf).unwrap();
    assert!(bytes.starts_with(b"%PDF-"));
    let text = String::from_utf8_lossy(&bytes);
    let pages = text.matches("/Type /Page\n").count();
    assert!((2..=4).contains(&pages), "{pages} pages");

    let forged = hostile(&scene);
    assert_eq!(report(&[&forged, "--html", page.to_str().unwrap()]).0, 0);
    let dom = chromium(&page, &["--dump-dom"]);
    assert!(dom.contains("&lt;script&gt;document.body.append("), "{dom}");
    for element in ["<script", "<img", "it ran"] {
        assert!(!dom.contains(element), "{element} is in {dom}");
    }
    // the same text where nobody escaped it: this browser does run what it is given
    let control = "<!DOCTYPE html><body><script>document.body.append('it ' + 'ran')</script>";
    scene.write("control.html", control, 0o600);
    assert!(chromium(&scene.path("control.html"), &["--dump-dom"]).contains("it ran"));
    // and the policy of the page would stop it there too
    let text = std::fs::read_to_string(&page).unwrap();
    let script = "<script>document.body.append('it ' + 'ran')</script></body>";
    scene.write("policy.html", &text.replace("</body>", script), 0o600);
    let dom = chromium(&scene.path("policy.html"), &["--dump-dom"]);
    assert!(dom.contains("<script>") && !dom.contains("it ran"), "{dom}");
}
