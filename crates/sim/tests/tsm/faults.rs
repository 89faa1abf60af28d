//! What a test can have the program do wrong.

use std::io::Read;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::stage::{Stage, until};

const LIST: &str = "security external-ssl list";

async fn with(fault: &'static str) -> Stage {
    Stage { fault, ..Stage::new().await }
}

#[tokio::test]
async fn it_ends_as_it_is_told() {
    let stage = with("exit=41").await;
    let ended = stage.run(LIST).await;
    assert_eq!((ended.code, ended.out.lines().count()), (Some(41), 8));
    assert_eq!(with("signal=9").await.run(LIST).await.code, None);
    for bad in ["exit", "hang=soon", "kindly", "exit=1=2"] {
        let ended = with(bad).await.run(LIST).await;
        assert_eq!(ended.code, Some(2), "{bad}");
        assert!(ended.err.starts_with("TSM_SIM_FAULT: there is no fault"), "{}", ended.err);
    }
}

#[tokio::test]
async fn its_output_is_spoiled_as_it_is_told() {
    let partial = with("partial-line,escapes").await.run(LIST).await;
    assert!(partial.out.ends_with("\nand in the middle of a"), "{}", partial.out);
    assert!(partial.out.contains("\x1b[2J") && partial.err.contains("\x1b[8m"));
    let stage = with("echo-secrets").await;
    let set = "configuration set -k wgserver.domain.password -v hunter2";
    let echoed = stage.run(set).await;
    for text in [&echoed.out, &echoed.err] {
        assert_eq!(text, &format!("Running: tsm {set}\n"));
    }
    let stage = Stage { fault: "lists-apart", ..stage };
    assert_eq!(
        stage.good("pending-changes list --config-only").await,
        "Key: wgserver.domain.password\n    Value: hunter2\n\
         These changes will require a server restart.\n"
    );
    let flood = with("flood=3").await.run(LIST).await;
    assert!(flood.out.len() > 3 * 1024 * 1024 && flood.out.len() < 4 * 1024 * 1024);
    assert!(flood.out.contains("\nssl.enabled: false\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_hangs_after_its_lines_and_may_not_heed_a_signal() {
    let stage = with("hang=2,ignore-term").await;
    let mut child = stage.command(LIST).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let wanted = "ssl.enabled: false\nssl.port: 443\n";
    let mut lines = vec![0; wanted.len()];
    out.read_exact(&mut lines).unwrap();
    assert_eq!(lines, wanted.as_bytes());
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(id, Signal::SIGTERM).unwrap();
    // the signal has been taken once nothing of it is pending
    let pending = || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        status
            .lines()
            .filter(|line| line.starts_with("SigPnd:") || line.starts_with("ShdPnd:"))
            .any(|line| line.bytes().any(|byte| (b'1'..=b'9').contains(&byte)))
    };
    until("the signal is taken", || !pending()).await;
    assert!(child.try_wait().unwrap().is_none(), "it goes on");
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "nothing followed");
}

/// A command that prints nothing hangs as well.
#[tokio::test]
async fn it_hangs_where_there_is_no_line() {
    let stage = with("hang").await;
    let mut running = stage.start("security repository-ssl enable");
    until("it is staged", || !stage.pending().is_empty()).await;
    running.signal(Signal::SIGTERM);
    assert_eq!(running.ended().await.code, None);
    running = stage.start("status");
    until("a question", || stage.tsm.requests().iter().any(|one| one.target.ends_with("/status")))
        .await;
    assert!(!running.has_ended());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_leaves_a_child_that_holds_the_outputs() {
    for (fault, same_session) in [("fork", true), ("daemonize", false)] {
        let stage = with(fault).await;
        let mut child = stage.command("status").spawn().unwrap();
        let id = child.id();
        let mut out = child.stdout.take().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let mut lines = [0; 16];
        out.read_exact(&mut lines).unwrap();
        assert_eq!(&lines, b"Status: RUNNING\n");
        let (left, session) = left_behind(stage.folder.path()).await;
        let own = nix::unistd::getsid(None).unwrap();
        assert_eq!(session == own, same_session, "{fault}");
        assert_ne!(u32::try_from(left.as_raw()).unwrap(), id);
        rustix::fs::fcntl_setfl(&out, rustix::fs::OFlags::NONBLOCK).unwrap();
        let held = out.read(&mut [0]).unwrap_err().kind();
        assert_eq!(held, std::io::ErrorKind::WouldBlock, "{fault}: the output is held");
        nix::sys::signal::kill(left, Signal::SIGKILL).unwrap();
        until("the end of the output", || out.read(&mut [0]).is_ok_and(|bytes| bytes == 0)).await;
    }
}

/// The child that runs in this folder, once it is where it stays, and its session.
async fn left_behind(folder: &std::path::Path) -> (Pid, Pid) {
    let mut found = None;
    let mine = |id: Pid| {
        let here = std::fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd == folder);
        let asleep = std::fs::read_to_string(format!("/proc/{id}/wchan"));
        let fault = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let text = String::from_utf8_lossy(&fault).into_owned();
        (here && asleep.is_ok() && text.contains("TSM_SIM_FAULT=linger")).then_some(text)
    };
    until("the child", || {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let id = Pid::from_raw(id);
            let Some(fault) = mine(id) else { continue };
            let Ok(session) = nix::unistd::getsid(Some(id)) else { continue };
            if !fault.contains("own-session") || session == id {
                found = Some((id, session));
            }
        }
        found.is_some()
    })
    .await;
    found.unwrap()
}
