//! Arguments as the vendor's tool takes them, written for a usual parser: nothing is lost, nothing moves.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::ffi::OsString;

use proptest::prelude::*;
use tsmgate_catalogue::command::Catalogue;
use tsmgate_catalogue::command::arguments::{GLOBAL, Name, rewrite};
use tsmgate_catalogue::command::follow::{job, progress, reconnect};

fn names(path: &str) -> Vec<Name<'static>> {
    let command = Catalogue::official().find(path).unwrap();
    command.options.iter().map(Name::from).chain(GLOBAL.iter().copied()).collect()
}

fn rewritten(path: &str, arguments: &[&str]) -> Vec<String> {
    let arguments = arguments.iter().map(OsString::from).collect();
    let written = rewrite(arguments, &names(path));
    written.into_iter().map(|argument| argument.into_string().unwrap()).collect()
}

const ENABLE: &str = "security external-ssl enable";
const EXTSVC: &str = "security vizql-extsvc-ssl enable";
const APPLY: &str = "pending-changes apply";

#[test]
fn short_names_and_values_with_a_dash_are_written_out() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        (EXTSVC, &["-cf", "a.crt"], &["--cert-file", "a.crt"]),
        (EXTSVC, &["-cf=a.crt"], &["--cert-file=a.crt"]),
        (EXTSVC, &["-cf", "-a.crt"], &["--cert-file=-a.crt"]),
        (APPLY, &["-iw", "--ignore-prompt"], &["--ignore-warnings", "--ignore-prompt"]),
        (APPLY, &["-iw", "-x"], &["--ignore-warnings", "-x"]),
        (ENABLE, &["--protocols", "-SSLv3"], &["--protocols=-SSLv3"]),
        (ENABLE, &["--protocols", "all -SSLv3"], &["--protocols", "all -SSLv3"]),
        (ENABLE, &["--protocols=-SSLv3"], &["--protocols=-SSLv3"]),
        (ENABLE, &["--passphrase", "--strange"], &["--passphrase=--strange"]),
        (ENABLE, &["--passphrase", "--a=b"], &["--passphrase=--a=b"]),
        (ENABLE, &["--passphrase=a=b"], &["--passphrase=a=b"]),
        (ENABLE, &["--passphrase="], &["--passphrase="]),
        // forgotten values stay forgotten
        (ENABLE, &["--passphrase", "--key-file", "k"], &["--passphrase", "--key-file", "k"]),
        (ENABLE, &["--passphrase", "--key-file=k"], &["--passphrase", "--key-file=k"]),
        (ENABLE, &["--passphrase"], &["--passphrase"]),
        (ENABLE, &["--passphrase", "--", "-u"], &["--passphrase", "--", "-u"]),
        (
            ENABLE,
            &["-u", "admin", "-p", "-pw", "-s", "https://h:8850", "-h"],
            &["--username", "admin", "--password=-pw", "--server", "https://h:8850", "--help"],
        ),
        // what is not known stays: other commands' short names, too
        (ENABLE, &["-cf", "a.crt", "word", "-"], &["-cf", "a.crt", "word", "-"]),
        (ENABLE, &["--json", "--Protocols", "-x"], &["--json", "--Protocols", "-x"]),
        (
            "maintenance ziplogs",
            &["-mi", "-m", "01/02/2020", "-l"],
            &["--with-msinfo", "--minimumdate", "01/02/2020", "--with-latest-dump"],
        ),
        (
            "maintenance backup",
            &["-f", "ts_backup", "-d", "-po", "-k"],
            &["--file", "ts_backup", "--append-date", "--pg-only", "--skip-verification"],
        ),
        (
            "security repository-ssl get-certificate-file",
            &["-f", "server.cert"],
            &["--file", "server.cert"],
        ),
        (
            "authentication mutual-ssl configure",
            &["-cf", "ca.crt", "-fb", "true", "-rf", "r.pem"],
            &["--ca-cert", "ca.crt", "--fallback-to-basic", "true", "--revocation-file", "r.pem"],
        ),
    ];
    for (path, arguments, written) in cases {
        assert_eq!(rewritten(path, arguments), *written, "{arguments:?}");
    }
}

#[cfg(unix)]
#[test]
fn names_of_files_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStringExt;
    let odd = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let written = rewrite(vec!["-cf".into(), odd(b"\xff.crt")], &names(EXTSVC));
    assert_eq!(written, [OsString::from("--cert-file"), odd(b"\xff.crt")]);
    let written = rewrite(vec!["-cf".into(), odd(b"-\xff")], &names(EXTSVC));
    assert_eq!(written, [odd(b"--cert-file=-\xff")]);
    assert_eq!(rewrite(vec![odd(b"-\xff")], &names(EXTSVC)), [odd(b"-\xff")]);
}

/// One argument: an option of the command in any form, or whatever.
fn argument() -> impl Strategy<Value = String> {
    let known: Vec<String> = names(EXTSVC)
        .iter()
        .flat_map(|name| {
            let short = name.short.map(|short| format!("-{short}"));
            short.into_iter().chain([format!("--{}", name.long)])
        })
        .collect();
    let known = proptest::sample::select(known);
    prop_oneof![
        4 => known.clone(),
        1 => (known, "[a-z=\\-]{0,6}").prop_map(|(name, value)| format!("{name}={value}")),
        3 => "-{0,2}[a-zA-Z0-9 ]{0,6}",
        1 => "\\PC{0,8}",
        1 => Just("--".to_owned()),
    ]
}

/// Arguments with each short name written out and each joined value apart, as far as they are options.
fn apart(arguments: &[String]) -> Vec<String> {
    let names = names(EXTSVC);
    let mut parts = Vec::new();
    let mut ended = false;
    for argument in arguments {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument.as_str(), None),
        };
        let known = names.iter().find(|known| {
            name == format!("--{}", known.long)
                || known.short.is_some_and(|short| name == format!("-{short}"))
        });
        ended |= argument == "--";
        match known {
            Some(known) if !ended => {
                parts.push(format!("--{}", known.long));
                parts.extend(value.map(str::to_owned));
            }
            _ => parts.push(argument.clone()),
        }
    }
    parts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn nothing_is_lost_and_nothing_moves(arguments in prop::collection::vec(argument(), 0..9)) {
        let given: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let written = rewritten(EXTSVC, &given);
        prop_assert_eq!(apart(&written), apart(&arguments));
        // and once is enough
        let again: Vec<&str> = written.iter().map(String::as_str).collect();
        prop_assert_eq!(rewritten(EXTSVC, &again), written);
    }
}

#[test]
fn the_job_of_a_command_is_found_and_followed() {
    assert_eq!(job("Job id is '1', timeout is 10 minutes."), Some("1"));
    assert_eq!(job("  Job id is '207', timeout is 33.33 minutes.  \r"), Some("207"));
    for line in [
        "",
        "Job id is ''",
        "Job id is 'x1', timeout",
        "Job id is '1",
        "A Job id is '1'",
        "Job id is '-1'",
    ] {
        assert_eq!(job(line), None, "{line:?}");
    }
    assert_eq!(reconnect("207"), ["jobs", "reconnect", "--id", "207"]);
    for odd in ["", "--help", "-1", "1 2", "1\n", "x"] {
        assert_eq!(
            reconnect(odd),
            ["jobs".to_owned(), "reconnect".to_owned(), format!("--id={odd}")]
        );
    }
}

#[test]
fn progress_is_read_from_what_a_terminal_shows() {
    assert_eq!(
        progress("6% - Retrieving the topology to deploy."),
        Some((6, "Retrieving the topology to deploy."))
    );
    assert_eq!(
        progress("100% - Waiting for the services to start.     "),
        Some((100, "Waiting for the services to start."))
    );
    assert_eq!(
        progress("7% - Waiting\r13% - Validating - all.  \r"),
        Some((13, "Validating - all."))
    );
    for line in [
        "",
        "101% - x",
        "1000% - x",
        "-1% - x",
        "+1% - x",
        "1 % - x",
        "% - x",
        "5% -",
        "5% -  ",
        "at 5% - x",
        "5%",
    ] {
        assert_eq!(progress(line), None, "{line:?}");
    }
}
