//! A network that loses, resets and parts, between a gate and a client in namespaces of their own.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::program::{have, texts};
use tests::{Scene, SceneOptions, wait};
use tsmsim::Behaviour;

use crate::stage::{gate, login, logins, stage, tsmgate};

const GATE: &str = "10.77.0.1";
const CLIENT: &str = "10.77.0.2";
const PORT: &str = "10.77.0.1:18850";

/// Two hosts with a wire between them; they go when it is dropped.
struct Hosts {
    gate: String,
    client: String,
}

impl Hosts {
    /// None where this cannot be had here.
    fn make() -> Option<Self> {
        let tools = have("ip", "iproute2") && have("iptables", "iptables");
        if !tools || !nix::unistd::geteuid().is_root() {
            assert!(std::env::var_os("REQUIRE_ALL").is_none(), "network namespaces need root");
            eprintln!("LEFT OUT: network namespaces need root");
            return None;
        }
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let id = format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let hosts = Self { gate: format!("tsmgate-g{id}"), client: format!("tsmgate-c{id}") };
        for name in [&hosts.gate, &hosts.client] {
            ip(&["netns", "add", name]);
            ip(&["-n", name, "link", "set", "lo", "up"]);
        }
        let peer = ["type", "veth", "peer", "name", "wire", "netns", &hosts.client];
        ip(&[&["link", "add", "wire", "netns", &hosts.gate], &peer[..]].concat());
        for (name, address) in [(&hosts.gate, GATE), (&hosts.client, CLIENT)] {
            ip(&["-n", name, "address", "add", &format!("{address}/24"), "dev", "wire"]);
            ip(&["-n", name, "link", "set", "wire", "up"]);
        }
        Some(hosts)
    }

    /// What to put in front of a program that is to run on the gate's host.
    fn on_gate(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.gate]
    }

    /// The same for the client's.
    fn on_client(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.client]
    }

    /// From now on this happens to packets that arrive, at both.
    fn fault(&self, rule: &str) {
        for front in [self.on_gate(), self.on_client()] {
            let words = rule.split_whitespace();
            run(Command::new(front[0])
                .args(&front[1..])
                .args(["iptables", "-A", "INPUT"])
                .args(words));
        }
    }

    /// All is well again.
    fn heal(&self) {
        for front in [self.on_gate(), self.on_client()] {
            run(Command::new(front[0]).args(&front[1..]).args(["iptables", "-F", "INPUT"]));
        }
    }

    /// How many TCP connections the gate has.
    fn connections(&self) -> usize {
        let front = self.on_gate();
        let mut command = Command::new(front[0]);
        let output = command.args(&front[1..]).args(["cat", "/proc/net/tcp"]).output().unwrap();
        assert!(output.status.success(), "{:?}", texts(&output));
        // the fourth column: 0A listens, 06 is only remembered by the kernel
        let open = |line: &&str| {
            let state = line.split_whitespace().nth(3);
            state.is_some_and(|state| !["st", "0A", "06"].contains(&state))
        };
        texts(&output).0.lines().filter(open).count()
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in [&self.gate, &self.client] {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

/// How many sockets a process has.
fn sockets(pid: u32) -> usize {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let target = |fd: std::fs::DirEntry| std::fs::read_link(fd.path()).unwrap_or_default();
    open.map(target).filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

fn ip(words: &[&str]) {
    run(Command::new("ip").args(words));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {:?}", texts(&output));
}

async fn scene() -> Scene {
    stage(SceneOptions {
        listen: format!("address = \"{PORT}\""),
        allow: format!("[\"{CLIENT}\"]"),
        // so that a test sees the end of what a partition left behind
        login: "idle = \"3s\"\nlifetime = \"10s\"".to_owned(),
        ..SceneOptions::default()
    })
    .await
}

/// Whether a login says no more than it can know where the network is to blame: that it is done, that the gate
/// cannot be reached, or that the connection was closed behind the handshake, as for a refusal without a word.
fn is_truthful(code: i32, said: &str) -> bool {
    matches!(code, 0 | 70) || code == 71 && said.contains("closed right after the handshake")
}

/// R17: packets that are lost or answered by a reset cost calls and time, but no record, no place and no
/// later call; a client says no more than it can know
#[tokio::test(flavor = "multi_thread")]
async fn loss_and_resets_cost_the_calls_that_they_hit() {
    let Some(hosts) = Hosts::make() else { return };
    let scene = scene().await;
    let mut gated = gate(&scene, &hosts.on_gate());
    let mut cookies = 0;
    for (number, rule) in [
        "-p tcp -m statistic --mode random --probability 0.12 -j DROP",
        "-p tcp -m statistic --mode random --probability 0.06 -j REJECT --reject-with tcp-reset",
        // only what carries data: the connection is made, and breaks in the handshake or behind it
        "-p tcp --tcp-flags PSH PSH -m statistic --mode nth --every 3 --packet 2 -j REJECT --reject-with tcp-reset",
    ]
    .into_iter()
    .enumerate()
    {
        hosts.fault(rule);
        let mut ended = Vec::new();
        std::thread::scope(|scope| {
            let one = |which| {
                let (scene, hosts) = (&scene, &hosts);
                scope.spawn(move || login(scene, PORT, &hosts.on_client(), &format!("{number}-{which}")))
            };
            let callers: Vec<_> = (0..8).map(one).collect();
            ended.extend(callers.into_iter().map(|caller| caller.join().unwrap()));
        });
        hosts.heal();
        // what is lost is sent again: that costs time, and seldom a call
        let done = ended.iter().filter(|(code, _)| *code == 0).count();
        assert!(!rule.ends_with("DROP") || done > 0, "{rule}: {ended:?}");
        for (which, (code, said)) in ended.iter().enumerate() {
            assert!(is_truthful(*code, said), "{rule}: {code}: {said}");
            let file = scene.path(&format!("out/{number}-{which}"));
            assert_eq!(file.exists(), *code == 0, "{rule}: {said}");
            if *code == 0 {
                let cookie = std::fs::read_to_string(file).unwrap();
                assert!(scene.tsm.cookies().iter().any(|given| given == cookie.trim()));
                cookies += 1;
            }
        }
        let (code, said) = login(&scene, PORT, &hosts.on_client(), "after");
        assert_eq!(code, 0, "{rule}: the network is well again: {said}");
        cookies += 1;
    }
    wait::until("no connection at the gate", || async { (hosts.connections() == 0).then_some(()) })
        .await;
    gated.signal(Signal::SIGTERM);
    assert_eq!(gated.wait(), Some(0));
    let logins = logins(&scene);
    assert_eq!(logins.intents, logins.outcomes, "{logins:?}");
    assert!(logins.granted >= cookies, "{cookies} cookies came, {logins:?}");
}

/// R18, R19, R36: a network that parts in the middle of a call: the client gives up in its own time and says so,
/// the gate's place is free in its own, what left TSM is on record, and both go on when it heals
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_in_the_middle_of_a_call_ends_on_both_sides() {
    let Some(hosts) = Hosts::make() else { return };
    let scene = scene().await;
    let mut gated = gate(&scene, &hosts.on_gate());
    let before = sockets(gated.pid());
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_secs(1)));
    let arguments = ["login", "--format", "value", "--output", "cut", "--timeout", "3s"];
    let caller = tsmgate(&scene, PORT, &hosts.on_client(), &arguments).spawn().unwrap();
    scene.tsm.wait_until(wait::PATIENCE, |counts| counts.calls == 1).await.unwrap();
    hosts.fault("-j DROP");
    let begun = Instant::now();
    let output = caller.wait_with_output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(output.status.code(), Some(70), "{:?}", texts(&output));
    assert!(!scene.path("out/cut").exists());
    // nobody at the other end ever says a word again: the gate ends it by itself
    wait::until("the place of the lost connection", || async {
        (sockets(gated.pid()) == before).then_some(())
    })
    .await;
    hosts.heal();
    let (code, said) = login(&scene, PORT, &hosts.on_client(), "after");
    assert_eq!(code, 0, "{said}");
    gated.signal(Signal::SIGTERM);
    assert_eq!(gated.wait(), Some(0));
    let logins = logins(&scene);
    assert_eq!((logins.intents, logins.outcomes), (2, 2));
    assert_eq!(scene.tsm.counts().calls, 2);
}
