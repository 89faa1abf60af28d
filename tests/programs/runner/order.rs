//! From an order to the arguments of the process: each value stays a value.

use tsmgate_catalogue::command::MASK;
use tsmgate_catalogue::runner::RefusalCode;

use super::stage::{Stage, file, start, value};

/// Prints each argument in brackets.
const ARGUMENTS: &str = r#"for a in "$@"; do printf '<%s>\n' "$a"; done"#;
const ENABLE: &str = "security external-ssl enable";

fn certificates() -> Vec<tsmgate_catalogue::command::OneOption> {
    vec![file("cert-file", "server.crt", b"cert"), file("key-file", "server.key", b"key")]
}

fn with(
    option: tsmgate_catalogue::command::OneOption,
) -> Vec<tsmgate_catalogue::command::OneOption> {
    let mut all = certificates();
    all.push(option);
    all
}

#[test]
fn a_value_that_begins_with_a_dash_is_no_option() {
    let stage = Stage::with(ARGUMENTS);
    let lines = stage.lines(start(ENABLE, with(value("protocols", "-SSLv3"))));
    assert!(lines.contains(&"<--protocols=-SSLv3>".to_owned()), "{lines:?}");
    assert!(!lines.contains(&"<-SSLv3>".to_owned()), "{lines:?}");
}

#[test]
fn a_shell_would_have_nothing_to_do() {
    let stage = Stage::with(ARGUMENTS);
    let secret = "$(touch $HAND/ran) `id`; id | id && * ' \" \\ ~ !1";
    let lines = stage.lines(start(ENABLE, with(value("passphrase", secret))));
    let at = lines.iter().position(|line| line == "<--passphrase>").unwrap();
    // and what was given as a secret is not repeated
    assert_eq!(lines[at + 1], format!("<{MASK}>"));
    assert!(!stage.hand("ran").exists());
}

#[test]
fn names_of_files_are_not_the_callers() {
    let stage = Stage::with(ARGUMENTS);
    for (name, extension) in
        [("server.crt", ".crt"), ("a b.$x", ""), ("-rf.pem", ".pem"), ("x.tar.gz", ".gz")]
    {
        let options = vec![file("cert-file", name, b"c"), file("key-file", "k", b"k")];
        let Ok(task) = stage.begin(start(ENABLE, options)) else { continue };
        let events = stage.events(&task.id);
        let all: Vec<_> = events.into_iter().map(|event| event.what).collect();
        let lines = super::stage::stdout(&all);
        let folder = stage.path("state/work").join(task.id.as_str());
        let place = format!("<{}/cert-file{extension}>", folder.display());
        assert!(lines.contains(&place), "{name}: {lines:?}");
    }
    for name in ["../../../x", "/etc/passwd", "a/b", "a\nb", "a\0b", "", ".", ".."] {
        let options = vec![file("cert-file", name, b"c"), file("key-file", "k", b"k")];
        assert_eq!(stage.refusal(start(ENABLE, options)), RefusalCode::BadOrder, "{name:?}");
    }
}

#[test]
fn a_secret_is_in_no_answer_no_log_and_no_file_of_state() {
    let stage = Stage::configured(
        "echo \"$@\"; echo \"$@\" >&2; cat \"$7\"; touch $HAND/began; while [ -d $HAND ] && [ ! -e $HAND/go ]; do sleep 0.02; done",
        "",
    );
    let key = b"-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END KEY-----\n";
    let options = vec![
        file("cert-file", "server.crt", b"cert"),
        file("key-file", "server.key", key),
        value("passphrase", "tops3cret"),
    ];
    let first = stage.begin(start(ENABLE, options.clone())).unwrap();
    // one that waits is kept too, without its order
    let second = stage.begin(start(ENABLE, options)).unwrap();
    tests::wait::until_blocking("the command", || stage.hand("began").exists().then_some(()));
    stage.give("go");
    let mut said = String::new();
    for id in [&first.id, &second.id] {
        said.push_str(&format!("{:?}", stage.events(id)));
    }
    said.push_str(&format!("{:?} {:?}", stage.list(), stage.log()));
    let mut folders = vec![stage.path("state")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files += 1;
                said.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap()));
            }
        }
    }
    assert_eq!(files, 4, "a task and its output, twice");
    assert!(said.contains(MASK), "it was masked somewhere");
    for secret in ["tops3cret", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"] {
        assert!(!said.contains(secret), "{secret}");
    }
}
