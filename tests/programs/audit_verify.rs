//! `tsmgated audit verify`: what it finds, what it prints, and how it exits.

use std::process::Command;

use nix::sys::signal::Signal;
use tests::program::built;
use tests::{Scene, SceneOptions};

use crate::stage::{peer, run, stage, told, tsmgated, verify};

/// A scene after one life with two logins and a refusal; the head that was logged at its end.
async fn one_life(scene: &Scene) -> String {
    let mut gated = run(scene);
    for _ in 0..2 {
        peer(scene, &gated, "jump01").cookie().await;
    }
    peer(scene, &gated, "stranger").refusal().await;
    gated.signal(Signal::SIGTERM);
    let (status, log) = gated.end();
    assert_eq!(status.code(), Some(0), "{log:?}");
    let head = log.iter().rev().find_map(|line| line.split("head=").nth(1)).unwrap();
    head.trim().to_owned()
}

fn lines(scene: &Scene) -> Vec<String> {
    let text = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn rewrite(scene: &Scene, lines: &[String]) {
    std::fs::write(scene.path("log/audit.jsonl"), lines.join("\n") + "\n").unwrap();
}

/// R45: a whole chain verifies over two lives, and its head is the one that the log has noted
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_chain_verifies_and_ends_with_the_logged_head() {
    let scene = stage(SceneOptions::default()).await;
    let first = one_life(&scene).await;
    let second = one_life(&scene).await;
    assert_ne!(first, second);
    let (code, out, err) = verify(&scene, &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    let file = scene.path("log/audit.jsonl").display().to_string();
    let count = lines(&scene).len();
    assert_eq!(out, format!("{file}: whole\nlines 1 to {count}\nhead {second}\n"));
    // a head may have moved on since it was noted
    for head in [&first, &second] {
        assert_eq!(verify(&scene, &["--expect-head", head]).0, 0);
    }
}

/// R45: the head is in the log within a second of the start, while the program runs
#[tokio::test(flavor = "multi_thread")]
async fn the_head_is_in_the_log_from_the_start() {
    let scene = stage(SceneOptions::default()).await;
    let gated = run(&scene);
    let line = gated.line_with("audit head");
    let head = line.split("head=").nth(1).unwrap().trim();
    assert_eq!(verify(&scene, &["--expect-head", head]).0, 0);
}

/// R45: a removed, changed, reordered or added line shows, with its number
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_was_tampered_with_is_found() {
    let scene = stage(SceneOptions::default()).await;
    one_life(&scene).await;
    let good = lines(&scene);
    assert!(good.len() > 6, "{good:?}");
    let broken = |what: &str, change: &dyn Fn(&mut Vec<String>), at: usize| {
        let mut lines = good.clone();
        change(&mut lines);
        rewrite(&scene, &lines);
        let (code, out, err) = verify(&scene, &[]);
        assert_eq!((code, err.as_str()), (1, ""), "{what}: {out}");
        let (first, second) = out.split_once('\n').unwrap();
        assert!(first.ends_with("audit.jsonl: BROKEN"), "{what}: {out}");
        assert!(second.starts_with(&format!("line {at}: ")), "{what}: {out}");
    };
    broken("removed", &|lines| drop(lines.remove(2)), 3);
    broken("changed", &|lines| lines[2] = lines[2].replacen("jump01", "jump02", 1), 4);
    broken("swapped", &|lines| lines.swap(2, 3), 3);
    broken("doubled", &|lines| lines.insert(3, lines[2].clone()), 4);
    broken("not a record", &|lines| lines.insert(2, "{}".into()), 3);
    broken("nonsense at the end", &|lines| lines.push("hello".into()), good.len() + 1);
    rewrite(&scene, &good);
    assert_eq!(verify(&scene, &[]).0, 0);
}

/// R45: cutting off the tail shows with a head that was noted elsewhere, and only with it
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_tail_is_found_with_the_noted_head() {
    let scene = stage(SceneOptions::default()).await;
    let head = one_life(&scene).await;
    let mut cut = lines(&scene);
    cut.truncate(cut.len() - 2);
    rewrite(&scene, &cut);
    assert_eq!(verify(&scene, &[]).0, 0, "a shorter chain is a chain");
    let (code, out, _) = verify(&scene, &["--expect-head", &head]);
    assert_eq!(code, 1);
    assert!(out.contains(&head) && out.contains("lines are missing at the end"), "{out}");
}

/// R45: a file that begins in the middle says what it lacks; an empty one and none at all are told apart
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_file_is_said() {
    let scene = stage(SceneOptions::default()).await;
    one_life(&scene).await;
    rewrite(&scene, &lines(&scene)[2..]);
    let (code, out, _) = verify(&scene, &[]);
    assert_eq!(code, 2);
    assert!(out.contains("lines 1 to 2 are NOT here: in an earlier file, or missing"), "{out}");

    std::fs::write(scene.path("log/audit.jsonl"), "").unwrap();
    let (code, out, _) = verify(&scene, &[]);
    assert_eq!(code, 2);
    assert!(out.ends_with("audit.jsonl: empty\n"), "{out}");

    let missing = scene.path("log/other.jsonl").display().to_string();
    for unreadable in [missing, scene.path("log").display().to_string()] {
        let (code, out, err) = tsmgated(&["audit", "verify", &unreadable]);
        assert_eq!((code, out.as_str()), (66, ""));
        assert!(err.starts_with(&format!("tsmgated: cannot read {unreadable}: ")), "{err}");
    }
}

/// R45: half a line that a crash left behind is closed by the next start, and accounted for
#[tokio::test(flavor = "multi_thread")]
async fn a_torn_line_is_closed_by_the_next_start() {
    let scene = stage(SceneOptions::default()).await;
    one_life(&scene).await;
    let mut text = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    let half = text.lines().last().unwrap().len() / 2;
    text.truncate(text.len() - half);
    std::fs::write(scene.path("log/audit.jsonl"), &text).unwrap();
    let (code, out, _) = verify(&scene, &[]);
    assert_eq!(code, 1);
    assert!(out.contains("torn"), "{out}");

    one_life(&scene).await;
    let (code, out, _) = verify(&scene, &[]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("torn lines, accounted for: 1"), "{out}");
}

/// R45: a file that is no audit is not written to
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_chain_stops_the_start() {
    let scene = stage(SceneOptions::default()).await;
    scene.write("log/audit.jsonl", "somebody's notes\n", 0o640);
    let (status, log) = run(&scene).end();
    assert_eq!(status.code(), Some(66), "{log:?}");
    assert!(log.last().unwrap().contains("does not end in a record"), "{log:?}");
    assert_eq!(lines(&scene), ["somebody's notes"]);
}

/// R45: files that were rotated away are checked as one chain, and a missing one between shows
#[tokio::test(flavor = "multi_thread")]
async fn rotated_files_are_one_chain() {
    let scene = stage(SceneOptions::default()).await;
    let head = one_life(&scene).await;
    let all = lines(&scene);
    let parts = [&all[..2], &all[2..4], &all[4..]];
    let names = ["log/1.jsonl", "log/2.jsonl", "log/3.jsonl"];
    for (part, name) in parts.iter().zip(names) {
        scene.write(name, &(part.join("\n") + "\n"), 0o640);
    }
    let paths: Vec<_> = names.iter().map(|name| scene.path(name).display().to_string()).collect();
    let verify =
        |files: &[&str], more: &[&str]| tsmgated(&[&["audit", "verify"], files, more].concat());
    let [one, two, three] = [0, 1, 2].map(|number| paths[number].as_str());
    let (code, out, _) = verify(&[one, two, three], &["--expect-head", &head]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains(": whole") && out.contains(&format!("lines 1 to {}", all.len())), "{out}");
    let (code, out, _) = verify(&[one, three], &[]);
    assert_eq!(code, 1);
    assert!(out.starts_with(&format!("{three}: BROKEN\nline 1: ")), "{out}");
    // a head from before a file begins is not said to be missing
    let (code, out, _) = verify(&[three], &["--expect-head", &format!("1:{}", "0".repeat(64))]);
    assert_eq!(code, 1);
    assert!(out.contains("give the earlier files too"), "{out}");
}

/// R45: half a line that comes through a pipe, which can be read once, is found as in a file
#[tokio::test(flavor = "multi_thread")]
async fn a_torn_line_is_found_through_a_pipe() {
    let scene = stage(SceneOptions::default()).await;
    one_life(&scene).await;
    let text = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    scene.write("log/torn.jsonl", &text[..text.len() - 40], 0o640);
    for (name, code, headline) in
        [("audit.jsonl", 0, "/dev/stdin: whole\n"), ("torn.jsonl", 1, "/dev/stdin: BROKEN\n")]
    {
        let mut shell = Command::new("sh");
        let line = "cat \"$1\" | \"$0\" audit verify /dev/stdin";
        let shell = shell.args(["-c", line]).arg(built("tsmgated"));
        let output = shell.arg(scene.path(&format!("log/{name}"))).output().unwrap();
        let (ended, out, err) = told(&output);
        assert_eq!(ended, code, "{out}{err}");
        assert!(out.starts_with(headline), "{out}");
    }
}

/// The verdict for a program, whatever it is.
#[tokio::test(flavor = "multi_thread")]
async fn the_verdict_is_there_as_json() {
    let scene = stage(SceneOptions::default()).await;
    let head = one_life(&scene).await;
    let file = scene.path("log/audit.jsonl").display().to_string();
    let json = |code: i32| {
        let (found, out, err) = tsmgated(&["audit", "verify", "--json", &file]);
        assert_eq!((found, err.as_str()), (code, ""), "{out}");
        serde_json::from_str::<serde_json::Value>(&out).unwrap()
    };
    let whole = json(0);
    assert_eq!((&whole["verdict"], &whole["first"]), (&"whole".into(), &1.into()), "{whole}");
    assert_eq!(whole["head"], head);
    let all = lines(&scene);
    rewrite(&scene, &all[1..]);
    assert_eq!(json(2)["verdict"], "partial");
    rewrite(&scene, &[&all[..1], &all[2..]].concat());
    let broken = json(1);
    assert_eq!(broken["verdict"], "broken");
    assert!(broken["fault"].as_str().unwrap().contains("line 2"), "{broken}");
}
