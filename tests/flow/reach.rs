//! Getting to TSM at all: whose socket it is, whether somebody answers, how many may ask at once.

use std::sync::Arc;
use std::time::Duration;

use tests::peer::{call, cookie_of, timed};
use tests::{Scene, SceneOptions, wait};
use tokio::sync::Semaphore;
use tsmgate_gate::clock::Clock;
use tsmgate_gate::ledger::Ledger;
use tsmgate_gate::permission::{Permission, Role};
use tsmgate_gate::permit::{Caller, Permit, authorize};
use tsmgate_gate::policy::{Client, ClientLimits, DenyList, Identity, Leaf, Policy};
use tsmgate_gate::rate::Rate;
use tsmgate_gate::reason::Reason;
use tsmgate_server::backend::Backend;
use tsmgate_server::config::{LocalSocket, Tsm};
use tsmgate_wire::encode_call;
use tsmsim::Behaviour;

use crate::python;
use crate::support::{SOON, in_words, outcomes, phase};

/// R36: a TSM that is stopped or crashed is an exception in time, and works as soon as it is back
#[tokio::test]
async fn a_dead_tsm_is_told_and_comes_back_by_itself() {
    let scene = Scene::start().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    for crashed in [false, true] {
        if crashed {
            scene.tsm.crash().await
        } else {
            scene.tsm.stop().await
        }
        for _ in 0..3 {
            let (answer, time) = timed(call(&mut stream, 2)).await;
            assert_eq!(in_words(answer.unwrap()), "backend_unreachable");
            assert!(time < SOON, "{time:?}");
        }
        scene.tsm.restart().await.unwrap();
        cookie_of(call(&mut stream, 3).await.unwrap());
    }
    let dead = ["backend_unreachable"; 3];
    let expected = [&["success"], &dead[..], &["success"], &dead, &["success"]].concat();
    assert_eq!(outcomes(&scene), expected);
    assert_eq!(scene.tsm.counts().connections, 3);
    scene.verify();
}

/// R36: a TSM that restarts under load costs the calls of that moment and no other
#[tokio::test]
async fn a_restart_under_load_costs_only_calls_of_that_moment() {
    let scene = Scene::start().await;
    let peer = scene.peer("jump01");
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let peer = peer.clone();
            tokio::spawn(async move {
                let mut stream = peer.connect().await.unwrap();
                let mut answers = Vec::new();
                for sequence in 0..20 {
                    answers.push(in_words(call(&mut stream, sequence).await.unwrap()));
                }
                answers
            })
        })
        .collect();
    for served in [5, 10] {
        scene.tsm.wait_until(wait::PATIENCE, |counts| counts.answers >= served).await.unwrap();
        scene.tsm.restart().await.unwrap();
    }
    for caller in callers {
        let answers = caller.await.unwrap();
        let known = ["granted", "backend_unreachable", "backend_garbage"];
        assert!(answers.iter().all(|answer| known.contains(&answer.as_str())), "{answers:?}");
        assert!(answers.iter().any(|answer| answer == "granted"), "{answers:?}");
    }
    peer.cookie().await;
    assert_eq!(phase(&scene, "intent").len(), 81);
    assert_eq!(outcomes(&scene).len(), 81);
}

/// R36: a TSM that listens and accepts nothing, its queue full, is an exception in time
#[tokio::test]
async fn a_full_queue_at_tsm_is_an_exception() {
    let scene = Scene::with(SceneOptions { tsm_running: false, ..SceneOptions::default() }).await;
    let Some(listener) = python::run(
        &scene,
        "import socket, sys\n\
         s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0)\n\
         waiting = []\n\
         while True:\n\
         \x20   c = socket.socket(socket.AF_UNIX); c.setblocking(False)\n\
         \x20   try: c.connect(sys.argv[1]); waiting.append(c)\n\
         \x20   except BlockingIOError: break\n\
         print('ready', flush=True); sys.stdin.read()\n",
    ) else {
        return;
    };
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    let (answer, time) = timed(call(&mut stream, 1)).await;
    assert_eq!(in_words(answer.unwrap()), "backend_unreachable");
    assert!(time < SOON, "{time:?}");
    assert_eq!(outcomes(&scene), ["backend_unreachable"]);
    drop(listener);
    scene.tsm.restart().await.unwrap();
    cookie_of(call(&mut stream, 2).await.unwrap());
}

/// R36: a dead TSM is tried so many times a second; a call beyond that is refused without a try
#[tokio::test]
async fn a_dead_tsm_is_tried_so_often_and_no_more() {
    let scene = Scene::with(SceneOptions { tsm_running: false, ..SceneOptions::default() }).await;
    let (clock, hand) = Clock::by_hand();
    let tsm = Tsm {
        login: LocalSocket {
            path: scene.path("tsm/login"),
            owners: vec![0],
            owner_groups: vec![0],
        },
        runner: None,
        connections: 8,
        api: None,
    };
    let backend = Backend::new(Arc::new(Semaphore::new(tsm.connections)), &clock);
    // the first finds out, ten more are the burst
    for _ in 0..11 {
        assert_eq!(
            backend.login(&tsm, Duration::from_secs(5), permit()).await.unwrap_err(),
            Reason::BackendUnreachable
        );
    }
    scene.tsm.restart().await.unwrap();
    for _ in 0..100 {
        assert_eq!(
            backend.login(&tsm, Duration::from_secs(5), permit()).await.unwrap_err(),
            Reason::BackendUnreachable
        );
    }
    scene.nothing_reached_tsm();
    hand.advance(Duration::from_millis(100));
    backend.login(&tsm, Duration::from_secs(5), permit()).await.unwrap();
    // and once it answers, nothing is counted any more
    for _ in 0..20 {
        backend.login(&tsm, Duration::from_secs(5), permit()).await.unwrap();
    }
    assert_eq!(scene.tsm.counts().connections, 21);
}

fn permit() -> Permit {
    let identity = "tsmgate://client/jump01".to_owned();
    let roles = Role::built_in().into_iter().filter(|role| role.name() == "login");
    let client = Client {
        name: "jump01".into(),
        identity: Identity::Uri(identity.clone()),
        networks: None,
        roles: roles.map(Arc::new).collect(),
        limits: ClientLimits {
            logins: Rate::new(1, 1).unwrap(),
            requests: Rate::new(1, 1).unwrap(),
            commands: Rate::new(1, 1).unwrap(),
            in_flight: 1,
        },
    };
    let leaf = Leaf {
        serial: "1".into(),
        fingerprint: [1; 32],
        public_key: [2; 32],
        uris: vec![identity],
        dns: Vec::new(),
        not_after: i64::MAX,
    };
    let here = std::iter::once("127.0.0.0/8".parse().unwrap()).collect();
    let none = std::iter::empty().collect();
    let policy = Policy::new(here, none, vec![client], DenyList::default(), true);
    let address = "127.0.0.1".parse().unwrap();
    let caller = Caller::identify(&policy, Arc::new(leaf), address).unwrap();
    authorize(&policy, &Ledger::new(Clock::monotonic()), &caller, Permission::login()).unwrap()
}

/// R38: so many calls are at TSM at once; those that get their turn within a second are served
#[tokio::test]
async fn calls_wait_for_their_turn_at_tsm() {
    let scene =
        Scene::with(SceneOptions { tsm: "connections = 2".into(), ..SceneOptions::default() })
            .await;
    scene.tsm.behave(Behaviour::Delay(Duration::from_millis(200)));
    let peer = scene.peer("jump01");
    let callers: Vec<_> = (0..6)
        .map(|_| {
            let peer = peer.clone();
            tokio::spawn(async move { in_words(peer.login().await.unwrap()) })
        })
        .collect();
    let mut most = 0;
    let served = scene.tsm.wait_until(wait::PATIENCE, |counts| {
        most = most.max(counts.open);
        counts.answers == 6
    });
    served.await.unwrap();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "granted");
    }
    assert_eq!(most, 2, "{most} connections were open at TSM");
    assert_eq!(outcomes(&scene), ["success"; 6]);
}

/// R38: a call that does not get its turn within a second is told that TSM is busy, and is not made
#[tokio::test]
async fn a_call_without_a_turn_is_told_so() {
    let tsm = "connections = 2".to_owned();
    let scene = Scene::with(SceneOptions { tsm, ..SceneOptions::default() }).await;
    scene.tsm.behave(Behaviour::Delay(SOON));
    let peer = scene.peer("jump01");
    let holders: Vec<_> = (0..2)
        .map(|_| {
            let peer = peer.clone();
            tokio::spawn(async move { in_words(peer.login().await.unwrap()) })
        })
        .collect();
    crate::support::calls_at_tsm(&scene, 2).await;
    let mut stream = peer.connect().await.unwrap();
    let (answer, time) = timed(call(&mut stream, 1)).await;
    assert_eq!(in_words(answer.unwrap()), "backend_busy");
    assert!(time > Duration::from_millis(900) && time < SOON, "{time:?}");
    assert_eq!(scene.tsm.counts().connections, 2);
    for holder in holders {
        assert_eq!(holder.await.unwrap(), "granted");
    }
    scene.tsm.behave(Behaviour::Honest);
    cookie_of(call(&mut stream, 2).await.unwrap());
    assert_eq!(outcomes(&scene), ["backend_busy", "success", "success", "success"]);
}

/// R35: what is at TSM's path and is not a socket itself is not spoken to, and the call is on record
#[tokio::test]
async fn what_is_not_a_socket_is_not_spoken_to() {
    use std::os::unix::fs::symlink;
    let scene = Scene::start().await;
    let (path, aside) = (scene.path("tsm/login"), scene.path("tsm/aside"));
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    std::fs::rename(&path, &aside).unwrap();
    let replacements: [(&str, &dyn Fn()); 4] = [
        ("a symlink to the socket", &|| symlink(&aside, &path).unwrap()),
        ("a relative symlink", &|| symlink("aside", &path).unwrap()),
        ("a file", &|| std::fs::write(&path, "").unwrap()),
        ("a dangling symlink", &|| symlink("nowhere", &path).unwrap()),
    ];
    for (what, replace) in replacements {
        replace();
        let answer = in_words(call(&mut stream, 1).await.unwrap());
        assert_eq!(answer, "backend_untrusted", "{what}");
        std::fs::remove_file(&path).unwrap();
    }
    std::fs::create_dir(&path).unwrap();
    assert_eq!(in_words(call(&mut stream, 1).await.unwrap()), "backend_untrusted");
    std::fs::remove_dir(&path).unwrap();
    assert_eq!(outcomes(&scene), ["backend_untrusted"; 5]);
    scene.nothing_reached_tsm();
    std::fs::rename(&aside, &path).unwrap();
    cookie_of(call(&mut stream, 2).await.unwrap());
}

/// R35: a socket in a folder that others could change is not spoken to
#[tokio::test]
async fn a_socket_in_a_folder_of_others_is_not_spoken_to() {
    use std::os::unix::fs::{PermissionsExt, chown};
    let scene = Scene::start().await;
    let folder = scene.path("tsm");
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    let mut expected = Vec::new();
    for (what, mode, uid, gid, trusted) in [
        ("writable by all", 0o777, 0, 0, false),
        ("writable by all, sticky", 0o1777, 0, 0, false),
        ("writable by a foreign group", 0o775, 0, 65534, false),
        ("of a foreign owner", 0o755, 65534, 0, false),
        ("writable by root's group", 0o775, 0, 0, true),
        ("readable by a foreign group", 0o755, 0, 65534, true),
        ("root's alone", 0o700, 0, 0, true),
    ] {
        chown(&folder, Some(uid), Some(gid)).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
        let before = scene.tsm.counts().connections;
        let answer = in_words(call(&mut stream, 1).await.unwrap());
        assert_eq!(answer, if trusted { "granted" } else { "backend_untrusted" }, "{what}");
        assert_eq!(scene.tsm.counts().connections, before + u64::from(trusted), "{what}");
        expected.push(if trusted { "success" } else { "backend_untrusted" });
    }
    assert_eq!(outcomes(&scene), expected);
}

/// R35: a socket that a process of another user listens on gets not one byte
#[tokio::test]
async fn a_process_of_another_user_gets_nothing() {
    let scene = Scene::with(SceneOptions { tsm_running: false, ..SceneOptions::default() }).await;
    // the kernel keeps the user that listened
    let Some(impostor) = python::run(
        &scene,
        "import os, socket, sys\n\
         s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])\n\
         os.setgroups([]); os.setgid(65534); os.setuid(65534); s.listen(5)\n\
         print('ready', flush=True)\n\
         c, _ = s.accept(); print('received', len(c.recv(100)), flush=True)\n",
    ) else {
        return;
    };
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    assert_eq!(in_words(call(&mut stream, 1).await.unwrap()), "backend_untrusted");
    assert_eq!(impostor.line(), "received 0");
    assert_eq!(outcomes(&scene), ["backend_untrusted"]);
    drop(impostor);
    scene.tsm.restart().await.unwrap();
    cookie_of(call(&mut stream, 2).await.unwrap());
    assert_eq!(scene.tsm.connections()[0].received, encode_call(1));
}
