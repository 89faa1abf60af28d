//! Out of descriptors: the program waits, says so once a second at most, and goes on by itself.

use std::process::Command;
use std::time::{Duration, Instant};

use tests::peer::within;
use tests::program::{Gated, have};
use tests::{Peer, Scene, SceneOptions, wait};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tsmgate_wire::Answer;

use crate::stage::{self, PLAIN, config, peer, proc, run, stage};

/// How long the program is watched while it has no descriptor.
const WATCHED: Duration = Duration::from_secs(3);
const COMPLAINT: &str = "cannot accept connections";

/// Sets the soft limit of open files of a running process.
fn limit(gated: &Gated, files: usize) {
    let pid = format!("--pid={}", gated.pid());
    let status = Command::new("prlimit").args([&pid, &format!("--nofile={files}:")]).status();
    assert!(status.unwrap().success());
}

fn open_files(gated: &Gated) -> usize {
    stage::open_files(gated).unwrap()
}

/// Processor time used so far, in ticks of 10 ms.
fn ticks(gated: &Gated) -> u64 {
    let stat = proc(gated.pid(), "stat");
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

fn complaints(gated: &Gated) -> usize {
    gated.log().iter().filter(|line| line.contains(COMPLAINT)).count()
}

/// One a second since then, and one at each end.
fn most_complaints(begun: Instant) -> usize {
    usize::try_from(begun.elapsed().as_secs()).unwrap() + 2
}

/// Connections that say nothing, from one address each.
async fn silent(gate: &Peer, count: usize) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for number in 0..count {
        let from = format!("127.0.2.{}", number % 250 + 1);
        streams.push(within(gate.clone().from(&from).tcp()).await.unwrap().unwrap());
    }
    streams
}

async fn patient() -> Scene {
    let defaults = SceneOptions::default();
    let admission = format!("{}\nhandshake_timeout = \"60s\"", defaults.admission);
    stage(SceneOptions { admission, ..defaults }).await
}

/// With room again an honest login works, by itself.
async fn serves_again(gated: &Gated, client: &Peer) {
    limit(gated, 1000);
    wait::until("a cookie", || async {
        let attempt = timeout(Duration::from_secs(2), client.login()).await;
        matches!(attempt, Ok(Ok(Answer::Granted(_)))).then_some(())
    })
    .await;
}

/// R27: below its limit it neither spins nor fills the log, and serves again once it may
#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_it_waits_and_recovers() {
    if !have("prlimit", "util-linux") {
        return;
    }
    let scene = patient().await;
    let gated = run(&scene);
    let client = peer(&scene, &gated, "jump01");
    client.cookie().await;
    let _held = silent(&client, 30).await;
    wait::until("the connections", || async { (open_files(&gated) > 30).then_some(()) }).await;

    limit(&gated, 20);
    let _waiting = silent(&client, 30).await;
    gated.line_with(COMPLAINT);
    let (begun, used, said) = (Instant::now(), ticks(&gated), complaints(&gated));
    while begun.elapsed() < WATCHED {
        let attempt = timeout(Duration::from_millis(300), client.login()).await;
        assert!(!matches!(attempt, Ok(Ok(_))), "a login without a descriptor");
    }
    let (used, said) = (ticks(&gated) - used, complaints(&gated) - said);
    assert!(used <= 50, "{used} ticks of processor time in {:?}", begun.elapsed());
    assert!(said <= most_complaints(begun), "{said} complaints in {:?}", begun.elapsed());

    serves_again(&gated, &client).await;
}

/// R27: connections that come and go right at the limit cannot fill the log either
#[tokio::test(flavor = "multi_thread")]
async fn coming_and_going_at_the_limit_does_not_fill_the_log() {
    if !have("prlimit", "util-linux") {
        return;
    }
    let scene = patient().await;
    let gated = run(&scene);
    let client = peer(&scene, &gated, "jump01");
    client.cookie().await;
    let _held = silent(&client, 5).await;
    wait::until("the connections", || async { (open_files(&gated) > 12).then_some(()) }).await;
    // two of the many below find a descriptor, the others meet the limit
    limit(&gated, open_files(&gated) + 2);
    let begun = Instant::now();
    let end = begun + WATCHED;
    let visitors: Vec<_> = (1..=12)
        .map(|number| {
            let visitor = client.clone().from(&format!("127.0.3.{number}"));
            tokio::spawn(async move {
                while Instant::now() < end {
                    let _ = timeout(Duration::from_millis(20), visitor.login()).await;
                }
            })
        })
        .collect();
    for visitor in visitors {
        visitor.await.unwrap();
    }
    let said = complaints(&gated);
    let most = most_complaints(begun);
    assert!((1..=most).contains(&said), "{said} complaints in {:?}", begun.elapsed());
    serves_again(&gated, &client).await;
}

/// R27: with a low limit it takes fewer connections and says so; TSM and files keep their share
#[tokio::test(flavor = "multi_thread")]
async fn a_low_limit_means_fewer_connections_and_honest_service() {
    if !have("prlimit", "util-linux") {
        return;
    }
    let scene = patient().await;
    let gated = Gated::start(&config(&scene), &["prlimit", "--nofile=200:200"], &[]);
    let line = gated.line_with("the limit of open files is lower");
    assert!(line.contains("WARN") && line.contains("(200)"), "{line}");
    let client = peer(&scene, &gated, "jump01");
    let _silent = silent(&client, 400).await;
    let mut open = Vec::new();
    for number in 1..=40 {
        open.push(client.clone().from(&format!("127.0.4.{number}")).connect().await.unwrap());
    }
    client.cookie().await;
    assert!(open_files(&gated) < 200);
    assert_eq!(complaints(&gated), 0);
}

/// R27: a limit that serves nobody is refused, with the number that is needed
#[tokio::test]
async fn a_limit_that_serves_nobody_is_refused() {
    if !have("prlimit", "util-linux") {
        return;
    }
    let scene = patient().await;
    let (status, log) = Gated::start(&config(&scene), &["prlimit", "--nofile=40:40"], &[]).end();
    assert_eq!(status.code(), Some(71), "{log:?}");
    let last = log.last().unwrap();
    assert!(last.contains("the limit of 40 open files is too low; 88 are needed"), "{last}");
    // a soft limit is raised as far as the hard one goes
    let gated = Gated::start(&config(&scene), &["prlimit", "--nofile=40:4096"], &[]);
    gated.line_with("listening");
    assert!(!gated.log().iter().any(|line| line.contains("open files")));
    drop(gated);
    Gated::start(&config(&scene), PLAIN, &[]).line_with("listening");
}
