//! The command lane for callers on this host: whose a command is, and what waits when its caller may no longer.

use serde_json::{Value, json};
use tests::http::{Answer, Http};
use tests::local::{User, can_make_users, connect_as, entry};
use tests::{Runner, RunnerOptions, Scene, SceneOptions, wait};

use crate::command_support::{ended, go, order, until_go};

const TLS: &str = "[\"tls-admin\"]";

/// A request of a user's, on a connection of its own.
async fn ask(scene: &Scene, uid: u32, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
    let mut http = Http::over(connect_as(uid, &scene.local_socket()).await.unwrap());
    http.ask(method, path, "", &body).await.unwrap()
}

async fn started(scene: &Scene, user: &User, command: &str) -> String {
    let answer = ask(scene, user.uid, "POST", "/v1/commands", &order(command, &[])).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn state(scene: &Scene, user: &User, id: &str) -> Value {
    ask(scene, user.uid, "GET", &format!("/v1/commands/{id}"), &Value::Null).await.json()
}

/// A scene with two users, and a `tsm` that goes on until there is a file `go`.
async fn stage(users: &[User]) -> (Scene, Runner) {
    let entries: String =
        users.iter().map(|user| entry(&format!("group = \"{}\"", user.name), TLS)).collect();
    let scene = Scene::with(SceneOptions::commands("[]").with_local(&entries)).await;
    let text = format!("echo \"$@\" >> {}; {}", scene.path("ran").display(), until_go(&scene));
    let runner = Runner::start(&scene, &RunnerOptions::script(&scene, &text));
    (scene, runner)
}

fn ran(scene: &Scene) -> usize {
    std::fs::read_to_string(scene.path("ran")).unwrap_or_default().lines().count()
}

/// A command is its user's own: he sees it, another does not; the runner and the records know who it was
#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_its_users_own() {
    if !can_make_users() {
        return;
    }
    let users = [User::make(), User::make()];
    let (scene, _runner) = stage(&users).await;
    let [user, other] = &users;
    let id = started(&scene, user, "security external-ssl disable").await;
    let task = state(&scene, user, &id).await;
    let name = format!("local:{}", user.name);
    assert_eq!((&task["client"], &task["address"]), (&json!(name), &json!("local")));
    assert_eq!(task["identity"], format!("unix:uid={}", user.uid));
    let path = format!("/v1/commands/{id}");
    assert_eq!(ask(&scene, other.uid, "GET", &path, &Value::Null).await.status, 404);
    let cleanup = order("maintenance cleanup", &[]);
    let refused = ask(&scene, user.uid, "POST", "/v1/commands", &cleanup).await;
    assert_eq!((refused.status, refused.code().unwrap()), (403, "not_permitted".to_owned()));
    go(&scene);
    let end = ended(&scene, &id).await;
    let records = [scene.records("command"), vec![end]].concat();
    assert_eq!(records.len(), 3, "an intent, an outcome, an end");
    for record in records {
        assert_eq!(record["client.user.name"], name, "{record}");
        assert_eq!(record["user.id"], user.uid.to_string());
        assert!(record.get("source.ip").is_none(), "{record}");
    }
    assert_eq!(ran(&scene), 1);
}

/// R65: what waits is taken back at the reload after which its user may no longer: because no entry names him,
/// or because he has left the group that one names. What runs goes on
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_judged_at_a_reload() {
    if !can_make_users() {
        return;
    }
    let users = [User::make(), User::make(), User::make()];
    let (scene, _runner) = stage(&users).await;
    let [first, out, left] = &users;
    let running = started(&scene, first, "security external-ssl disable").await;
    wait::until("the first to run", || async { (ran(&scene) == 1).then_some(()) }).await;
    let taken_out = started(&scene, out, "security repository-ssl disable").await;
    let has_left = started(&scene, left, "security custom-cert delete").await;
    let stays = started(&scene, first, "security custom-cert delete").await;
    scene.edit(&entry(&format!("group = \"{}\"", out.name), TLS), "");
    left.leave_the_group();
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    for id in [&taken_out, &has_left] {
        let end = ended(&scene, id).await;
        assert_eq!(end["tsmgate.command.end"], "cancelled");
        assert_eq!(end["tsmgate.command.cancelled_by"], "tsmgated: local_user_not_listed");
    }
    assert_eq!(state(&scene, first, &running).await["state"], "running");
    go(&scene);
    assert_eq!(ended(&scene, &stays).await["process.exit_code"], 0);
    assert_eq!(ran(&scene), 2);
}
