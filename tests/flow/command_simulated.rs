//! Every command and every option of the catalogue, through daemon, runner and the simulator's `tsm`: the
//! orders are made from the table, what must come of them at TSM was written by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tests::{Authority, Peer, Runner, RunnerOptions, Scene, SceneOptions, wait};
use tsmgate_catalogue::command::{Catalogue, Command, FileKind, Kind};
use tsmsim::{ApiOptions, JobDrive};

use crate::command_support::{file, lines, run};

mod expected;
mod orders;

use expected::{ALWAYS, BEFORE, LISTED};
use orders::{Chosen, orders};

/// Keys of the configuration, and what is in them.
type Settings = BTreeMap<String, String>;

/// What every secret is.
const SECRET: &str = "a-passphrase-that-nobody-reads";

/// The stage, and what goes along as files.
struct Stage {
    scene: Scene,
    _runner: Runner,
    peer: Peer,
    files: Authority,
}

impl Stage {
    async fn start() -> Self {
        let jobs = JobDrive::Every(Duration::from_millis(2));
        let api = Some(ApiOptions { jobs, assumed_routes: true, ..ApiOptions::default() });
        let options = SceneOptions::commands("[\"admin\"]");
        let scene = Scene::with(SceneOptions { api, ..options }).await;
        let runner = Runner::start(&scene, &RunnerOptions::simulated(&scene));
        let (peer, files) = (scene.peer("jump01"), Authority::new("what goes along"));
        Self { scene, _runner: runner, peer, files }
    }

    /// What is in a file of that kind: its name, and its bytes.
    fn content(&self, kind: FileKind) -> (&'static str, String) {
        match kind {
            FileKind::Certificate | FileKind::CertificateOrDer => ("server.crt", self.files.pem()),
            FileKind::Chain => ("chain.crt", self.files.pem() + &self.scene.authority.pem()),
            FileKind::PrivateKey => ("server.key", self.files.key_pem()),
            FileKind::RevocationList | FileKind::Any => {
                ("revoked.crl", "-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n".to_owned())
            }
        }
    }

    fn order(&self, command: &Command, chosen: &Chosen<'_>) -> Value {
        let options = chosen.iter().map(|(option, value)| match &option.kind {
            Kind::SendFile(kind) => {
                let (name, content) = self.content(*kind);
                file(&option.long, name, content.as_bytes())
            }
            Kind::Flag | Kind::FetchFile => json!({"name": option.long}),
            _ => json!({"name": option.long, "value": value}),
        });
        json!({"command": command.path, "options": options.collect::<Vec<_>>()})
    }

    /// Runs an order, and then all that it staged; what is set at TSM afterwards.
    async fn applied(&self, command: &Command, chosen: &Chosen<'_>) -> (Vec<Value>, Settings) {
        let (code, events) = run(&self.peer, &self.order(command, chosen)).await;
        assert_eq!(code, 0, "{} {chosen:?}: {events:?}", command.path);
        (events, self.deploy())
    }

    fn deploy(&self) -> Settings {
        self.scene.api().deploy();
        self.scene.api().finish_jobs();
        self.scene.api().configuration().into_iter().collect()
    }
}

fn of<'a, T: ?Sized>(table: &'a [(&str, &'a T)], path: &str) -> Option<&'a T> {
    table.iter().find(|(row, _)| *row == path).map(|(_, found)| *found)
}

/// The keys that differ, with what they are now.
fn changed(before: &Settings, after: &Settings) -> Settings {
    let differs = |(key, value): &(&String, &String)| before.get(*key) != Some(*value);
    after.iter().filter(differs).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Every command, with every option: it succeeds, and at TSM is set what should be, and nothing else
#[tokio::test(flavor = "multi_thread")]
async fn every_command_and_every_option_does_what_it_should() {
    let stage = Stage::start().await;
    let catalogue = Catalogue::official();
    let untouched = stage.deploy();
    let mut count = 0;
    for command in catalogue.commands() {
        for chosen in orders(command) {
            let case = format!("{} {chosen:?}", command.path);
            let mut before = untouched.clone();
            if let Some(path) = of(BEFORE, &command.path) {
                let first = catalogue.find(path).unwrap();
                before = stage.applied(first, &orders(first)[0]).await.1;
            }
            let (events, after) = stage.applied(command, &chosen).await;
            count += 1;
            judge(&stage, (command, &chosen), (&untouched, &before, &after), &events, &case);
            // back to where it was
            let back = after.keys().map(|key| (key.clone(), untouched.get(key).cloned()));
            stage.scene.api().stage(back, true).unwrap();
            assert_eq!(changed(&untouched, &stage.deploy()), Settings::new(), "{case}");
        }
    }
    assert_eq!(count, stage.scene.records("command").len() / 2 - firsts(catalogue));
    let audit = std::fs::read_to_string(stage.scene.path("log/audit.jsonl")).unwrap();
    assert!(!audit.contains(SECRET), "a secret in the audit");
    stage.scene.verify();
}

/// How many orders had to come before others.
fn firsts(catalogue: &Catalogue) -> usize {
    let with = catalogue.commands().iter().filter(|command| of(BEFORE, &command.path).is_some());
    with.map(|command| orders(command).len()).sum()
}

/// That what came of an order is what should.
fn judge(
    stage: &Stage,
    (command, chosen): (&Command, &Chosen<'_>),
    (untouched, before, after): (&Settings, &Settings, &Settings),
    events: &[Value],
    case: &str,
) {
    let (api, now) = (stage.scene.api(), changed(before, after));
    let printed = lines(events, "stdout");
    assert!(!printed.join("\n").contains(SECRET), "{case}: {printed:?}");
    for line in of(LISTED, &command.path).unwrap_or_default() {
        assert!(printed.iter().any(|one| one == line), "{case}: no `{line}` in {printed:?}");
    }
    let has = |name: &str| chosen.iter().any(|(option, _)| option.long == name);
    match &*command.path {
        "security custom-cert add" => {
            let id = &now["cfs.custom_cert.file"];
            assert_eq!(api.sent_file(id), Some(stage.files.pem().into_bytes()), "{case}");
            assert_eq!(now.len(), 1, "{case}: {now:?}");
        }
        "security repository-ssl get-certificate-file" => {
            let content = events.iter().find_map(|event| event["file"]["content"].as_str());
            let content = BASE64.decode(content.unwrap().as_bytes()).unwrap();
            assert_eq!(content, api.repository_certificate().unwrap().into_bytes(), "{case}");
            assert_eq!(now, Settings::new(), "{case}");
        }
        "authentication mutual-ssl configure" => {
            let (files, settings): (Settings, Settings) = now
                .into_iter()
                .partition(|(key, _)| key.contains("cacert") || key.contains("revocation"));
            assert_eq!(settings, changed(before, &stage.wanted(command, chosen)), "{case}");
            let sent = |key: &str| files.get(key).and_then(|id| api.sent_file(id));
            for (option, key) in [("ca-cert", "cacert"), ("revocation-file", "revocation")] {
                let kind = command.option(option).unwrap().kind.clone();
                let Kind::SendFile(kind) = kind else { panic!("{option}") };
                let wanted = has(option).then(|| stage.content(kind).1.into_bytes());
                assert_eq!(sent(&format!("cfs.ssl.{key}.file")), wanted, "{case}");
            }
        }
        "security regenerate-internal-tokens" => {
            assert!(now.contains_key("pgsql.adminpassword"), "{case}: {now:?}");
            for (key, value) in &now {
                assert!(value.starts_with("secret-"), "{case}: {key}");
                assert!(!printed.join("\n").contains(value.as_str()), "{case}: {key}");
            }
        }
        "maintenance backup" => {
            let found: Vec<_> = std::fs::read_dir(api.backups()).unwrap().flatten().collect();
            let name = |entry: &std::fs::DirEntry| entry.file_name().into_string().unwrap();
            let dated = found.iter().any(|entry| name(entry).starts_with("nightly-"));
            let plain = found.iter().any(|entry| name(entry) == "nightly.tsbak");
            assert!(if has("append-date") { dated } else { plain }, "{case}: {found:?}");
            found.iter().for_each(|entry| std::fs::remove_file(entry.path()).unwrap());
            assert_eq!(now, Settings::new(), "{case}");
        }
        path if path.ends_with(" disable") || path.ends_with(" delete") => {
            let own = path.starts_with("security maestro") || path.starts_with("security kms");
            assert!(own || after == untouched, "{case}: {:?}", changed(untouched, after));
        }
        path if of(ALWAYS, path).is_some() => {
            assert_eq!(now, changed(before, &stage.wanted(command, chosen)), "{case}");
        }
        // what nobody knows of more than its page keeps what it was given under names of its own
        path if path.contains("kms set-mode") || path.contains("maestro") => {
            let own = path.split(' ').nth(1).unwrap();
            assert!(now.keys().all(|key| key.contains(own)), "{case}: {now:?}");
        }
        _ => assert_eq!(now, Settings::new(), "{case}"),
    }
}

/// The documented failures: a second certificate in the one place, nothing to remove, a certificate of a
/// repository without TLS, a file that is none. Each is an exit code above 0, and nothing is set
#[tokio::test(flavor = "multi_thread")]
async fn what_is_documented_to_fail_does() {
    let stage = Stage::start().await;
    let catalogue = Catalogue::official();
    let (add, fetch) = ("security custom-cert add", "security repository-ssl get-certificate-file");
    let order = |path: &str| {
        let command = catalogue.find(path).unwrap();
        stage.order(command, &orders(command)[0])
    };
    let untouched = stage.deploy();
    let mut bad = order("security external-ssl enable");
    bad["options"][0]["file"]["content"] = json!(BASE64.encode(b"no certificate"));
    for order in [order("security custom-cert delete"), order(fetch), bad] {
        let (code, events) = run(&stage.peer, &order).await;
        assert!((1..64).contains(&code), "{order}: {events:?}");
        assert!(!lines(&events, "stderr").is_empty(), "{order}: {events:?}");
        assert!(events.iter().all(|event| event["file"].is_null()), "{order}: {events:?}");
        assert_eq!(stage.deploy(), untouched, "{order}");
    }
    assert_eq!(run(&stage.peer, &order(add)).await.0, 0);
    let with_one = stage.deploy();
    let (code, events) = run(&stage.peer, &order(add)).await;
    assert!((1..64).contains(&code), "{events:?}");
    assert_eq!(stage.deploy(), with_one);
    let ended = wait::until("five ends on record", || async {
        let ended = stage.scene.records("command-ended");
        (ended.len() == 5).then_some(ended)
    })
    .await;
    let failed = ended.iter().filter(|record| record["event.outcome"] == "failure").count();
    assert_eq!(failed, 4);
}

/// What is staged is listed without its secrets, applied by one command, and thrown away by another
#[tokio::test(flavor = "multi_thread")]
async fn what_is_staged_is_listed_applied_and_discarded() {
    let stage = Stage::start().await;
    let catalogue = Catalogue::official();
    let order = |path: &str, full: usize| {
        let command = catalogue.find(path).unwrap();
        stage.order(command, &orders(command)[full])
    };
    let enable = order("security external-ssl enable", 1);
    for (last, enabled) in [("pending-changes discard", "false"), ("pending-changes apply", "true")]
    {
        assert_eq!(run(&stage.peer, &enable).await.0, 0);
        let (code, events) = run(&stage.peer, &order("pending-changes list", 0)).await;
        let listed = lines(&events, "stdout").join("\n");
        assert_eq!(code, 0, "{listed}");
        assert!(listed.contains("ssl.enabled: true"), "{listed}");
        let key = stage.files.key_pem();
        let secrets = [SECRET.to_owned(), BASE64.encode(key.as_bytes())];
        for secret in secrets.iter().map(String::as_str).chain(key.lines().nth(1)) {
            assert!(!listed.contains(secret), "{listed}");
        }
        assert_eq!(run(&stage.peer, &order(last, 0)).await.0, 0);
        assert!(stage.scene.api().pending().is_empty());
        assert_eq!(stage.scene.api().configuration()["ssl.enabled"], enabled);
    }
}
