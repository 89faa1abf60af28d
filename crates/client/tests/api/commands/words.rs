//! The vendor's words, options and short names: each row of the table reaches the gate as it was typed.

use serde_json::{Value, json};
use tsmgate_catalogue::command::{Catalogue, Command, Kind, Opt, Order};

use super::{Lane, end, out};
use crate::rig::{Run, SECRET, tsmgate};

/// A value that an option takes; files are in the folder of the gate's certificates.
fn value(option: &Opt, lane: &Lane) -> Option<String> {
    let file = |name: &str| Some(lane.gate.certificates.path(name).display().to_string());
    match &option.kind {
        Kind::Flag => None,
        Kind::Boolean => Some("true".to_owned()),
        Kind::Choice(words) => Some(words.last().unwrap().clone().into_owned()),
        Kind::Text if option.long.ends_with("date") => Some("01/31/2026".to_owned()),
        Kind::Text => Some("some text".to_owned()),
        Kind::FileName => Some("nightly.tsbak".to_owned()),
        Kind::Host => Some("rserve.example.com".to_owned()),
        Kind::Port => Some("6311".to_owned()),
        Kind::Seconds => Some("90".to_owned()),
        Kind::Milliseconds => Some("1500".to_owned()),
        Kind::Protocols => Some("-SSLv3 -TLSv1".to_owned()),
        Kind::SendFile(_) => file("ca.pem"),
        Kind::FetchFile => file("fetched.crt"),
        Kind::Secret => file("secret"),
    }
}

/// What is typed for an option, by its long name or its short one.
fn typed(option: &Opt, lane: &Lane, short: bool) -> Vec<String> {
    let name = match &option.short {
        Some(name) if short => format!("-{name}"),
        _ if option.kind == Kind::Secret => format!("--{}-file", option.long),
        _ => format!("--{}", option.long),
    };
    std::iter::once(name).chain(value(option, lane)).collect()
}

/// Sets of options that together are all of a command's, each set without a conflict and with what is
/// required.
fn sets(command: &Command) -> Vec<Vec<&Opt>> {
    let fits = |set: &[&Opt], option: &Opt| {
        set.iter().all(|one| {
            !one.conflicts.contains(&option.long) && !option.conflicts.contains(&one.long)
        })
    };
    let mut sets: Vec<Vec<&Opt>> = Vec::new();
    for first in &command.options {
        if sets.iter().flatten().any(|option| option.long == first.long) {
            continue;
        }
        let mut set = vec![first];
        let required = command.options.iter().filter(|option| option.required);
        for option in required.chain(&command.options) {
            if set.iter().all(|one| one.long != option.long) && fits(&set, option) {
                set.push(option);
            }
        }
        sets.push(set);
    }
    if sets.is_empty() { vec![Vec::new()] } else { sets }
}

#[test]
fn every_command_of_the_table_reaches_the_gate_with_every_option() {
    let lane = Lane::of(&[
        json!({ "file": { "option": "file", "content": "LS0t" } }),
        out("done"),
        end(0),
    ]);
    lane.private("secret", &format!("a {SECRET} phrase\n"));
    let mut wanted: Vec<(String, Vec<&Opt>)> = Vec::new();
    for command in Catalogue::official().commands() {
        let ways = sets(command).into_iter().flat_map(|set| {
            let has_short = set.iter().any(|option| option.short.is_some());
            [Some((set.clone(), false)), has_short.then_some((set, true))]
        });
        for (set, short) in ways.flatten() {
            let words = command.words().map(str::to_owned);
            let options = set.iter().flat_map(|option| typed(option, &lane, short));
            let line: Vec<String> = words.chain(options).chain(["--no-check".to_owned()]).collect();
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            let run = Run::of(&mut lane.asked(&line));
            assert_eq!((run.code, run.out.as_str()), (Some(0), "done\n"), "{line:?} {run:?}");
            wanted.push((command.path.clone().into_owned(), set));
        }
    }
    let orders = lane.orders();
    assert_eq!(orders.len(), wanted.len());
    for (order, (path, set)) in orders.iter().zip(wanted) {
        assert_eq!(order["command"], path.as_str());
        let options = order["options"].as_array().unwrap();
        assert_eq!(options.len(), set.len(), "{order}");
        for (sent, option) in options.iter().zip(set) {
            assert_eq!(sent["name"], &*option.long, "{order}");
            match option.kind {
                Kind::Flag | Kind::FetchFile => assert_eq!(*sent, json!({ "name": option.long })),
                Kind::SendFile(_) => assert_eq!(sent["file"]["name"], "ca.pem"),
                Kind::Secret => assert_eq!(sent["value"], format!("a {SECRET} phrase")),
                _ => assert_eq!(sent["value"], value(option, &lane).unwrap().as_str()),
            }
        }
        // and the host takes it
        let order: Order = serde_json::from_value(order.clone()).unwrap();
        Catalogue::official().check(&order).unwrap();
    }
}

fn options_of(lane: &Lane) -> Value {
    lane.orders().last().unwrap()["options"].clone()
}

#[test]
fn values_that_begin_with_a_dash_and_two_letter_names_are_the_vendors() {
    let lane = Lane::of(&[end(0)]);
    let tabpy = ["--connection-type", "tabpy", "--extsvc-host", "tabpy", "--extsvc-port=9004"];
    let ca = lane.gate.certificates.path("ca.pem");
    let joined = format!("-cf={}", ca.display());
    let line = [&["security", "vizql-extsvc-ssl", "enable"][..], &tabpy, &[&joined]].concat();
    lane.run(&line).good();
    assert_eq!(options_of(&lane)[3]["file"]["name"], "ca.pem");
    lane.run(&["pending-changes", "apply", "-iw", "--ignore-prompt"]).good();
    assert_eq!(
        options_of(&lane),
        json!([{ "name": "ignore-warnings" }, { "name": "ignore-prompt" }])
    );
    let (cert, key) = ("client.pem", "client.key");
    let (cert, key) = (lane.gate.certificates.path(cert), lane.gate.certificates.path(key));
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let enable = ["security", "external-ssl", "enable", "--no-check", "--cert-file", cert];
    for protocols in [&["--protocols", "-SSLv3"][..], &["--protocols=-SSLv3"]] {
        lane.run(&[&enable[..], protocols, &["--key-file", key]].concat()).good();
        assert_eq!(options_of(&lane)[1], json!({ "name": "protocols", "value": "-SSLv3" }));
    }
}

#[test]
fn what_the_table_has_not_is_refused_before_anything_is_sent() {
    let lane = Lane::of(&[end(0)]);
    for (line, what) in [
        (&["security", "external-ssl", "list", "--nonsense"][..], "'--nonsense'"),
        (&["security", "external-ssl", "enable"], "--cert-file <FILE>"),
        (&["security", "nonsense"], "'nonsense'"),
        (
            &["security", "external-ssl", "list", "--json", "--json"],
            "cannot be used multiple times",
        ),
        (
            &[
                "security",
                "vizql-extsvc-ssl",
                "enable",
                "--connection-type",
                "tabpy",
                "--extsvc-host",
                "tabpy",
                "--extsvc-port",
                "70000",
            ],
            "--extsvc-port is a port, 1 to 65535",
        ),
        (
            &[
                "security",
                "vizql-extsvc-ssl",
                "enable",
                "--connection-type",
                "other",
                "--extsvc-host",
                "tabpy",
                "--extsvc-port",
                "7000",
            ],
            "invalid value 'other' for '--connection-type <WORD>'",
        ),
    ] {
        lane.run(line).says(64, what, "");
    }
    assert!(lane.lines().is_empty());
    Run::of(&mut tsmgate(["security", "external-ssl"])).says(64, "nothing was asked for", "--help");
}

#[test]
fn how_long_it_may_run_goes_to_whoever_understands_it() {
    let lane = Lane::of(&[end(0)]);
    lane.run(&["security", "regenerate-internal-tokens", "--request-timeout", "90"]).good();
    assert_eq!(
        lane.orders()[0],
        json!({
            "command": "security regenerate-internal-tokens",
            "options": [{ "name": "request-timeout", "value": "90" }],
        })
    );
    lane.run(&["security", "external-ssl", "list", "--request-timeout", "90", "--ignore-prompt"])
        .good();
    assert_eq!(
        lane.orders()[1],
        json!({ "command": "security external-ssl list", "options": [], "run_seconds": 90 })
    );
    lane.run(&["security", "external-ssl", "list", "--request-timeout", "soon"]).says(
        64,
        "--request-timeout",
        "",
    );
}

#[test]
fn no_command_of_ours_hides_one_of_the_vendors() {
    let grammar = tsmgate_client::cli::command();
    grammar.clone().debug_assert();
    for command in Catalogue::official().commands() {
        let mut leaf = &grammar;
        for word in command.words() {
            let mut found = leaf.get_subcommands().filter(|below| below.get_name() == word);
            leaf = found.next().unwrap();
            assert!(found.next().is_none(), "two commands `{word}`");
        }
        let help = leaf.clone().render_long_help().to_string();
        assert!(help.contains(&format!("Takes the permission {}.", command.permission)), "{help}");
        for option in &command.options {
            let long = format!("--{}", option.long);
            assert!(help.contains(&long), "{long} is not in {help}");
            if let Some(short) = &option.short {
                assert!(help.contains(&format!("-{short}")), "-{short} is not in {help}");
            }
            if let Some(default) = &option.default {
                let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(help.contains(&format!("[default at TSM: {default}]")), "{help}");
            }
        }
    }
}
