//! Commands that an operator adds: what is taken, and each way in which one is not.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use serde_json::{Value, json};
use tsmgate_catalogue::command::{
    Added, AddedFault, Catalogue, Effect, FileKind, Kind, Mark, OneOption, Order,
};

fn added(command: Value) -> Added {
    serde_json::from_value(command).unwrap()
}

fn fault(command: Value) -> String {
    Catalogue::with(vec![added(command)]).unwrap_err().to_string()
}

fn with_option(option: &Value) -> Value {
    json!({"path": "configuration set", "option": [option]})
}

#[test]
fn what_is_added_can_be_asked_for() {
    let catalogue = Catalogue::with(vec![
        added(json!({
            "path": "configuration set",
            "summary": "set a key",
            "effect": "stages",
            "option": [
                {"name": "key", "short": "k", "kind": "text", "required": true, "summary": "its name"},
                {"name": "value", "short": "v", "kind": "secret", "conflicts": ["default"]},
                {"name": "default", "short": "d", "kind": "flag"},
                {"name": "mode", "kind": "choice", "choices": ["a", "b"], "repeatable": true},
                {"name": "from", "short": "fr", "kind": "send-file"},
            ],
        })),
        added(json!({"path": "security odd-ssl list", "effect": "reads", "prints_secrets": false})),
        added(json!({"path": "topology list-nodes", "permission": "nodes.read", "ignore_prompt": true})),
    ])
    .unwrap();
    assert_eq!(catalogue.commands().len(), Catalogue::official().commands().len() + 3);

    let set = catalogue.find("configuration set").unwrap();
    assert_eq!(
        (set.effect, set.mark, &*set.permission),
        (Effect::Stages, Mark::Added, "tsm.configuration.set")
    );
    assert!(set.prints_secrets && !set.ignores_prompt);
    assert_eq!(set.option("from").unwrap().kind, Kind::SendFile(FileKind::Any));
    let list = catalogue.find("security odd-ssl list").unwrap();
    assert_eq!((list.effect, &*list.permission), (Effect::Reads, "security.odd-ssl.list"));
    assert!(!list.prints_secrets);
    let nodes = catalogue.find("topology list-nodes").unwrap();
    assert_eq!((nodes.effect, &*nodes.permission), (Effect::Job, "nodes.read"));
    assert!(nodes.ignores_prompt && nodes.prints_secrets);

    let one = |name: &str, value: Option<&str>| OneOption {
        name: name.to_owned(),
        value: value.map(Into::into),
        file: None,
    };
    let code = |options: Vec<OneOption>| {
        let order = Order { command: "configuration set".to_owned(), options, run_seconds: None };
        catalogue.check(&order).map(|checked| checked.given.len()).map_err(|fault| fault.code)
    };
    let key = one("key", Some("a.b"));
    assert_eq!(code(vec![key.clone(), one("mode", Some("a")), one("mode", Some("b"))]), Ok(3));
    assert_eq!(code(vec![key.clone(), one("mode", Some("c"))]), Err("bad_value"));
    assert_eq!(
        code(vec![key, one("default", None), one("value", Some("x"))]),
        Err("options_conflict")
    );
    assert_eq!(code(vec![]), Err("option_missing"));
}

#[test]
fn what_is_no_command_is_not_taken() {
    let twice = AddedFault::Twice("security external-ssl list".to_owned());
    let list = added(json!({"path": "security external-ssl list"}));
    assert_eq!(Catalogue::with(vec![list]).unwrap_err(), twice);
    let same = || added(json!({"path": "a b"}));
    assert!(matches!(Catalogue::with(vec![same(), same()]), Err(AddedFault::Twice(_))));

    let cases = [
        (json!({"path": "security external-ssl"}), "begins with"),
        (json!({"path": "pending-changes list all"}), "begins with"),
        (json!({"path": ""}), "a path is words"),
        (json!({"path": "a  b"}), "a path is words"),
        (json!({"path": " a"}), "a path is words"),
        (json!({"path": "a\tb"}), "a path is words"),
        (json!({"path": "--help"}), "a path is words"),
        (json!({"path": "a -b"}), "a path is words"),
        (json!({"path": "Status"}), "a path is words"),
        (json!({"path": "a;b"}), "a path is words"),
        (json!({"path": "a".repeat(257)}), "a path is words"),
        (json!({"path": "a", "effect": "nothing"}), "effect is one of"),
        (json!({"path": "a", "permission": "login"}), "a permission is words"),
        (json!({"path": "a", "permission": "tsm.*"}), "a permission is words"),
        (json!({"path": "a", "permission": "tsm..a"}), "a permission is words"),
        (json!({"path": "a", "summary": "a\nb"}), "a summary is one line"),
        (with_option(&json!({"name": "-a", "kind": "text"})), "the name of an option"),
        (with_option(&json!({"name": "a=b", "kind": "text"})), "the name of an option"),
        (with_option(&json!({"name": "", "kind": "text"})), "the name of an option"),
        (
            with_option(&json!({"name": "a", "kind": "number"})),
            "a kind that is not one of flag, boolean",
        ),
        (with_option(&json!({"name": "a", "short": "abc", "kind": "flag"})), "short name"),
        (with_option(&json!({"name": "a", "short": "-", "kind": "flag"})), "short name"),
        (with_option(&json!({"name": "a", "short": "", "kind": "flag"})), "short name"),
        (with_option(&json!({"name": "a", "short": "u", "kind": "flag"})), "all commands"),
        (with_option(&json!({"name": "help", "kind": "flag"})), "all commands"),
        (with_option(&json!({"name": "username", "kind": "text"})), "all commands"),
        (with_option(&json!({"name": "password", "kind": "secret"})), "all commands"),
        (with_option(&json!({"name": "server", "kind": "text"})), "all commands"),
        (
            with_option(&json!({"name": "trust-admin-controller-cert", "kind": "flag"})),
            "all commands",
        ),
        (with_option(&json!({"name": "a", "kind": "choice"})), "without `choices`"),
        (
            with_option(&json!({"name": "a", "kind": "choice", "choices": ["x", "x"]})),
            "a choice twice",
        ),
        (
            with_option(&json!({"name": "a", "kind": "choice", "choices": ["-x"]})),
            "begins with a dash",
        ),
        (with_option(&json!({"name": "a", "kind": "text", "choices": ["x"]})), "is no choice"),
        (
            with_option(&json!({"name": "a", "kind": "send-file", "repeatable": true})),
            "cannot be repeated",
        ),
        (with_option(&json!({"name": "a", "kind": "text", "conflicts": ["b"]})), "is no option"),
        (with_option(&json!({"name": "a", "kind": "text", "conflicts": ["a"]})), "can never"),
        (with_option(&json!({"name": "a", "kind": "text", "summary": "\u{1b}[31m"})), "a summary"),
        (with_option(&json!({"name": "request-timeout", "kind": "text"})), "number of seconds"),
        (with_option(&json!({"name": "ignore-prompt", "kind": "text"})), "is a flag"),
        (
            json!({"path": "a", "option": [{"name": "a", "kind": "flag"}, {"name": "a", "kind": "text"}]}),
            "there twice",
        ),
        (
            json!({"path": "a", "option": [
                {"name": "a", "short": "x", "kind": "flag"}, {"name": "b", "short": "x", "kind": "flag"},
            ]}),
            "there twice",
        ),
        (
            json!({"path": "a", "option": [
                {"name": "a", "kind": "text", "required": true, "conflicts": ["b"]},
                {"name": "b", "kind": "text", "required": true},
            ]}),
            "can never",
        ),
    ];
    for (command, says) in cases {
        let fault = fault(command.clone());
        assert!(fault.contains(says), "{command}: {fault}");
        assert!(!fault.contains(char::is_control), "{fault:?}");
    }
    let many: Vec<_> = (0..65).map(|n| json!({"name": format!("o{n}"), "kind": "flag"})).collect();
    assert!(fault(json!({"path": "a", "option": many})).contains("more than 64"));
}

#[test]
fn a_conflict_is_one_from_whichever_side_it_is_written() {
    let catalogue = Catalogue::with(vec![added(json!({"path": "a", "option": [
        {"name": "b", "kind": "flag"},
        {"name": "c", "kind": "flag", "conflicts": ["b"]},
    ]}))])
    .unwrap();
    let flag = |name: &str| OneOption { name: name.to_owned(), value: None, file: None };
    for options in [vec![flag("b"), flag("c")], vec![flag("c"), flag("b")]] {
        let order = Order { command: "a".to_owned(), options, run_seconds: None };
        assert_eq!(catalogue.check(&order).unwrap_err().code, "options_conflict");
    }
}

#[test]
fn unknown_keys_are_named() {
    let command = json!({"path": "a", "effekt": "reads"});
    let fault = serde_json::from_value::<Added>(command).unwrap_err().to_string();
    assert!(fault.contains("effekt"), "{fault}");
}
