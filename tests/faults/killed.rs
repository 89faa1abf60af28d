//! kill -9 of the gate, the runner and the client's program, at moments of chance, while all lanes are in use.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use tests::http::Http;
use tests::peer::{call, cookie_of};
use tests::program::texts;
use tests::runner::{Runner, RunnerOptions};
use tests::{Peer, SceneOptions, wait};
use tokio::task::JoinSet;
use tsmsim::Behaviour;

use crate::stage::{gate, holding, logins, stage, tsmgate};

/// In the short form.
const ROUNDS: u64 = 6;
const CALLERS: u64 = 4;
/// The vendor's program: it reads the file that it is given. It does not call TSM, whose calls are counted.
const TSM: &str = "for last; do :; done; cat \"$last\" >/dev/null; echo done";
/// What the client's program is killed in the middle of.
const LOGIN: [&str; 5] = ["login", "--format", "value", "--output", "jar"];

/// The rounds that are asked for.
fn rounds() -> u64 {
    std::env::var("FAULTS_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap())
}

/// Numbers of chance, the same for the same seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let seed = std::env::var("FAULTS_SEED")
            .map_or(now.subsec_nanos().into(), |seed| seed.parse().unwrap());
        eprintln!("FAULTS_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Logs in until somebody is killed.
async fn log_in(peer: Peer, over: Arc<AtomicBool>, cookies: Arc<AtomicU64>) {
    while !over.load(Ordering::Relaxed) {
        let Ok(mut stream) = peer.connect().await else { continue };
        for sequence in 0..20 {
            let Ok(answer) = call(&mut stream, sequence).await else { break };
            cookie_of(answer);
            cookies.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Asks TSM's API until then.
async fn ask(peer: Peer, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        let Ok(mut http) = Http::open(&peer).await else { continue };
        while let Ok(answer) = http.get("/api/0.5/status").await {
            if over.load(Ordering::Relaxed) || answer.status != 200 {
                break;
            }
        }
    }
}

/// Has a command run with a file, again and again, until then.
fn command(mut tsmgate: Command, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let output = tsmgate.output().unwrap();
        let (_, said) = texts(&output);
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// R39, R41, R42, R56a: whoever is killed, at any moment, under all lanes: each call that TSM saw is on record, no
/// cookie came that is not, the chain goes on, and no secret lies about
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_nothing_is_unrecorded_and_nothing_secret_left() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = format!("address = \"{port}\"");
    let roles = "[\"admin\", \"tls-admin\", \"login\"]";
    let scene = stage(SceneOptions { listen, ..SceneOptions::commands(roles) }).await;
    let gate_at = port.to_string();
    let mark = scene.authority.pem();
    scene.write("out/cert.pem", &mark, 0o644);
    scene.tsm.behave(Behaviour::Delay(Duration::from_millis(2)));
    let mut runner = Runner::start(&scene, &RunnerOptions::script(&scene, TSM));
    let mut gated = gate(&scene, &[]);
    let identity = scene.authority.client("jump01");
    let peer = Peer::new(port, &scene.authority.pem(), Some(&identity));
    let cookies = Arc::new(AtomicU64::new(0));
    let mut chance = Chance::new();
    for round in 0..rounds() {
        let over = Arc::new(AtomicBool::new(false));
        let mut load = JoinSet::new();
        for _ in 0..CALLERS {
            load.spawn(log_in(peer.clone(), Arc::clone(&over), Arc::clone(&cookies)));
        }
        load.spawn(ask(peer.clone(), Arc::clone(&over)));
        let words = ["security", "custom-cert", "add", "--cert-file", "cert.pem"];
        let words = tsmgate(&scene, &gate_at, &[], &words);
        let commander = Arc::clone(&over);
        let commander = std::thread::spawn(move || command(words, &commander));
        let mut client = tsmgate(&scene, &gate_at, &[], &LOGIN).spawn().unwrap();

        let moment = scene.tsm.counts().calls + 1 + chance.below(60);
        scene.tsm.wait_until(wait::PATIENCE, |counts| counts.calls >= moment).await.unwrap();
        match round % 3 {
            0 => {
                gated.signal(Signal::SIGKILL);
                assert_eq!(gated.wait(), None);
            }
            1 => {
                runner.signal(Signal::SIGKILL);
                assert_eq!(runner.wait(), None);
            }
            _ => client.kill().unwrap(),
        }
        over.store(true, Ordering::Relaxed);
        while let Some(ended) = load.join_next().await {
            ended.unwrap();
        }
        client.wait().unwrap();
        commander.join().unwrap();
        match round % 3 {
            0 => gated = gate(&scene, &[]),
            1 => runner = Runner::again(runner.config().to_owned()),
            _ => {}
        }
    }
    // what was left by who was killed is gone when the same has been done once more
    let output = tsmgate(&scene, &gate_at, &[], &LOGIN).output().unwrap();
    assert!(output.status.success(), "{:?}", texts(&output));
    runner.signal(Signal::SIGTERM);
    runner.wait();
    gated.signal(Signal::SIGTERM);
    assert_eq!(gated.wait(), Some(0));

    let logins = logins(&scene);
    let came = cookies.load(Ordering::Relaxed);
    assert!(came > 0 && logins.granted >= came, "{came} cookies came, {logins:?}");
    let (killed, lanes) = (rounds().div_ceil(3), CALLERS + 2);
    assert!(logins.intents - logins.outcomes <= killed * lanes, "{logins:?}");
    let cookies = scene.tsm.cookies();
    assert_eq!(holding(&scene.path("out"), &cookies), [scene.path("out/jar")]);
    assert!(holding(&scene.path("log"), &cookies).is_empty());
    assert!(holding(&scene.path("runner"), &cookies).is_empty());
    assert!(holding(&scene.path("runner"), &[mark]).is_empty(), "a file that went along");
}
