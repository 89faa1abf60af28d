//! What a caller may of commands is asked for each request and all along a stream, under what counts now.

use std::time::{Duration, Instant};

use tests::http::Http;
use tests::scene::entry;
use tests::{Runner, RunnerOptions, Scene, SceneOptions};

use crate::command_support::{
    Follow, ended, go, lane, order, output, role_of, said, start, started, task, told, until,
    until_go,
};

/// By then a reload counts.
const SOON: Duration = Duration::from_secs(2);
const DISABLE: &str = "security external-ssl disable";
const LIST: &str = "security external-ssl list";

/// A `tsm` that says so, and goes on until there is a file `go`; each run leaves a line in `ran`.
async fn stage(options: SceneOptions) -> (Scene, Runner) {
    let scene = Scene::with(options).await;
    let ran = scene.path("ran");
    let text = format!("echo \"$@\" >> {}; echo begun; {}", ran.display(), until_go(&scene));
    let runner = Runner::start(&scene, &RunnerOptions::script(&scene, &text));
    (scene, runner)
}

fn ran(scene: &Scene) -> usize {
    std::fs::read_to_string(scene.path("ran")).unwrap_or_default().lines().count()
}

async fn reload(scene: &Scene) {
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
}

/// R10, R65: a permission that is taken away while an output streams: it is cut within two seconds, visibly,
/// and what the caller asks for then names the permission; the command goes on, and others may end it
#[tokio::test(flavor = "multi_thread")]
async fn a_permission_taken_away_cuts_the_stream() {
    let more = role_of("boss", "commands.others");
    let (scene, _runner) = stage(lane("[\"tls-admin\"]", &more)).await;
    let peer = scene.peer("jump01");
    let id = started(&peer, &order(DISABLE, &[])).await;
    let mut follow = Follow::open(&peer, &id, 0).await;
    follow.line("begun").await;
    let mut boss = Follow::open(&scene.peer("boss"), &id, 0).await;
    boss.line("begun").await;
    scene.edit("roles = [\"tls-admin\"]", "roles = [\"monitor\"]");
    let since = Instant::now();
    reload(&scene).await;
    assert!(follow.rest().await.is_empty());
    assert!(!follow.whole, "it ended as if it were whole");
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    for (method, what) in [("GET", ""), ("GET", "/output"), ("POST", "/cancel")] {
        let path = format!("/v1/commands/{id}{what}");
        let mut http = Http::open(&peer).await.unwrap();
        let answer = http.ask(method, &path, "", b"").await.unwrap();
        assert_eq!(told(&answer), (403, "not_permitted".to_owned()), "{path}");
        assert_eq!(answer.json()["error"]["permission"], "security.external-ssl.disable");
    }
    let listed = Http::open(&peer).await.unwrap().get("/v1/commands").await.unwrap().json();
    assert_eq!(listed["commands"].as_array().unwrap().len(), 0);
    assert_eq!(told(&start(&peer, &order(DISABLE, &[])).await), (403, "not_permitted".to_owned()));
    assert_eq!(ran(&scene), 1);
    // nobody else's loss
    go(&scene);
    assert_eq!(boss.rest().await.last().unwrap()["end"]["code"], 0);
    assert!(boss.whole);
    assert_eq!(ended(&scene, &id).await["client.user.name"], "jump01");
    scene.verify();
}

/// R65: the same while the command waits: it is taken back before it begins, which is on record; what another
/// has waiting stays, and its stream too
#[tokio::test(flavor = "multi_thread")]
async fn a_permission_taken_away_from_one_that_waits() {
    let more = entry("jump02", "[\"tls-admin\"]");
    let (scene, runner) = stage(lane("[\"tls-admin\"]", &more)).await;
    let (peer, other) = (scene.peer("jump01"), scene.peer("jump02"));
    let first = started(&other, &order(DISABLE, &[])).await;
    until(&other, &first, "running").await;
    let id = started(&peer, &order("security repository-ssl disable", &[])).await;
    assert_eq!(task(&peer, &id).await["ahead"], 1);
    let third = started(&other, &order("security custom-cert delete", &[])).await;
    let mut follow = Follow::open(&peer, &id, 0).await;
    assert_eq!(follow.event().await.unwrap()["state"]["state"], "queued");
    let mut stays = Follow::open(&other, &third, 0).await;
    scene.edit(&entry("jump01", "[\"tls-admin\"]"), &entry("jump01", "[\"monitor\"]"));
    let since = Instant::now();
    reload(&scene).await;
    follow.rest().await;
    assert!(!follow.whole, "it ended as if it were whole");
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    let end = ended(&scene, &id).await;
    let by = "tsmgated: permission_missing";
    assert_eq!(
        (&end["tsmgate.command.end"], &end["tsmgate.command.cancelled_by"]),
        (&"cancelled".into(), &by.into())
    );
    let mut http = Http::open(&peer).await.unwrap();
    let answer = http.get(&format!("/v1/commands/{id}/output")).await.unwrap();
    assert_eq!(told(&answer), (403, "not_permitted".to_owned()));
    go(&scene);
    assert_eq!(stays.rest().await.last().unwrap()["end"]["code"], 0);
    assert_eq!(ended(&scene, &third).await["process.exit_code"], 0);
    assert_eq!(ran(&scene), 2);
    let begun = runner.log().into_iter().filter(|line| line.contains("INFO started")).count();
    assert_eq!(begun, 2, "{:?}", runner.log());
}

/// R8, R65: a certificate that is revoked while a command of its holder waits: it is taken back as well
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_revoked_takes_back_what_waits() {
    let (scene, _runner) = stage(lane("[\"tls-admin\"]", "[revoked]\nserials = []\n")).await;
    let (identity, renewed) = (scene.authority.client("jump01"), scene.peer("jump01"));
    let first = started(&renewed, &order(DISABLE, &[])).await;
    until(&renewed, &first, "running").await;
    let id = started(&scene.peer_with(Some(&identity)), &order(DISABLE, &[])).await;
    scene.edit("serials = []", &format!("serials = [\"{}\"]", identity.serial));
    reload(&scene).await;
    let end = ended(&scene, &id).await;
    assert_eq!(end["tsmgate.command.cancelled_by"], "tsmgated: certificate_revoked");
    // what runs goes on, and is another certificate's
    assert_eq!(task(&renewed, &first).await["state"], "running");
    go(&scene);
    assert_eq!(ended(&scene, &first).await["process.exit_code"], 0);
    assert_eq!(ran(&scene), 1);
}

/// R65: what waits is judged also by a daemon that was not there when it was asked for
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_judged_at_the_start() {
    let more = entry("jump02", "[\"tls-admin\"]");
    let (mut scene, _runner) = stage(lane("[\"tls-admin\"]", &more)).await;
    let (peer, other) = (scene.peer("jump01"), scene.peer("jump02"));
    let first = started(&other, &order(DISABLE, &[])).await;
    until(&other, &first, "running").await;
    let id = started(&peer, &order("security repository-ssl disable", &[])).await;
    scene.stop().await;
    scene.edit(&entry("jump01", "[\"tls-admin\"]"), &entry("jump01", "[\"monitor\"]"));
    scene.start_again().await;
    let end = ended(&scene, &id).await;
    assert_eq!(end["tsmgate.command.cancelled_by"], "tsmgated: permission_missing");
    // what runs is left alone
    go(&scene);
    assert_eq!(ended(&scene, &first).await["process.exit_code"], 0);
    assert_eq!(ran(&scene), 1);
}

/// R6: a name that is given to somebody else brings nothing of the former one's: neither what ran under it is
/// seen, nor what waits is run
#[tokio::test(flavor = "multi_thread")]
async fn a_name_given_to_another_brings_nothing() {
    let (scene, _runner) = stage(lane("[\"tls-admin\"]", "")).await;
    let peer = scene.peer("jump01");
    let first = started(&peer, &order(DISABLE, &[])).await;
    until(&peer, &first, "running").await;
    let waits = started(&peer, &order(DISABLE, &[])).await;
    scene.edit(
        "identity = \"URI:tsmgate://client/jump01\"",
        "identity = \"URI:tsmgate://client/new\"",
    );
    reload(&scene).await;
    let end = ended(&scene, &waits).await;
    let by = end["tsmgate.command.cancelled_by"].as_str().unwrap();
    assert!(by.starts_with("tsmgated: client_"), "{by}");
    let new = scene.peer("new");
    for id in [&first, &waits] {
        for (method, what) in [("GET", ""), ("GET", "/output"), ("POST", "/cancel")] {
            let mut http = Http::open(&new).await.unwrap();
            let path = format!("/v1/commands/{id}{what}");
            let answer = http.ask(method, &path, "", b"").await.unwrap();
            assert_eq!(told(&answer), (404, "unknown_id".to_owned()), "{path}");
        }
    }
    let listed = Http::open(&new).await.unwrap().get("/v1/commands").await.unwrap().json();
    assert_eq!(listed["commands"].as_array().unwrap().len(), 0);
    go(&scene);
    ended(&scene, &first).await;
    assert_eq!(ran(&scene), 1);
}

/// R10: a certificate that is revoked while an output streams: it is cut within two seconds, and the record
/// says why; the command goes on
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_revoked_cuts_the_stream() {
    let (scene, _runner) = stage(lane("[\"tls-admin\"]", "[revoked]\nserials = []\n")).await;
    let identity = scene.authority.client("jump01");
    let peer = scene.peer_with(Some(&identity));
    let id = started(&peer, &order(DISABLE, &[])).await;
    let mut follow = Follow::open(&peer, &id, 0).await;
    follow.line("begun").await;
    scene.edit("serials = []", &format!("serials = [\"{}\"]", identity.serial));
    let since = Instant::now();
    reload(&scene).await;
    assert!(follow.rest().await.is_empty() && !follow.whole);
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    let cut = scene.refusal("certificate_revoked").await;
    assert_eq!((&cut["event.action"], &cut["client.user.name"]), (&"cut".into(), &"jump01".into()));
    // the same caller with another certificate finds it as it was left
    let renewed = scene.peer("jump01");
    assert_eq!(task(&renewed, &id).await["state"], "running");
    go(&scene);
    assert_eq!(output(&renewed, &id, 0).await.last().unwrap()["end"]["code"], 0);
}

/// R22: a client starts so many commands and is then told when to come again, whatever it would have started;
/// its other requests are not counted there, nor are others'
#[tokio::test(flavor = "multi_thread")]
async fn who_starts_too_much_is_told_when_to_come_again() {
    let options = lane("[\"tls-admin\"]", &entry("jump02", "[\"tls-admin\"]"));
    let requests = "requests = { per_minute = 60000, burst = 1000 }";
    let client_limits =
        format!("{requests}\nin_flight = 4\ncommands = {{ per_minute = 1, burst = 2 }}");
    let (scene, runner) = stage(SceneOptions { client_limits, ..options }).await;
    go(&scene);
    let peer = scene.peer("jump01");
    let id = started(&peer, &order(LIST, &[])).await;
    output(&peer, &id, 0).await;
    // also for what there is not
    let answer = start(&peer, &order("security nothing", &[])).await;
    assert_eq!(told(&answer), (404, "unknown_command".to_owned()));
    said(&runner, "INFO ended").await;
    let before = runner.log();
    for command in [LIST, "security nothing", "security regenerate-internal-tokens"] {
        let answer = start(&peer, &order(command, &[])).await;
        assert_eq!(told(&answer), (429, "over_limit".to_owned()), "{command}");
        let wait: u64 = answer.field("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    assert_eq!((runner.log(), ran(&scene)), (before, 1));
    scene.refusal("client_over_rate").await;
    assert_eq!(scene.records("command").len(), 2);
    assert_eq!(task(&peer, &id).await["state"], "ended");
    started(&scene.peer("jump02"), &order(LIST, &[])).await;
}

/// A cancellation comes once, and never after the end; the end that was there first is the end
#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_cannot_be_cancelled() {
    let (scene, _runner) =
        stage(lane("[\"tls-admin\"]", &role_of("boss", "commands.others"))).await;
    let peer = scene.peer("jump01");
    let cancel = async |client: &str, id: &str| {
        let mut http = Http::open(&scene.peer(client)).await.unwrap();
        let path = format!("/v1/commands/{id}/cancel");
        told(&http.ask("POST", &path, "", b"").await.unwrap())
    };
    let (taken, over) = ((202, String::new()), (409, "command_ended".to_owned()));
    let id = started(&peer, &order(DISABLE, &[])).await;
    until(&peer, &id, "running").await;
    assert_eq!(cancel("jump01", &id).await, taken);
    let again = cancel("boss", &id).await;
    assert!(again == taken || again == over, "{again:?}");
    let events = output(&peer, &id, 0).await;
    assert_eq!(events.last().unwrap()["end"]["how"], "cancelled");
    assert_eq!(cancel("jump01", &id).await, over);
    assert_eq!(ended(&scene, &id).await["tsmgate.command.cancelled_by"], "jump01");
    go(&scene);
    let id = started(&peer, &order(DISABLE, &[])).await;
    output(&peer, &id, 0).await;
    assert_eq!(cancel("jump01", &id).await, over);
    let end = ended(&scene, &id).await;
    assert_eq!(
        (&end["event.outcome"], end.get("tsmgate.command.cancelled_by")),
        (&"success".into(), None)
    );
    // each cancellation has its two records: whose the command is, and who wanted it ended
    let mut cancels = scene.records("request");
    cancels.retain(|record| record["tsmgate.operation"] == "command-cancel");
    assert_eq!(cancels.len(), 8);
    assert_eq!(cancels[2]["client.user.name"], "boss");
    assert_eq!(cancels[2]["tsmgate.command.client"], "jump01");
    assert_eq!(cancels[2]["tsmgate.permission"], "commands.others");
    assert_eq!(cancels[7]["event.reason"], "command_ended");
    let text = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    for line in text.lines().filter(|line| line.contains("command-cancel")) {
        for field in ["client.user.name", "source.ip", "http.request.id", "tsmgate.permission"] {
            assert_eq!(line.matches(&format!("\"{field}\":")).count(), 1, "{field} in {line}");
        }
    }
    scene.verify();
}
