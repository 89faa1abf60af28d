//! `config get`: values, and that secrets stay unseen until somebody may and wants to see them.

use crate::rig::{Controller, Gate, Reply, Run, at};

#[test]
fn keys_are_read_from_the_version_in_force() {
    let controller = Controller::start();
    let run = controller.ask(&["config", "get", "ssl.enabled", "gateway.public.port"]);
    assert_eq!(run.talk, "");
    let out = run.good();
    assert!(out.starts_with("ssl.enabled: false\ngateway.public.port: "), "{out}");
    let targets = controller.targets();
    assert_eq!(targets[0], "GET /api/0.5/configurations/requested/version");
    assert!(
        targets[1].ends_with("/keys/ssl.enabled") && targets[2].ends_with("/gateway.public.port")
    );
    controller.is_left_alone();
}

/// A controller itself gives secrets in clear; they are taken out here unless asked for.
#[test]
fn secrets_of_a_controller_are_redacted_unless_asked_for() {
    let controller = Controller::start();
    let password = controller.api().configuration()["pgsql.adminpassword"].clone();
    for json in [&[][..], &["--json"]] {
        let arguments = [&["config", "get", "pgsql.adminpassword", "ssl.enabled"], json].concat();
        let run = controller.ask(&arguments);
        assert!(
            !run.out.contains(&password) && run.out.contains("[redacted by tsmgate]"),
            "{run:?}"
        );
        assert_eq!(
            run.talk,
            "tsmgate: redacted: pgsql.adminpassword; --secrets shows such values\n"
        );
        run.good();
    }
    let run = controller.ask(&["config", "get", "pgsql.adminpassword", "--secrets"]);
    assert_eq!((run.talk.as_str(), run.out), ("", format!("pgsql.adminpassword: {password}\n")));
}

#[test]
fn what_a_gate_redacted_is_told_with_the_permission() {
    let gate = Gate::start(|seen| match seen.line.as_str() {
        "GET /api/0.5/configurations/requested/version" => Reply::json(r#"{"version":17}"#),
        "GET /api/0.5/configurations/17/keys/a.password" => {
            Reply::json(r#"{"configKeys":{"a.password":"[redacted by tsmgate]"}}"#)
        }
        "GET /api/0.5/configurations/17/keys/b" => {
            Reply::json("{\"configKeys\":{\"b\":\"two\\nlines\\u001b\",\"c\":1}}")
        }
        _ => Reply::json(r#"{"configKeys":{"n":{"deep":[1,"x"]}}}"#),
    });
    let run = Run::of(&mut at(&gate, &["config", "get", "a.password", "b", "n"]));
    assert_eq!(
        run.talk,
        "tsmgate: redacted: a.password; the permission config.secrets shows such values\n"
    );
    assert_eq!(
        run.good(),
        "a.password: [redacted by tsmgate]\nb: two\\u{a}lines\\u{1b}\nn: {\"deep\":[1,\"x\"]}\n"
    );
    let json = Run::of(&mut at(&gate, &["config", "get", "n", "b", "--json"])).good();
    assert_eq!(
        json,
        "{\"configKeys\":{\"b\":\"two\\nlines\\u001b\",\"n\":{\"deep\":[1,\"x\"]}}}\n"
    );
}

#[test]
fn a_long_value_is_shown_whole() {
    let long = "é\u{202e}".repeat(20_000);
    let body = serde_json::json!({ "configKeys": { "k": long } }).to_string();
    let gate = Gate::start(move |seen| {
        let reply = if seen.line.ends_with("version") { r#"{"version":"3"}"# } else { &body };
        Reply::json(reply)
    });
    let out = Run::of(&mut at(&gate, &["config", "get", "k"])).good();
    assert_eq!(out, format!("k: {}\n", "é\\u{202e}".repeat(20_000)));
}

#[test]
fn an_unknown_key_and_a_strange_answer_fail_without_half_an_answer() {
    let controller = Controller::start();
    let run = controller.ask(&["config", "get", "ssl.enabled", "no.such.key"]);
    run.says(65, "404", "check the id, the name or the key");
    controller.ask(&["config", "get", "../x"]).says(65, "a configuration key", "");
    let gate = Gate::start(|seen| {
        let version = if seen.line.ends_with("version") { r#"{"version":[1]}"# } else { "{}" };
        Reply::json(version)
    });
    Run::of(&mut at(&gate, &["config", "get", "k"])).says(76, "the JSON lacks version", "");
    let gate = Gate::start(|seen| {
        let ends = seen.line.ends_with("version");
        Reply::json(if ends { r#"{"version":1}"# } else { r#"{"configKeys":{"other":1}}"# })
    });
    Run::of(&mut at(&gate, &["config", "get", "k"])).says(76, "configKeys with the key", "");
    let gate = Gate::start(|_| Reply::json(r#"{"version":"1/../../login"}"#));
    Run::of(&mut at(&gate, &["config", "get", "k"])).says(65, "a version's number", "");
}
