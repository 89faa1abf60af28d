//! The record of commands: without it nothing is run, it has each beginning and end once whatever restarts, and
//! nothing that is secret is in it, nor anywhere else.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use data_encoding::BASE64;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::http::Http;
use tests::program::Gated;
use tests::{Authority, Peer, Runner, RunnerOptions, Scene, wait};

use crate::command_support::{
    ended, file, go, lane, order, output, said, start, started, told, until, until_go,
};

const DISABLE: &str = "security external-ssl disable";
const LIST: &str = "security external-ssl list";

/// How many records of a command there are of each kind.
fn of_it(scene: &Scene, id: &str) -> (usize, usize) {
    let count = |action| {
        let all = scene.records(action).into_iter();
        all.filter(|record| record["tsmgate.command.id"] == id).count()
    };
    (count("command-started"), count("command-ended"))
}

/// What the runner keeps of each command in a file of that name.
fn kept(scene: &Scene, name: &str) -> Vec<String> {
    let tasks = std::fs::read_dir(scene.path("runner/state/tasks")).unwrap().flatten();
    tasks.filter_map(|task| std::fs::read_to_string(task.path().join(name)).ok()).collect()
}

/// Waits until the runner knows of all that it is on record.
async fn acknowledged(scene: &Scene) {
    wait::until("no notice left at the runner", || async {
        let kept = kept(scene, "task.json");
        kept.iter().all(|text| text.contains("\"notices\":[]")).then_some(())
    })
    .await;
}

/// R42: what cannot be recorded is not run, shown, cancelled or streamed: the runner hears nothing of it; and what
/// ended meanwhile is recorded when that can be again
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_does_not_happen() {
    let scene = Scene::with(lane("[\"tls-admin\"]", "")).await;
    let text = format!("echo begun; {}", until_go(&scene));
    let runner = Runner::start(&scene, &RunnerOptions::script(&scene, &text));
    let peer = scene.peer("jump01");
    let id = started(&peer, &order(DISABLE, &[])).await;
    until(&peer, &id, "running").await;
    wait::until("the beginning on record", || async {
        (of_it(&scene, &id) == (1, 0)).then_some(())
    })
    .await;
    said(&runner, "INFO started").await;
    std::fs::rename(scene.path("log"), scene.path("gone")).unwrap();
    let before = runner.log();
    let unavailable = (503, "audit_unavailable".to_owned());
    for command in [LIST, DISABLE] {
        let answer = start(&peer, &order(command, &[])).await;
        assert_eq!(told(&answer), unavailable, "{command}");
        assert_eq!(answer.field("retry-after"), Some("5"));
    }
    for (method, what) in [("GET", ""), ("GET", "/output"), ("POST", "/cancel")] {
        let mut http = Http::open(&peer).await.unwrap();
        let path = format!("/v1/commands/{id}{what}");
        assert_eq!(told(&http.ask(method, &path, "", b"").await.unwrap()), unavailable, "{path}");
    }
    assert_eq!(runner.log(), before, "the runner heard of it");
    go(&scene);
    said(&runner, "INFO ended").await;
    std::fs::rename(scene.path("gone"), scene.path("log")).unwrap();
    let end = ended(&scene, &id).await;
    assert_eq!(
        (&end["process.exit_code"], &end["tsmgate.command.end"]),
        (&json!(0), &json!("success"))
    );
    assert_eq!(of_it(&scene, &id), (1, 1));
    assert!(scene.records("records-lost")[0]["tsmgate.count"].as_u64() >= Some(1));
    scene.verify();
}

/// R41: each beginning and each end is on record once, however often daemon and runner are restarted in between
#[tokio::test(flavor = "multi_thread")]
async fn each_end_is_recorded_once_over_restarts() {
    let mut scene = Scene::with(lane("[\"tls-admin\"]", "")).await;
    let text = format!("echo begun; {}", until_go(&scene));
    let mut runner = Runner::start(&scene, &RunnerOptions::script(&scene, &text));
    let first = started(&scene.peer("jump01"), &order(DISABLE, &[])).await;
    until(&scene.peer("jump01"), &first, "running").await;
    // it ends while no daemon runs, and the runner is another one when there is one again
    scene.stop().await;
    go(&scene);
    said(&runner, "INFO ended").await;
    runner.signal(Signal::SIGTERM);
    assert_eq!(runner.wait(), Some(0));
    let mut runner = Runner::again(runner.config().to_owned());
    scene.start_again().await;
    let end = ended(&scene, &first).await;
    assert_eq!((&end["event.outcome"], &end["process.exit_code"]), (&json!("success"), &json!(0)));
    let mut all = vec![first];
    for round in 0..3 {
        let peer = scene.peer("jump01");
        let id = started(&peer, &order(LIST, &[])).await;
        output(&peer, &id, 0).await;
        all.push(id);
        if round == 1 {
            // a daemon that ends between the record and its word to the runner records again
            acknowledged(&scene).await;
            scene.stop().await;
            scene.start_again().await;
        }
        runner.signal(Signal::SIGKILL);
        runner.wait();
        runner = Runner::again(runner.config().to_owned());
    }
    for id in &all {
        ended(&scene, id).await;
    }
    acknowledged(&scene).await;
    scene.stop().await;
    scene.start_again().await;
    let peer = scene.peer("jump01");
    let last = started(&peer, &order(LIST, &[])).await;
    ended(&scene, &last).await;
    all.push(last);
    for id in &all {
        assert_eq!(of_it(&scene, id), (1, 1), "{id}: {:?}", scene.records("command-ended"));
        let of_it = |action| {
            scene.records(action).into_iter().find(|one| one["tsmgate.command.id"] == **id)
        };
        let (begun, end) = (of_it("command-started").unwrap(), of_it("command-ended").unwrap());
        assert!(begun["tsmgate.command.notice"].as_u64() < end["tsmgate.command.notice"].as_u64());
    }
    scene.verify();
}

/// The metrics, from their Unix socket.
fn metrics(scene: &Scene) -> String {
    let mut stream = UnixStream::connect(scene.path("metrics.sock")).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// R39: a passphrase, a key, a certificate and TSM's cookie are in no log, however loud, no record, no metric, no
/// answer and no file that stays
#[tokio::test(flavor = "multi_thread")]
async fn what_is_secret_is_nowhere() {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let socket = folder.path().join("metrics.sock");
    let more = format!("[metrics]\nlisten = \"unix:{}\"\n", socket.display());
    let options = lane("[\"admin\"]", &more);
    let scene = Scene::prepare(folder, Authority::new("tests"), &options).await;
    let simulated = RunnerOptions::simulated(&scene);
    let runner = Runner::start(&scene, &simulated);
    let config = scene.path("tsmgated.toml");
    let loud = [("RUST_LOG", "trace"), ("TSMGATE_LOG", "trace")];
    let gated = Gated::start::<&str>(&config, &[], &loud);
    let identity = scene.authority.client("jump01");
    let peer = Peer::new(gated.address(), &scene.authority.pem(), Some(&identity));
    let own = Authority::new("what goes along");
    let secrets = ["passphrase-that-nobody-reads", "password-that-nobody-reads"];
    let mut enable = order("security external-ssl enable", &[("passphrase", Some(secrets[0]))]);
    let options = enable["options"].as_array_mut().unwrap();
    options.push(file("cert-file", "server.crt", own.pem().as_bytes()));
    options.push(file("key-file", "server.key", own.key_pem().as_bytes()));
    // what fails complains, perhaps of what it was given
    let mut bad = enable.clone();
    bad["options"][2]["file"]["content"] = json!(BASE64.encode(secrets[1].as_bytes()));
    let mut unknown = enable.clone();
    unknown["options"].as_array_mut().unwrap().push(json!({"name": "shell", "value": secrets[1]}));
    let values = [
        ("connection-type", Some("tabpy")),
        ("extsvc-host", Some("tabpy.example.com")),
        ("extsvc-port", Some("9004")),
        ("extsvc-password", Some(secrets[1])),
    ];
    let extsvc = order("security vizql-extsvc-ssl enable", &values);
    let orders =
        [enable, bad, unknown, extsvc, order("pending-changes list", &[]), order(LIST, &[])];
    let mut answers = String::new();
    for order in &orders {
        for path in ["/v1/commands/check", "/v1/commands"] {
            let mut http = Http::open(&peer).await.unwrap();
            let answer = http.ask("POST", path, "", order.to_string().as_bytes()).await.unwrap();
            answers += &format!("{answer:?}{}", String::from_utf8_lossy(&answer.body));
            if let Some(id) = answer.json()["id"].as_str() {
                let events = output(&peer, id, 0).await;
                answers += &Value::Array(events).to_string();
                let task = http.get(&format!("/v1/commands/{id}")).await.unwrap();
                answers += &String::from_utf8_lossy(&task.body);
            }
        }
    }
    let list = Http::open(&peer).await.unwrap().get("/v1/commands").await.unwrap();
    answers += &String::from_utf8_lossy(&list.body);
    wait::until("five ends on record", || async {
        (scene.records("command-ended").len() == 5).then_some(())
    })
    .await;
    let state = [kept(&scene, "task.json"), kept(&scene, "output.jsonl")].concat().concat();
    assert!(state.contains("external-ssl"), "{state}");
    assert!(std::fs::read_dir(scene.path("runner/state/work")).unwrap().next().is_none());
    let shown = metrics(&scene);
    assert!(shown.contains("command"), "{shown}");
    let audit = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    assert!(audit.contains("passphrase=hmac:"), "{audit}");
    let places = [
        ("the daemon's log", gated.log().join("\n")),
        ("the runner's log", runner.log().join("\n")),
        ("the record", audit),
        ("the metrics", shown),
        ("the answers", answers),
        ("what the runner keeps", state),
    ];
    let mut hidden: Vec<String> = secrets.map(str::to_owned).into();
    for text in [own.pem(), own.key_pem()] {
        hidden.extend(text.lines().filter(|line| !line.starts_with("-----")).map(str::to_owned));
        hidden.push(BASE64.encode(text.as_bytes())[8..72].to_owned());
    }
    hidden.extend(scene.tsm.cookies());
    assert!(hidden.len() > 10);
    for (place, text) in &places {
        for secret in hidden.iter().filter(|secret| secret.len() > 20) {
            assert!(!text.contains(secret.as_str()), "`{secret}` is in {place}");
        }
    }
}
