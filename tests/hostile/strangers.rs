//! Silent and slow strangers: the budget of the unproven, and the one deadline from accept.

use std::time::{Duration, Instant};

use tests::peer::{call, cookie_of, timed};
use tests::{Peer, Scene, SceneOptions};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::case::{NO_RATE, counted, occupancy, record, source, to_the_end};
use crate::wire::Wire;

/// Long enough that whoever waited for it would be noticed.
const TIMEOUT: Duration = Duration::from_secs(60);
/// What a handshake and a login may take on a loaded machine; far from [`TIMEOUT`].
const AT_ONCE: Duration = Duration::from_secs(10);

/// How many logins are measured, so that one that the machine held up does not count.
const LOGINS: usize = 7;

/// The time in the middle.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// What a login takes where nobody else is there.
async fn alone(peer: &Peer) -> Duration {
    let mut times = Vec::new();
    for _ in 0..LOGINS {
        times.push(timed(peer.cookie()).await.1);
    }
    median(times)
}

/// That a login among strangers takes what it takes alone, give or take a busy machine: whoever waited for a
/// stranger's deadline would wait a minute.
fn no_wait(case: &str, alone: Duration, among: Duration) {
    eprintln!("a login, {case}: {among:?}; alone: {alone:?}");
    assert!(among < alone * 10 + Duration::from_millis(500), "{case}: {among:?}, alone {alone:?}");
}

async fn scene(unproven: usize, of_a_source: usize) -> Scene {
    let admission = format!(
        "{NO_RATE}handshake_timeout = \"{}s\"\nunproven = {unproven}\nunproven_per_source = {of_a_source}",
        TIMEOUT.as_secs()
    );
    Scene::with(SceneOptions { admission, ..SceneOptions::default() }).await
}

async fn connect(scene: &Scene, from: &str) -> TcpStream {
    scene.peer("jump01").from(from).tcp().await.unwrap()
}

/// So many silent connections from each of so many sources, once the gate has taken them in.
async fn silent(scene: &Scene, sources: usize, of_each: usize) -> Vec<TcpStream> {
    let mut strangers = Vec::new();
    for _ in 0..of_each {
        for number in 0..sources {
            strangers.push(connect(scene, &source(number)).await);
        }
    }
    occupancy(scene, sources * of_each, 0).await;
    strangers
}

/// R21: silent strangers of other sources fill the whole budget of the unproven, and an honest client
/// waits for nobody: the heaviest source makes room
#[tokio::test]
async fn silent_strangers_elsewhere_delay_nobody() {
    // the shipped budget, spread thin and in heaps
    for (sources, of_each) in [(128, 1), (8, 16)] {
        let scene = scene(128, 16).await;
        let honest = scene.peer("jump01").from("127.0.0.1");
        let unloaded = alone(&honest).await;
        let before = scene.tsm.counts().connections;
        let strangers = silent(&scene, sources, of_each).await;
        assert_eq!(scene.tsm.counts().connections, before, "a stranger reached TSM");

        let (_, first) = timed(honest.cookie()).await;
        assert!(first < AT_ONCE, "the honest client waited {first:?}");
        no_wait(&format!("{sources} silent sources"), unloaded, alone(&honest).await);
        // all strangers but one are still there, and none of them was the honest client's loss
        occupancy(&scene, strangers.len() - 1, 0).await;
        let evicted = record(&scene, source(0).parse().unwrap(), "unproven_evicted").await;
        assert_eq!(evicted["tsmgate.stage"], "admit");
        assert_eq!(counted(&scene, "unproven_evicted"), 1);
    }
}

/// R21: silent strangers of its own source cost an honest client one eviction, which is at once
#[tokio::test]
async fn silent_strangers_of_the_own_source_cost_one_eviction() {
    let scene = scene(128, 16).await;
    let honest = scene.peer("jump01").from("127.0.0.1");
    let unloaded = alone(&honest).await;
    let before = scene.tsm.counts().connections;
    let mut strangers = Vec::new();
    let mut times = Vec::new();
    for evicted in 0..LOGINS {
        while strangers.len() < 16 + evicted {
            strangers.push(connect(&scene, "127.0.0.1").await);
        }
        // at its cap again
        occupancy(&scene, 16, 0).await;
        let (_, took) = timed(honest.cookie()).await;
        assert!(took < AT_ONCE, "the honest client waited {took:?}");
        times.push(took);
        occupancy(&scene, 15, 0).await;
    }
    no_wait("one eviction each", unloaded, median(times));
    let logins = u64::try_from(LOGINS).unwrap();
    assert_eq!(scene.tsm.counts().connections, before + logins, "a stranger reached TSM");
    record(&scene, "127.0.0.1".parse().unwrap(), "unproven_evicted").await;
    // the oldest are gone, without a byte; the newest is not
    for gone in &mut strangers[..LOGINS] {
        assert_eq!(to_the_end(gone).await, b"");
    }
    let newest = strangers.last().unwrap().try_read(&mut [0]);
    assert!(newest.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
}

/// R21: restless strangers of a few sources, who come again whenever one is put out, put nobody else out
#[tokio::test]
async fn restless_strangers_of_a_few_sources_delay_nobody() {
    let scene = scene(16, 16).await;
    let _heap = silent(&scene, 2, 8).await;
    let gate = scene.peer("jump01");
    let restless: Vec<_> = (0..2)
        .map(|number| {
            let peer = gate.clone().from(&source(number));
            tokio::spawn(async move {
                loop {
                    // put out by its own neighbour, or by the honest client: it comes again
                    let mut tcp = peer.tcp().await.unwrap();
                    let _ =
                        tokio::time::timeout(Duration::from_millis(1), to_the_end(&mut tcp)).await;
                }
            })
        })
        .collect();
    for _ in 0..10 {
        let (_, took) = timed(gate.clone().from("127.0.0.1").cookie()).await;
        assert!(took < AT_ONCE, "the honest client waited {took:?}");
    }
    restless.iter().for_each(tokio::task::JoinHandle::abort);
    let evicted = scene.records("refused").into_iter();
    assert!(evicted.clone().all(|line| line["source.ip"] != "127.0.0.1"), "{evicted:?}");
}

/// R21: strangers have a budget of their own: proven connections are never touched by them
#[tokio::test]
async fn strangers_never_touch_the_proven() {
    let scene = scene(8, 2).await;
    let mut proven = scene.peer("jump01").from("127.0.0.1").connect().await.unwrap();
    occupancy(&scene, 0, 1).await;
    let mut strangers = Vec::new();
    for number in 0..24 {
        strangers.push(connect(&scene, &source(number)).await);
    }
    occupancy(&scene, 8, 1).await;
    scene.nothing_reached_tsm();
    cookie_of(call(&mut proven, 1).await.unwrap());
    tests::wait::until("sixteen evictions", || async {
        (counted(&scene, "unproven_evicted") == 16).then_some(())
    })
    .await;
    occupancy(&scene, 8, 1).await;
}

/// A scene with a short time for handshakes.
async fn hurried() -> Scene {
    let admission = format!("{NO_RATE}handshake_timeout = \"400ms\"");
    Scene::with(SceneOptions { admission, ..SceneOptions::default() }).await
}

/// That a connection which began at `begun` ended at its deadline, and is on record for it.
async fn ended_in_time(scene: &Scene, from: &str, begun: Instant) {
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(350), "{from} was ended after {took:?}");
    assert!(took < AT_ONCE, "{from} was ended only after {took:?}");
    let line = record(scene, from.parse().unwrap(), "handshake_timeout").await;
    assert_eq!(line["tsmgate.stage"], "handshake");
}

/// R17: silence after accept, in the middle of the ClientHello, and before the certificate, all end at
/// the deadline
#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let scene = hurried().await;
    for (number, flights) in [(0, "none"), (1, "half"), (2, "one")] {
        let from = source(number);
        let begun = Instant::now();
        let mut wire = Wire::connect(&scene.peer("jump01").from(&from)).await;
        let hello = wire.outgoing();
        match flights {
            "half" => wire.tcp.write_all(&hello[..hello.len() / 2]).await.unwrap(),
            "one" => wire.tcp.write_all(&hello).await.unwrap(),
            _ => {}
        }
        let heard = to_the_end(&mut wire.tcp).await;
        assert_eq!(heard.is_empty(), flights != "one");
        ended_in_time(&scene, &from, begun).await;
    }
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// R17: a handshake that trickles in byte by byte ends at the deadline, counted from accept: no byte
/// renews it
#[tokio::test]
async fn a_trickling_handshake_ends_at_the_deadline() {
    let scene = hurried().await;
    let from = source(0);
    let begun = Instant::now();
    let mut wire = Wire::connect(&scene.peer("jump01").from(&from)).await;
    let hello = wire.outgoing();
    let mut sent = 0;
    for byte in &hello {
        if wire.tcp.write_all(&[*byte]).await.is_err() {
            break;
        }
        sent += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(sent < hello.len(), "the whole ClientHello was taken");
    ended_in_time(&scene, &from, begun).await;
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// R17: the same within the encrypted part: a client that trickles its certificate
#[tokio::test]
async fn a_trickling_certificate_ends_at_the_deadline() {
    let scene = hurried().await;
    let from = source(0);
    let begun = Instant::now();
    let mut wire = Wire::connect(&scene.peer("jump01").from(&from)).await;
    wire.flush().await.unwrap();
    while wire.tls.is_handshaking() {
        wire.take().await.unwrap();
    }
    let last = wire.outgoing();
    for byte in &last {
        if wire.tcp.write_all(&[*byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ended_in_time(&scene, &from, begun).await;
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// R7, R41: whoever is refused in the handshake is on record as who he is before he takes his leave,
/// also where he is evicted then
#[tokio::test]
async fn a_refusal_is_recorded_before_the_farewell() {
    let scene = scene(1, 1).await;
    let from = source(0);
    let identity = scene.authority.client("stranger");
    let refused = scene.peer_with(Some(&identity)).from(&from);
    // he does not read his alert, and does not close
    let _kept = refused.connect().await.unwrap();
    let line = record(&scene, refused.from.unwrap(), "client_unknown").await;
    assert_eq!(line["tls.client.x509.serial_number"], identity.serial.as_str());
    let _newer = connect(&scene, &source(1)).await;
    scene.peer("jump01").from(&source(2)).cookie().await;
    let evicted: Vec<_> = scene
        .records("refused")
        .into_iter()
        .filter(|line| line["source.ip"] == from.as_str())
        .map(|line| line["event.reason"].clone())
        .collect();
    assert_eq!(evicted, ["client_unknown"]);
}
