//! Ten thousand quick connections, and many silent ones: memory stays, and a good client is served.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tests::peer::{call, cookie_of, timed};
use tests::{Peer, Scene, SceneOptions};
use tokio::task::JoinSet;

use crate::stage::{peer, proc, run, stage};

const QUICK: u64 = 10_000;
const AT_ONCE: u64 = 50;
const SILENT: u8 = 100;
const PROVEN: u8 = 200;
/// What the memory may grow by, in KiB.
const GROWTH: u64 = 50 * 1024;

/// What one proven connection may cost with all of TLS, in KiB.
const EACH: u64 = 64;

/// A number of /proc/PID/status, in KiB.
fn memory(pid: u32, name: &str) -> u64 {
    let status = proc(pid, "status");
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn house() -> Scene {
    let admission = "source_rate = { per_minute = 1000000, burst = 100000 }".to_owned();
    stage(SceneOptions { admission, ..SceneOptions::default() }).await
}

/// Connects and goes, again and again, until all together have done so often enough.
async fn quick(gate: Peer, made: Arc<AtomicU64>) {
    while made.fetch_add(1, Ordering::Relaxed) < QUICK {
        drop(gate.tcp().await.unwrap());
    }
}

/// R28: 10,000 quick connections cost at most 50 MiB, and a good client logs in all the while
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_quick_connections_cost_little_and_delay_nobody() {
    let scene = house().await;
    let gated = run(&scene);
    let client = peer(&scene, &gated, "jump01");
    client.cookie().await;
    let before = memory(gated.pid(), "VmRSS:");

    let made = Arc::new(AtomicU64::new(0));
    let mut flood = JoinSet::new();
    for number in 0..AT_ONCE {
        let gate = client.clone().from(&format!("127.0.5.{}", number + 1));
        flood.spawn(quick(gate, Arc::clone(&made)));
    }
    let mut logins = 0;
    while made.load(Ordering::Relaxed) < QUICK {
        let (_, took) = timed(client.cookie()).await;
        assert!(took < Duration::from_secs(5), "a login took {took:?}");
        logins += 1;
    }
    flood.join_all().await;
    client.cookie().await;
    // the most it ever had, not what is left now
    let growth = memory(gated.pid(), "VmHWM:").saturating_sub(before);
    assert!(growth <= GROWTH, "{growth} KiB more");
    assert!(logins > 0, "no login while the flood lasted");
}

/// R28: a hundred silent connections of as many sources cost little, and a good client logs in at once
#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_cost_little_and_delay_nobody() {
    let scene = house().await;
    let gated = run(&scene);
    let client = peer(&scene, &gated, "jump01");
    client.cookie().await;
    let before = memory(gated.pid(), "VmRSS:");
    let mut silent = Vec::new();
    for number in 1..=SILENT {
        silent.push(client.clone().from(&format!("127.0.6.{number}")).tcp().await.unwrap());
    }
    let (_, took) = timed(client.cookie()).await;
    assert!(took < Duration::from_secs(2), "a login took {took:?}");
    let growth = memory(gated.pid(), "VmHWM:").saturating_sub(before);
    assert!(growth <= GROWTH / 5, "{growth} KiB more");
}

/// R28: a proven connection costs little memory, also after its first login
#[tokio::test(flavor = "multi_thread")]
async fn proven_connections_cost_little() {
    let scene = house().await;
    let gated = run(&scene);
    let client = peer(&scene, &gated, "jump01");
    client.cookie().await;
    let before = memory(gated.pid(), "VmRSS:");
    let mut open = Vec::new();
    for number in 1..=PROVEN {
        let mut stream = client.clone().from(&format!("127.0.8.{number}")).connect().await.unwrap();
        cookie_of(call(&mut stream, 1).await.unwrap());
        open.push(stream);
    }
    let each = memory(gated.pid(), "VmHWM:").saturating_sub(before) / u64::from(PROVEN);
    assert!(each <= EACH, "{each} KiB for each connection");
}
