//! Memory that no file and no other process gets to see.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;

use nix::sys::signal::Signal;
use tests::program::{Gated, have};
use tests::{Scene, SceneOptions};

use crate::stage::{as_user, config, peer, proc, stage};

/// Started with core dumps allowed, so that it is the program that forbids them.
fn with_core_dumps(wrap: &[String], scene: &Scene) -> Gated {
    let mut words = vec!["prlimit".to_owned(), "--core=unlimited:unlimited".to_owned()];
    words.extend_from_slice(wrap);
    Gated::start(&config(scene), &words, &[])
}

/// R40: no core dumps by limit, and none by the kernel's own rule: /proc is root's
#[tokio::test(flavor = "multi_thread")]
async fn the_process_cannot_be_dumped() {
    if !have("prlimit", "util-linux") || !have("setpriv", "util-linux") {
        return;
    }
    let scene = stage(SceneOptions::default()).await;
    let user = as_user(&scene, 65534, 65534, "--clear-groups");
    let gated = with_core_dumps(&user, &scene);
    gated.line_with("listening");
    let limits = proc(gated.pid(), "limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let numbers: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["0", "0"], "{core}");

    let uids = proc(gated.pid(), "status");
    assert!(uids.contains("Uid:\t65534\t65534\t65534\t65534"), "{uids}");
    for name in ["environ", "mem", "maps"] {
        let owner = std::fs::metadata(format!("/proc/{}/{name}", gated.pid())).unwrap().uid();
        assert_eq!(owner, 0, "/proc/PID/{name} is the user's: the process can be dumped");
    }
}

/// R40: a crash after a login leaves no core file behind
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_no_core_file() {
    if !have("prlimit", "util-linux") {
        return;
    }
    let scene = stage(SceneOptions::default()).await;
    let mut gated = with_core_dumps(&[], &scene);
    peer(&scene, &gated, "jump01").cookie().await;
    gated.signal(Signal::SIGABRT);
    let (status, _) = gated.end();
    assert_eq!(status.signal(), Some(Signal::SIGABRT as i32));
    assert!(!status.core_dumped());
}
