//! `tsmgated explain`: each rule that can answer, named, with the exit code of the answer.

use tests::scene::entry;
use tests::{Authority, Scene, SceneOptions};
use time::{Duration, OffsetDateTime};

use crate::stage::{config, stage, tsmgated};

fn explain(scene: &Scene, arguments: &[&str]) -> (i32, String, String) {
    let config = config(scene);
    tsmgated(&[&["explain", "--config", config.to_str().unwrap()], arguments].concat())
}

async fn house() -> Scene {
    let near = "networks = [\"127.0.1.0/24\"]\n";
    let night = "[[role]]\nname = \"night\"\npermissions = [\"backup.create\", \"security.*\"]\n";
    let rest = [
        entry("jump01", "[\"monitor\", \"login\"]"),
        entry("near", "[\"login\"]") + near,
        entry("backup", "[\"night\"]"),
        night.to_owned(),
    ];
    stage(SceneOptions { rest: rest.concat(), ..SceneOptions::default() }).await
}

/// R1: each stage's rule that lets a caller pass is named, in the order of the stages
#[tokio::test]
async fn what_is_permitted_is_explained_rule_by_rule() {
    let scene = house().await;
    let cases = [
        (["--client", "jump01", "--from", "127.0.0.1", "--permission", "login"], "role `login`"),
        (["--client", "jump01", "--from", "127.0.0.1", "--permission", "jobs.read"], "`monitor`"),
        (["--client", "near", "--from", "127.0.1.9", "--permission", "login"], "127.0.1.0/24"),
        (["--client", "near", "--from", "::ffff:127.0.1.9", "--permission", "login"], "127.0.1.9"),
        (["--client", "backup", "--from", "::1", "--permission", "security.x.y"], "role `night`"),
    ];
    for (arguments, rule) in cases {
        let (code, out, err) = explain(&scene, &arguments);
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}: {out}");
        assert!(out.contains(rule), "{arguments:?}: {out}");
        let (out, assumed) = out.split_once("\nassuming a certificate that is good").unwrap();
        assert!(assumed.contains("only seen in the handshake"), "{assumed}");
        let stages: Vec<_> = out.lines().map(|line| line.split(':').next().unwrap()).collect();
        let (rules, rest) = stages.split_at(4);
        assert_eq!(rules, ["admit", "identify", "identify", "authorize"], "{out}");
        let (answer, good_for) = rest.split_last().unwrap();
        assert_eq!(*answer, "answer", "{out}");
        assert!(good_for.iter().all(|word| ["opens", "lane"].contains(word)), "{out}");
        assert!(out.ends_with("answer: permitted, within the client's limits"), "{out}");
    }
    let (code, out, _) = explain(&scene, &["--client", "jump01", "--from", "127.0.0.1"]);
    assert_eq!(code, 0, "login is what is asked for unless something else is: {out}");
}

/// R7: each stage's rule that refuses is named, with the code that the audit uses
#[tokio::test]
async fn what_is_refused_names_the_rule_and_exits_with_77() {
    let scene = house().await;
    let cases = [
        (
            "jump01",
            "10.0.0.1",
            "login",
            "no network of admission.allow holds 10.0.0.1",
            "address_not_listed",
        ),
        ("nobody", "127.0.0.1", "login", "there is no [[client]] `nobody`", "client_unknown"),
        ("near", "127.0.0.1", "login", "no network of near holds 127.0.0.1", "client_elsewhere"),
        (
            "backup",
            "127.0.0.1",
            "login",
            "none of its roles (night) gives login",
            "permission_missing",
        ),
        ("jump01", "127.0.0.1", "api.raw", "(monitor, login) gives api.raw", "permission_missing"),
    ];
    for (client, from, permission, rule, reason) in cases {
        let arguments = ["--client", client, "--from", from, "--permission", permission];
        let (code, out, _) = explain(&scene, &arguments);
        assert_eq!(code, 77, "{arguments:?}: {out}");
        assert!(out.contains(rule), "{out}");
        assert!(out.ends_with(&format!("answer: refused ({reason})\n")), "{out}");
    }
    scene.nothing_reached_tsm();
}

/// What a permission opens is said with method and path, and whether there is a lane to ask for it.
#[tokio::test]
async fn what_a_permission_opens_is_named_and_whether_its_lane_is_on() {
    let off = house().await;
    let on = stage(SceneOptions::api("[\"operator\", \"login\"]")).await;
    let ask = |scene: &Scene, permission: &str| {
        let arguments = ["--client", "jump01", "--from", "127.0.0.1", "--permission", permission];
        let (_, out, err) = explain(scene, &arguments);
        assert_eq!(err, "", "{out}");
        let lines =
            out.lines().filter(|line| line.starts_with("opens: ") || line.starts_with("lane: "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let is_on = "lane: the api lane is on (tsm.api is set)";
    let is_off = "lane: the api lane is OFF: tsm.api is not set, see `tsmgated trust-tsm`";
    let stop = "opens: stop (POST /api/0.5/disable)";
    assert_eq!(ask(&on, "server.stop"), [stop, is_on]);
    assert_eq!(ask(&off, "server.stop"), [stop, is_off], "also where the answer is no");
    assert!(
        ask(&on, "jobs.read").contains(&"opens: job (GET /api/0.5/asyncJobs/{JobId})".to_owned())
    );
    let cookie = "opens: the login lane: TSM's raw session cookie";
    let logout = "opens: logout (POST /v1/logout): giving such a cookie back";
    assert_eq!(ask(&on, "login"), [cookie, logout]);
    assert_eq!(ask(&off, "login"), [cookie, "lane: without tsm.api there is no logout"]);
    let secrets = "opens: the secrets in answers, which are taken out without it";
    assert_eq!(ask(&on, "config.secrets"), [secrets, is_on]);
    let add = "opens: the command `security custom-cert add`";
    let no_lane = "lane: the command lane is OFF: tsm.command_socket is not set";
    assert_eq!(ask(&on, "security.custom-cert.add"), [add, no_lane]);
    let run = stage(SceneOptions::commands("[\"tls-admin\"]")).await;
    let lane =
        "lane: the command lane is on (tsm.command_socket is set); the runner has its own list too";
    assert_eq!(ask(&run, "security.custom-cert.add"), [add, lane]);
    assert_eq!(ask(&on, "security.no-such.thing"), ["opens: nothing in this version"]);
    let raw = ask(&on, "api.raw");
    let other = "opens: any other path below /api/ but those of sessions";
    assert!(raw.contains(&other.to_owned()) && raw.len() > 3, "{raw:?}");
}

/// R55: a closed gate explains itself
#[tokio::test]
async fn a_closed_gate_explains_that_it_is_closed() {
    let scene = stage(SceneOptions { allow: "[]".into(), ..SceneOptions::default() }).await;
    let (code, out, _) = explain(&scene, &["--client", "jump01", "--from", "127.0.0.1"]);
    assert_eq!(code, 77);
    assert!(out.contains("closed") && out.contains("gate_closed"), "{out}");
}

/// R43: a name on the command line is escaped before it is shown
#[tokio::test]
async fn a_hostile_name_is_escaped() {
    let scene = house().await;
    let (code, out, _) = explain(&scene, &["--client", "a\u{1b}[2J\u{202e}", "--from", "::1"]);
    assert_eq!(code, 77);
    assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out:?}");
}

/// R55: explain refuses a bad configuration as `check` does, and a bad question as a usage error
#[tokio::test]
async fn a_bad_question_is_a_usage_error() {
    let scene = house().await;
    for arguments in [
        &["--client", "jump01", "--from", "somewhere"][..],
        &["--client", "jump01", "--from", "127.0.0.1", "--permission", "superuser"],
        &["--client", "jump01"],
        &["--from", "127.0.0.1"],
    ] {
        let (code, out, err) = explain(&scene, arguments);
        assert_eq!((code, out.as_str()), (64, ""), "{arguments:?}: {err}");
    }
    scene.write("tsmgated.toml", "[lissten]\n", 0o600);
    let (code, _, err) = explain(&scene, &["--client", "jump01", "--from", "127.0.0.1"]);
    assert_eq!(code, 65);
    assert!(err.contains("did you mean `listen`?"), "{err}");
}

/// R9: a list that has run out refuses everybody, and `explain` says so
#[tokio::test]
async fn an_expired_list_is_explained() {
    let authority = Authority::new("tests");
    let now = OffsetDateTime::now_utc();
    let old = authority.revocation_list_of(&[], now - Duration::DAY, now - Duration::HOUR);
    let options = SceneOptions {
        tls: "revocation_list = \"clients.crl\"".into(),
        files: vec![("clients.crl".into(), old)],
        ..SceneOptions::default()
    };
    let scene = Scene::prepare(tempfile::tempdir().unwrap(), authority, &options).await;
    let (code, out, _) = explain(&scene, &["--client", "jump01", "--from", "127.0.0.1"]);
    assert_eq!(code, 77);
    assert!(out.ends_with("answer: refused (revocation_list_expired)\n"), "{out}");
}

/// What `check` and `explain` say, for a program.
#[tokio::test]
async fn the_answers_are_there_as_json() {
    let scene = house().await;
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let yes = ["--client", "jump01", "--from", "127.0.0.1", "--permission", "login", "--json"];
    let (code, out, err) = explain(&scene, &yes);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let answer = json(&out);
    assert_eq!((&answer["permitted"], &answer["reason"]), (&true.into(), &().into()), "{out}");
    assert_eq!(answer["steps"][0]["stage"], "admit");
    let no = ["--client", "nobody", "--from", "127.0.0.1", "--json"];
    let (code, out, _) = explain(&scene, &no);
    let (plain, ..) = explain(&scene, &no[..4]);
    assert_eq!(code, plain, "the exit code is the same");
    assert_eq!(json(&out)["permitted"], false);
    assert_eq!(json(&out)["reason"], "client_unknown");

    let file = config(&scene);
    let (code, out, err) = tsmgated(&["check", "--json", "--config", file.to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let answer = json(&out);
    assert_eq!(answer["file"], file.to_str().unwrap());
    assert_eq!(answer["clients"][0]["name"], "jump01");
    assert_eq!(answer["clients"][0]["roles"][1], "login");
    assert_eq!(answer["local"], serde_json::Value::Null);
}
