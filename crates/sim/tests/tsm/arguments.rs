//! The command line: what is taken, and what is not, by exit code.

use std::os::unix::ffi::OsStringExt;

use tsmgate_catalogue::command::{Catalogue, Kind, Opt};

use super::stage::{FAST, Running, Stage};

#[tokio::test]
async fn wrong_usage_is_2_and_reaches_nobody() {
    let stage = Stage::new().await;
    stage.certificate();
    let port =
        "security vizql-extsvc-ssl enable --connection-type tabpy --extsvc-host h --extsvc-port";
    let apply = "pending-changes apply --ignore-prompt";
    for (line, said) in [
        ("", "Unknown command ''."),
        ("security", "Unknown command 'security'."),
        ("security external-ssl", "Unknown command 'security external-ssl'."),
        ("security external-ssl renew", "Unknown command 'security external-ssl renew'."),
        ("security external-ssl list now", "Unknown command 'security external-ssl list now'."),
        ("SECURITY external-ssl list", "Unknown command 'SECURITY external-ssl list'."),
        ("--server x security external-ssl list", "Unknown command ''."),
        ("security external-ssl list --verbose", "Unknown option '--verbose'."),
        ("security external-ssl list --", "Unknown option '--'."),
        ("security external-ssl list -x", "Unknown option '-x'."),
        ("security external-ssl list --help=yes", "Unknown option '--help'."),
        (
            "security external-ssl enable --key-file k",
            "The required option '--cert-file' is missing.",
        ),
        ("security external-ssl enable --cert k", "Unknown option '--cert'."),
        ("security external-ssl enable -c k", "Unknown option '-c'."),
        ("security external-ssl enable --cert-file", "The option '--cert-file' needs a value."),
        ("security external-ssl enable --cert-file=", "The option '--cert-file' needs a value."),
        (
            "security external-ssl enable --cert-file --key-file k",
            "The option '--cert-file' needs a value.",
        ),
        (
            "security custom-cert add -c server.crt --cert-file server.crt",
            "The option '--cert-file' is given twice.",
        ),
        ("security custom-cert add -cserver.crt", "Unknown option '-cserver.crt'."),
        ("security custom-cert add -c=server.crt", "Unknown option '-c=server.crt'."),
        (
            "security repository-ssl enable --internal-only=true",
            "Unknown option '--internal-only'.",
        ),
        ("pending-changes apply -i -w", "Unknown option '-i'."),
        (
            &format!("{apply} --request-timeout soon"),
            "The option '--request-timeout' takes a number",
        ),
        (&format!("{apply} --request-timeout 0"), "The option '--request-timeout' takes a number"),
        (&format!("{port} 0"), "The option '--extsvc-port' takes a port."),
        (&format!("{port} 65536"), "The option '--extsvc-port' takes a port."),
        (&format!("{port} 1 --script-disabled no"), "The option '--script-disabled' takes true or"),
        (&format!("{port} 1 --connect-timeout-ms -1"), "The option '--connect-timeout-ms' needs a"),
        (
            "authentication mutual-ssl configure -m email",
            "The option '-m' does not take this value.",
        ),
        ("status -p secret", "The option '--password' needs '--username'."),
        ("status -s http://localhost:1", "'http://localhost:1' is not like https://<name>:8850."),
        ("status -s https://127.0.0.1:1", "'https://127.0.0.1:1' is not like"),
        ("status -s https://localhost", "'https://localhost' is not like"),
    ] {
        let ended = stage.run(line).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{line}: {}", ended.err);
        assert!(ended.err.starts_with(said), "{line}: {}", ended.err);
    }
    let mut bytes = stage.command("status");
    bytes.arg(std::ffi::OsString::from_vec(vec![0xff]));
    assert_eq!(Running::of(bytes.spawn().unwrap()).ended().await.code, Some(2));
    assert_eq!((stage.tsm.counts().connections, stage.tsm.counts().api_connections), (0, 0));
}

#[tokio::test]
async fn help_names_options_and_faults() {
    let stage = Stage::new().await;
    let help = stage.good("security vizql-extsvc-ssl enable --help").await;
    assert!(help.contains("-cf, --cert-file <value>"), "{help}");
    for line in ["--help", "help", "security --help", "security -h"] {
        let help = stage.good(line).await;
        assert!(help.contains("  security custom-cert add  "), "{line}");
        for fault in ["hang", "flood", "fork", "daemonize", "escapes", "exit=N", "ignore-term"] {
            assert!(help.contains(fault), "{fault}");
        }
    }
    assert_eq!(stage.tsm.counts().connections, 0);
}

/// Each command of the table with all of its options that can stand together, as a runner would give them.
#[tokio::test]
async fn every_command_of_the_table_is_carried_out() {
    let stage = Stage::with(|api| api.jobs = FAST).await;
    stage.certificate();
    let value = |option: &Opt| match &option.kind {
        Kind::Flag => None,
        Kind::Choice(words) => Some(words[0].to_string()),
        Kind::Boolean => Some("true".to_owned()),
        Kind::Port | Kind::Seconds | Kind::Milliseconds => Some("1800".to_owned()),
        Kind::Protocols => Some("all".to_owned()),
        Kind::SendFile(_) if option.long.contains("key") => Some("server.key".to_owned()),
        Kind::SendFile(_) => Some("server.crt".to_owned()),
        Kind::FetchFile => Some("fetched".to_owned()),
        _ if option.long.contains("retention") => Some("7".to_owned()),
        _ => Some("localhost".to_owned()),
    };
    let custom = "security custom-cert delete";
    for command in Catalogue::official().commands() {
        if command.path.ends_with("get-certificate-file") {
            stage.good("security repository-ssl enable").await;
            stage.good("pending-changes apply --ignore-prompt").await;
        }
        let mut line = vec![command.path.clone().into_owned()];
        let mut given: Vec<&str> = Vec::new();
        for option in &command.options {
            if option.conflicts.iter().any(|other| given.contains(&other.as_ref())) {
                continue;
            }
            given.push(&option.long);
            line.push(format!("--{}", option.long));
            line.extend(value(option));
        }
        stage.good(&line.join(" ")).await;
        // and by short names
        if command.path != custom && !command.path.contains("custom-cert add") {
            let short = |option: &Opt| match (&option.short, value(option)) {
                (Some(short), Some(value)) => format!("-{short} {value}"),
                (Some(short), None) => format!("-{short}"),
                (None, Some(value)) => format!("--{} {value}", option.long),
                (None, None) => format!("--{}", option.long),
            };
            let options: Vec<_> = command
                .options
                .iter()
                .filter(|option| given.contains(&option.long.as_ref()))
                .map(short)
                .collect();
            stage.good(&format!("{} {}", command.path, options.join(" "))).await;
        }
    }
}
