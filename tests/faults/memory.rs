//! A limit of memory, set on a running gate.

use std::process::Command;

use nix::sys::signal::Signal;
use tests::program::{have, texts};
use tests::{Peer, SceneOptions};

use crate::stage::{gate, logins, stage};

/// Room for some dozens of connections.
const ROOM: u64 = 1024 * 1024;
/// More than have room.
const CONNECTIONS: u32 = 1000;

/// R27, R56a: out of memory it serves whom it can or ends at once, for its unit to start it again; what it said is on
/// record either way, and the record goes on
#[tokio::test(flavor = "multi_thread")]
async fn without_memory_it_goes_on_or_ends_and_the_record_is_whole() {
    if !have("prlimit", "util-linux") {
        return;
    }
    let scene = stage(SceneOptions::default()).await;
    let mut gated = gate(&scene, &[]);
    let identity = scene.authority.client("jump01");
    let peer = Peer::new(gated.address(), &scene.authority.pem(), Some(&identity));
    peer.cookie().await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", gated.pid())).unwrap();
    let data = status.lines().find_map(|line| line.strip_prefix("VmData:")).unwrap();
    let kibibytes: u64 = data.trim().trim_end_matches(" kB").parse().unwrap();
    // of what it writes to: addresses alone it has reserved many more
    let limit = format!("--data={}", kibibytes * 1024 + ROOM);
    let pid = gated.pid().to_string();
    let output = Command::new("prlimit").args(["--pid", &pid, &limit]).output().unwrap();
    assert!(output.status.success(), "{:?}", texts(&output));
    let mut open = Vec::new();
    let mut came = 0;
    for number in 0..CONNECTIONS {
        let from = format!("127.0.6.{}", number / 20 + 1);
        let Ok(mut stream) = peer.clone().from(&from).connect().await else { break };
        let Ok(answer) = tests::peer::call(&mut stream, 1).await else { break };
        tests::peer::cookie_of(answer);
        came += 1;
        open.push(stream);
    }
    assert!(came < CONNECTIONS.into(), "the limit was never met");
    drop(open);
    eprintln!("{came} connections, then: {:?}", gated.log().last());
    gated.signal(Signal::SIGKILL);
    let ended = gated.wait();
    assert!(ended.is_none(), "killed by us, or by itself with SIGABRT: {ended:?}");
    let mut gated = gate(&scene, &[]);
    let peer = Peer::new(gated.address(), &scene.authority.pem(), Some(&identity));
    peer.cookie().await;
    gated.signal(Signal::SIGTERM);
    assert_eq!(gated.wait(), Some(0));
    let logins = logins(&scene);
    assert!(logins.granted >= came + 2, "{came} cookies came, {logins:?}");
    assert!(logins.intents - logins.outcomes <= 1, "{logins:?}");
}
