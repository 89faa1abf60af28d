//! Orders beside the table: what is taken, each way in which one is not, and that no value becomes an option
//! or shows where it may not.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tsmgate_catalogue::command::{
    Catalogue, Command, Given, Kind, MASK, OPTIONS_LIMIT, OneOption, Opt, Order, OrderFault,
    SentFile,
};

const SECRET: &str = "correct horse";

fn value(name: &str, value: &str) -> OneOption {
    OneOption { name: name.to_owned(), value: Some(value.into()), file: None }
}

fn flag(name: &str) -> OneOption {
    OneOption { name: name.to_owned(), value: None, file: None }
}

fn file(name: &str, file: &str, content: &str) -> OneOption {
    let file = SentFile { name: file.to_owned(), content: content.into() };
    OneOption { name: name.to_owned(), value: None, file: Some(file) }
}

fn order(command: &str, options: &[OneOption]) -> Order {
    Order { command: command.to_owned(), options: options.to_vec(), run_seconds: None }
}

fn fault(command: &str, options: &[OneOption]) -> OrderFault {
    Catalogue::official().check(&order(command, options)).unwrap_err()
}

const ENABLE: &str = "security external-ssl enable";
const EXTSVC: &str = "security vizql-extsvc-ssl enable";

fn enable(more: &[OneOption]) -> Vec<OneOption> {
    let files =
        [file("cert-file", "server.crt", "Y2VydA=="), file("key-file", "server.key", "a2V5")];
    files.iter().chain(more).cloned().collect()
}

fn extsvc(more: &[OneOption]) -> Vec<OneOption> {
    let needed = [
        value("connection-type", "tabpy"),
        value("extsvc-host", "10.0.0.7"),
        value("extsvc-port", "9004"),
    ];
    needed.iter().chain(more).cloned().collect()
}

#[test]
fn a_good_order_becomes_an_argument_vector() {
    let options = enable(&[value("passphrase", "-x y"), value("protocols", "-SSLv3 all")]);
    let order = order(ENABLE, &options);
    let checked = Catalogue::official().check(&order).unwrap();
    assert!(
        matches!(&checked.given[0].1, Given::Sent("server.crt", bytes) if ***bytes == *b"cert")
    );
    let place = |option: &Opt| PathBuf::from("/w").join(checked.file_name(option));
    assert_eq!(
        checked.arguments(place),
        [
            "security",
            "external-ssl",
            "enable",
            "--cert-file",
            "/w/cert-file.crt",
            "--key-file",
            "/w/key-file.key",
            "--passphrase=-x y",
            "--protocols=-SSLv3 all",
        ]
    );
    let shown = checked.shown(Path::new("/w"));
    assert_eq!(shown[7..], ["--passphrase", MASK, "--protocols=-SSLv3 all"]);
    assert_eq!(checked.secrets().map(|text| text.expose()).collect::<Vec<_>>(), ["-x y"]);
}

#[test]
fn the_prompt_is_always_ignored_where_there_is_one() {
    for options in [vec![], vec![flag("ignore-prompt")]] {
        let order = order("pending-changes apply", &options);
        let checked = Catalogue::official().check(&order).unwrap();
        let arguments = checked.arguments(|_| PathBuf::new());
        assert_eq!(arguments, ["pending-changes", "apply", "--ignore-prompt"]);
    }
}

#[test]
fn each_fault_has_its_code_and_names_the_option() {
    let cases: Vec<(&str, &str, Vec<OneOption>, &str)> = vec![
        ("unknown_command", "security external-ssl", vec![], "no such command"),
        ("unknown_command", "security  external-ssl list", vec![], "no such command"),
        ("unknown_command", "Security external-ssl list", vec![], "no such command"),
        ("unknown_command", "jobs reconnect", vec![], "no such command"),
        ("unknown_option", ENABLE, enable(&[value("cipher", "x")]), "`--cipher`"),
        ("unknown_option", ENABLE, enable(&[value("--passphrase", "x")]), "no option `----pass"),
        ("unknown_option", ENABLE, enable(&[flag("passphrase=x")]), "no such option"),
        ("option_missing", ENABLE, enable(&[])[..1].to_vec(), "`--key-file`"),
        ("option_missing", "security repository-ssl get-certificate-file", vec![], "`--file`"),
        ("option_repeated", ENABLE, enable(&enable(&[])), "`--cert-file`"),
        (
            "options_conflict",
            "maintenance ziplogs",
            vec![value("minimumdate", "01/02/2020"), value("startdate", "01/02/2020")],
            "exclude each other",
        ),
        ("bad_value", EXTSVC, extsvc(&[flag("extsvc-username")]), "takes a value"),
        (
            "bad_value",
            "security repository-ssl enable",
            vec![value("internal-only", "true")],
            "takes no value",
        ),
        (
            "bad_value",
            "security repository-ssl get-certificate-file",
            vec![value("file", "/etc/x")],
            "takes no value",
        ),
        ("bad_file", ENABLE, vec![value("cert-file", "/etc/shadow")], "`--cert-file` takes a file"),
        ("bad_file", ENABLE, vec![flag("cert-file")], "`--cert-file` takes a file"),
        ("bad_file", EXTSVC, extsvc(&[file("extsvc-username", "a", "")]), "takes no file"),
        (
            "bad_file",
            "security repository-ssl get-certificate-file",
            vec![file("file", "a", "")],
            "takes no file",
        ),
    ];
    for (code, command, options, says) in cases {
        let fault = fault(command, &options);
        assert_eq!(fault.code, code, "{command}: {fault}");
        assert!(fault.message.contains(says), "{fault}");
    }
    let many = vec![flag("internal-only"); OPTIONS_LIMIT + 1];
    assert_eq!(fault("security repository-ssl enable", &many).code, "option_repeated");
    let mut none = order("security external-ssl list", &[]);
    none.run_seconds = Some(0);
    assert_eq!(Catalogue::official().check(&none).unwrap_err().code, "bad_value");
}

#[test]
fn a_choice_is_one_of_its_words() {
    for word in ["TabPy", "tabpy2", "", "tabpy "] {
        let mut options = extsvc(&[]);
        options[0] = value("connection-type", word);
        assert_eq!(
            fault(EXTSVC, &options).message,
            "`--connection-type` is one of rserve-secure, rserve, tabpy-secure, tabpy"
        );
    }
}

#[test]
fn files_have_plain_names_and_canonical_content() {
    let long = "x".repeat(256);
    for name in ["", ".", "..", "a/b", "/a", "../a", "a\0", "a\nb", &long] {
        assert_eq!(
            fault(ENABLE, &[file("cert-file", name, "Y2VydA==")]).code,
            "bad_file",
            "{name:?}"
        );
    }
    for content in ["Y2VydA", "Y2VydA=", "Y2VydB==", "Y2Vy dA==", "Y2VydA==\n", "Y2-_", "=", "ä"] {
        let fault = fault(ENABLE, &[file("cert-file", "a.crt", content)]);
        assert_eq!(fault.code, "bad_file", "{content:?}");
        assert!(!fault.message.contains(content), "{fault}");
    }
}

#[test]
fn the_name_on_the_host_is_the_option_s_with_a_harmless_extension() {
    let names = [
        ("server.crt", "cert-file.crt"),
        ("a.b.PEM", "cert-file.PEM"),
        ("x", "cert-file"),
        ("a.too-long.e x", "cert-file"),
        ("a.crt;id", "cert-file"),
        (".crt", "cert-file"),
        ("-x.p12", "cert-file.p12"),
    ];
    for (sent, on_host) in names {
        let options = [file("cert-file", sent, "Y2VydA==")];
        let order = order("security custom-cert add", &options);
        let checked = Catalogue::official().check(&order).unwrap();
        assert_eq!(checked.file_name(&checked.command.options[0]), on_host);
    }
}

#[test]
fn request_timeout_lets_it_run_longer() {
    let may = |options: &[OneOption], run: Option<u64>, usual, most| {
        let mut order = order("pending-changes apply", options);
        order.run_seconds = run;
        Catalogue::official().check(&order).unwrap().may_run(usual, most)
    };
    assert_eq!(may(&[], None, 2100, 14400), 2100);
    assert_eq!(may(&[], Some(60), 2100, 14400), 60);
    let timeout = [value("request-timeout", "7200")];
    assert_eq!(may(&timeout, None, 2100, 14400), 7500);
    assert_eq!(may(&timeout, Some(60), 2100, 14400), 7500);
    assert_eq!(may(&[value("request-timeout", "4294967295")], None, 2100, 14400), 14400);
    assert_eq!(may(&[], Some(u64::MAX), 2100, 14400), 14400);
}

/// Texts that another reader could take for an option, and others.
fn texts() -> impl Strategy<Value = String> {
    let dashes = "-{0,2}[a-z=\\-]{0,12}( .{0,8})?";
    prop_oneof![
        dashes,
        "\\PC{0,24}",
        Just("--help".to_owned()),
        Just("-p".to_owned()),
        "[0-9]{1,6}",
        Just("-SSLv3".to_owned()),
        Just("true".to_owned()),
        Just("tabpy".to_owned())
    ]
}

/// A value that can be one of the kind, beginning with a dash where the kind lets it.
fn fitting(kind: &Kind) -> BoxedStrategy<String> {
    match kind {
        Kind::Boolean => prop_oneof!["true", "false"].boxed(),
        Kind::Choice(words) => proptest::sample::select(words.clone()).prop_map(Into::into).boxed(),
        Kind::Host => prop_oneof!["[a-z]{1,5}(\\.[a-z0-9]{1,4}x)?", Just("::1".to_owned())].boxed(),
        Kind::Port => (1_u16..).prop_map(|port| port.to_string()).boxed(),
        Kind::Seconds | Kind::Milliseconds => "[1-9][0-9]{0,4}".boxed(),
        Kind::Protocols => "[-+]?(all|SSLv3)([ ,]{1,2}[-+]?TLSv1(\\.[0-3])?){0,3}".boxed(),
        Kind::Secret => prop_oneof!["-{0,2}[a-z=\\-]{1,9}", "\\PC{1,24}", "--help"].boxed(),
        Kind::Text => "[a-z=][a-z =\\-]{0,12}".boxed(),
        Kind::FileName => "[a-z][a-z.\\-]{0,12}".boxed(),
        Kind::Flag | Kind::FetchFile => Just(String::new()).boxed(),
        Kind::SendFile(_) => "-{0,2}[a-z]{1,9}\\.-?[a-z]{1,4}".boxed(),
    }
}

/// An order for a row, most often one that is taken.
fn orders() -> impl Strategy<Value = (&'static Command, Order)> {
    let rows: Vec<&'static Command> = Catalogue::official().commands().iter().collect();
    proptest::sample::select(rows).prop_flat_map(|row| {
        let options: Vec<_> = row
            .options
            .iter()
            .map(|option| {
                let name = option.long.clone().into_owned();
                let kind = option.kind.clone();
                let text = prop_oneof![9 => fitting(&kind), 1 => texts()];
                let given = prop::bool::weighted(if option.required { 0.98 } else { 0.4 });
                (given, text).prop_map(move |(given, text)| {
                    given.then(|| match kind {
                        Kind::Flag | Kind::FetchFile => flag(&name),
                        Kind::SendFile(_) => file(&name, &text, "Y2VydA=="),
                        _ => value(&name, &text),
                    })
                })
            })
            .collect();
        options.prop_map(move |options| {
            let options: Vec<_> = options.into_iter().flatten().collect();
            (row, order(&row.path, &options))
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// No value becomes an option: what begins with a dash is a name of the row, alone or joined to its value
    #[test]
    fn no_value_becomes_an_option((row, order) in orders()) {
        let checked = Catalogue::official().check(&order);
        prop_assume!(checked.is_ok());
        let checked = checked.unwrap();
        let place = |option: &Opt| Path::new("/var/lib/work").join(checked.file_name(option));
        let arguments = checked.arguments(place);
        let mut rest = arguments.iter();
        for word in row.words() {
            prop_assert_eq!(rest.next().unwrap(), word);
        }
        let mut names = 0;
        while let Some(argument) = rest.next() {
            let long = argument.strip_prefix("--").unwrap();
            let (name, joined) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            let option = row.option(name).unwrap();
            names += 1;
            if option.kind != Kind::Flag && joined.is_none() {
                prop_assert!(!rest.next().unwrap().starts_with('-'));
            }
        }
        let added = usize::from(row.ignores_prompt
            && !order.options.iter().any(|one| one.name == "ignore-prompt"));
        prop_assert_eq!(names, order.options.len() + added);
    }

    /// The argument vector that people are shown has a mask in the place of each secret
    #[test]
    fn shown_vectors_have_no_secret(given in "\\PC{1,24}", dash in any::<bool>()) {
        let secret = format!("{}{SECRET}{given}", if dash { "-" } else { "" });
        let options = enable(&[value("passphrase", &secret)]);
        let order = order(ENABLE, &options);
        let checked = Catalogue::official().check(&order).unwrap();
        let shown = checked.shown(Path::new("/w")).join("\n");
        prop_assert!(!shown.contains(SECRET));
        let masked = format!("--passphrase\n{MASK}");
        prop_assert!(shown.ends_with(&masked));
        let debugged = format!("{checked:?} {order:?}");
        prop_assert!(!debugged.contains(SECRET));
        // 99, 101, 114: what a careless form would show of a file
        prop_assert!(!debugged.contains("99, 101, 114"));
    }

    #[test]
    fn faults_say_no_value(text in texts()) {
        let text = format!("{text}\u{1}{SECRET}");
        for name in ["passphrase", "protocols", "cert-file", "key-file"] {
            prop_assert!(!fault(ENABLE, &[value(name, &text)]).message.contains(SECRET));
        }
        let named = OneOption { name: text, value: None, file: None };
        prop_assert!(!fault(ENABLE, &[named]).message.contains(SECRET));
    }
}
