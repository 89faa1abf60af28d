//! Every command of the catalogue, asked for by every built-in role and by roles that have one permission
//! alone, through the running gate and a runner whose `tsm` writes down what it is given. What is expected was
//! written by hand: [`tests::commands`].

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::commands::{Row, row, rows};
use tests::http::{Answer, Http};
use tests::operations::ROLES;
use tests::scene::entry;
use tests::{Runner, RunnerOptions, Scene, wait};

use crate::command_support::{lane, role_of, said};

/// Roles beside the built-in ones, each with one permission and a client of its name.
const ALONE: &[&str] = &["security.external-ssl.list", "commands.others", "tsm.fleet.sync"];
/// A command that the operator added, as the table would have it.
const FLEET: &str = "fleet sync | tsm.fleet.sync | --target tsm2.example.com | admin";
const ADDED: &str = "[[command]]\npath = \"fleet sync\"\neffect = \"stages\"\n\
     [[command.option]]\nname = \"target\"\nkind = \"host\"\nrequired = true\n";

/// Clients, each with the one role that it is named after, and one with none.
fn clients() -> impl Iterator<Item = &'static str> {
    ["nothing"].into_iter().chain(ALONE.iter().copied()).chain(ROLES.iter().copied())
}

fn table() -> Vec<Row> {
    rows().into_iter().chain([row(FLEET)]).collect()
}

/// By hand: as the table has it, and one permission gives one command.
fn may(client: &str, row: &Row) -> bool {
    match client {
        "nothing" => false,
        alone if ALONE.contains(&alone) => row.permission == alone,
        role => row.roles.contains(&role),
    }
}

/// The stage: a scene, a runner, and what its `tsm` was given.
struct Stage {
    scene: Scene,
    runner: Runner,
}

impl Stage {
    async fn start() -> Self {
        let built_in = ROLES.iter().map(|role| entry(role, &format!("[\"{role}\"]")));
        let alone = ALONE.iter().map(|permission| role_of(permission, permission));
        let more: String =
            alone.chain(built_in).chain([entry("nothing", "[]"), ADDED.to_owned()]).collect();
        let scene = Scene::with(lane("[]", &more)).await;
        let given = scene.path("given");
        let text = format!("{{ printf '[%s]' \"$@\"; echo; }} >> {}", given.display());
        let options = RunnerOptions { rest: ADDED.into(), ..RunnerOptions::script(&scene, &text) };
        let runner = Runner::start(&scene, &options);
        Self { scene, runner }
    }

    /// What `tsm` was given, a line for each time.
    fn given(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.scene.path("given")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// All that there is to see of commands at the runner's.
    fn seen(&self) -> (Vec<String>, Vec<String>, usize) {
        let tasks = std::fs::read_dir(self.scene.path("runner/state/tasks")).unwrap().count();
        (self.given(), self.runner.log(), tasks)
    }
}

/// R1, R57: default deny, per role: a command reaches `tsm`, as the table writes it and once, only where the
/// table says that the role may; of all others the runner sees nothing, and the answer names the permission
#[tokio::test(flavor = "multi_thread")]
async fn every_command_by_every_role() {
    let mut stage = Stage::start().await;
    let mut denied: BTreeMap<String, u64> = BTreeMap::new();
    let mut allowed = 0;
    for client in clients() {
        let mut http = Http::open(&stage.scene.peer(client)).await.unwrap();
        for row in table() {
            let before = stage.seen();
            let body = serde_json::to_vec(&row.order()).unwrap();
            let answer = http.ask("POST", "/v1/commands", "", &body).await.unwrap();
            let case = format!("{client}: {row:?} got {answer:?}");
            if may(client, &row) {
                allowed += 1;
                assert_eq!((answer.status, answer.code()), (202, None), "{case}");
                passed(&stage, &mut http, &before.0, (client, &row), &answer).await;
            } else {
                assert_eq!(stage.seen(), before, "{case}");
                assert_eq!(
                    (answer.status, answer.code().as_deref()),
                    (403, Some("not_permitted")),
                    "{case}"
                );
                assert_eq!(answer.json()["error"]["permission"], row.permission, "{case}");
                *denied.entry(client.to_owned()).or_default() += 1;
            }
        }
    }
    // by the table's own words: operator, tls-admin, admin; and each that is alone one, but for `commands.others`
    assert_eq!(allowed, 3 + 23 + 32 + 2);
    assert_eq!(stage.given().len(), allowed);
    for action in ["command-started", "command-ended"] {
        wait::until(action, || async {
            (stage.scene.records(action).len() == allowed).then_some(())
        })
        .await;
    }
    assert_eq!(stage.scene.records("command").len(), 2 * allowed);
    stage.scene.nothing_reached_tsm();
    stage.scene.stop().await;
    assert_eq!(counted(&stage.scene), denied);
    stage.scene.verify();
}

/// `tsm` was given what the table says, once; four records say whose it was.
async fn passed(
    stage: &Stage,
    http: &mut Http,
    before: &[String],
    (client, row): (&str, &Row),
    answer: &Answer,
) {
    let task = answer.json();
    let id = task["id"].as_str().unwrap();
    let output = http.get(&format!("/v1/commands/{id}/output?from=0")).await.unwrap();
    let text = String::from_utf8(output.body).unwrap();
    let end: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&end["end"]["how"], &end["end"]["code"]),
        (&json!("exited"), &json!(0)),
        "{row:?}: {text}"
    );
    let arguments = row.arguments(&stage.scene.path("runner/state/work").join(id));
    let line: String = arguments.iter().map(|argument| format!("[{argument}]")).collect();
    let given = stage.given();
    assert_eq!(given.len(), before.len() + 1, "{row:?}");
    assert_eq!(given.last().unwrap(), &line, "{row:?}");
    // its last line there: what the log shows from then on is another's
    said(&stage.runner, &format!("ended command={id}")).await;
    let mut records = stage.scene.records("command");
    records.retain(|record| record["http.request.id"] == task["request"]);
    let phases: Vec<_> = records.iter().map(|record| &record["tsmgate.phase"]).collect();
    assert_eq!(phases, ["intent", "outcome"], "{row:?}");
    for record in records {
        assert_eq!(record["tsmgate.command.path"], row.path, "{record}");
        assert_eq!(record["tsmgate.permission"], row.permission, "{record}");
        assert_eq!(record["client.user.name"], client, "{record}");
        assert_eq!(record["tsmgate.role"], client, "{record}");
    }
}

/// How many refusals are on record, sums included, by client.
fn counted(scene: &Scene) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for line in scene.records("refused") {
        assert_eq!(line["event.reason"], "permission_missing", "{line}");
        let client = line["client.user.name"].as_str().unwrap().to_owned();
        *counted.entry(client).or_default() += line["tsmgate.count"].as_u64().unwrap_or(1);
    }
    counted
}

/// R57: what the catalogue says that a caller may, and what a dry run says, is what the table says; and
/// nothing is run for it
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_rights_is_what_the_table_says() {
    let stage = Stage::start().await;
    let before = stage.seen();
    for client in clients() {
        let mut http = Http::open(&stage.scene.peer(client)).await.unwrap();
        let catalogue = http.get("/v1/commands/catalogue").await.unwrap().json();
        let told = catalogue["commands"].as_array().unwrap().iter();
        let told: Vec<_> = told.map(|one| format!("{} {}", one["path"], one["granted"])).collect();
        let table = table();
        let wanted = table.iter().map(|row| format!("\"{}\" {}", row.path, may(client, row)));
        assert_eq!(told, wanted.collect::<Vec<_>>(), "{client}");
        for row in &table {
            let body = serde_json::to_vec(&row.order()).unwrap();
            let answer = http.ask("POST", "/v1/commands/check", "", &body).await.unwrap();
            assert_eq!(answer.status, 200, "{client}: {row:?}: {answer:?}");
            let (verdict, may) = (answer.json(), may(client, row));
            assert_eq!(verdict["permitted"], may, "{client}: {row:?}: {verdict}");
            assert_eq!(verdict["permission"], row.permission, "{client}: {row:?}: {verdict}");
            assert_eq!(verdict["role"], if may { json!(client) } else { Value::Null }, "{row:?}");
            assert_eq!(
                verdict["why"],
                if may { Value::Null } else { json!("not_permitted") },
                "{row:?}"
            );
            let mut arguments = vec![stage.scene.path("bin/tsm").display().to_string()];
            arguments.extend(row.arguments(&stage.scene.path("runner/state/work/ID")));
            assert_eq!(verdict["arguments"], json!(arguments), "{client}: {row:?}");
        }
    }
    assert_eq!(stage.seen(), before);
    assert!(stage.scene.records("command").is_empty());
    stage.scene.nothing_reached_tsm();
}
