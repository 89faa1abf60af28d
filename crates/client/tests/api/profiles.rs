//! Gates by name: which one is meant, and several at once.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::rig::{Gate, Reply, Run, tsmgate};

const WHO: &str = r#"{"client":"jump01","roles":["monitor"],"address":"10.0.0.7"}"#;

fn gate(body: &str) -> Gate {
    let reply = Reply::json(body);
    Gate::start(move |_| reply.clone())
}

fn entry(name: &str, gate: &Gate) -> String {
    let path = |file: &str| gate.certificates.path(file);
    format!(
        "[profile.{name}]\ngate = 'localhost:{}'\nca = {:?}\ncert = {:?}\nkey = {:?}\n",
        gate.port(),
        path("ca.pem"),
        path("client.pem"),
        path("client.key")
    )
}

/// The program with this configuration file.
fn with(folder: &Path, text: &str, arguments: &[&str]) -> Command {
    let file = folder.join("config.toml");
    fs::write(&file, text).unwrap();
    let mut command = tsmgate(arguments);
    command.env("TSMGATE_CONFIG", file);
    command
}

#[test]
fn the_gate_that_is_asked_is_the_one_that_was_named_last() {
    let folder = tempfile::tempdir().unwrap();
    let (prod, stage, third) = (gate(WHO), gate(WHO), gate(WHO));
    let text = format!("current = 'prod'\n{}{}", entry("prod", &prod), entry("stage", &stage));
    let counts = || [prod.seen().len(), stage.seen().len(), third.seen().len()];
    let third_at = format!("localhost:{}", third.port());
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        Run::of(with(folder.path(), &text, arguments).envs(variables.iter().copied())).good();
    };

    run(&["whoami"], &[]);
    assert_eq!(counts(), [1, 0, 0], "the current one");
    run(&["--profile", "stage", "whoami"], &[]);
    run(&["whoami", "--profile=stage"], &[]);
    run(&["whoami"], &[("TSMGATE_PROFILE", "stage")]);
    assert_eq!(counts(), [1, 3, 0], "by name, before and after the verb, and by the variable");
    run(&["--profile", "stage", "whoami"], &[("TSMGATE_GATE", &third_at), ("TSMGATE_CA", "/none")]);
    assert_eq!(counts(), [1, 4, 0], "a typed profile sets the variables aside");

    let path = |file: &str| third.certificates.path(file).to_string_lossy().into_owned();
    let (ca, cert, key) = (path("ca.pem"), path("client.pem"), path("client.key"));
    let whole = [
        ("TSMGATE_GATE", &*third_at),
        ("TSMGATE_CA", &*ca),
        ("TSMGATE_CERT", &*cert),
        ("TSMGATE_KEY", &*key),
    ];
    run(&["whoami"], &whole);
    assert_eq!(counts(), [1, 4, 1], "the variables before the current one");
    let others = ["--ca", &ca, "--cert", &cert, "--key", &key];
    run(&[&["--profile", "prod", "whoami", "--gate", &*third_at], &others[..]].concat(), &[]);
    assert_eq!(counts(), [1, 4, 2], "typed options before a typed profile");
}

#[test]
fn several_gates_make_one_table_and_the_worst_end() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = |id: u64, kind: &str| {
        gate(&format!(
            r#"{{"asyncJobs":[{{"id":{id},"jobType":"{kind}","status":"Running","progress":5}}]}}"#
        ))
    };
    let (prod, stage) = (jobs(3, "GenerateBackupJob"), jobs(14, "CleanupJob"));
    let dead = Gate::start(|_| Reply::refused(403, "not_permitted", "", "{}"));
    let text = [entry("prod", &prod), entry("stage", &stage), entry("dead", &dead)].concat();
    let run = |arguments: &[&str]| Run::of(&mut with(folder.path(), &text, arguments));

    let table = run(&["--profile", "stage,prod", "jobs", "list"]).good();
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("PROFILE  ID  TYPE "), "{table}");
    assert!(lines[1].starts_with("stage    14  CleanupJob "), "{table}");
    assert!(lines[2].starts_with("prod     3   GenerateBackupJob "), "{table}");

    let failed = run(&["--profile", "prod,dead,stage", "jobs", "list"]);
    assert_eq!(failed.code, Some(77), "{failed:?}");
    assert!(failed.out.contains("\ndead     no answer  "), "{failed:?}");
    assert!(failed.out.contains("\nstage    14 "), "the others are there: {failed:?}");
    failed.told("dead: ", "");

    let json = run(&["jobs", "list", "--json", "--profile", "prod,dead"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["profiles"][0]["profile"], "prod");
    assert_eq!(json["profiles"][0]["answer"]["asyncJobs"][0]["id"], 3);
    assert_eq!(json["profiles"][1]["error"]["exit"], 77);

    let asked = prod.seen().len();
    for changing in [&["stop"][..], &["jobs", "cancel", "3"], &["login"], &["commands", "list"]] {
        let refused = run(&[&["--profile", "prod,stage"], changing].concat());
        refused.says(64, "several profiles do not go with this command", "give one");
    }
    assert_eq!(prod.seen().len(), asked, "nobody was asked");
}

#[test]
fn a_profile_with_a_fault_is_named_and_nobody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let prod = gate(WHO);
    let text = entry("prod", &prod);
    let run = |text: &str, arguments: &[&str]| Run::of(&mut with(folder.path(), text, arguments));

    run(&text, &["--profile", "prd", "whoami"]).says(
        64,
        "there is no profile prd in",
        "mean prod?",
    );
    run(&text, &["--profile", "a/b", "whoami"]).says(64, "a profile's name has letters", "--help");
    let typo = text.replace("gate =", "gat =");
    run(&typo, &["--profile", "prod", "whoami"]).says(
        66,
        ":2:1: unknown key `gat`; did you mean `gate`?",
        "",
    );
    run(&typo, &["whoami"]).says(66, ":2:1: unknown key `gat`; did you mean `gate`?", "");
    run(&text, &["whoami"]).says(64, "no gate is named", "--profile NAME");
    let missing =
        run(&text.replace("cert =", "bind = '127.0.0.1' #"), &["--profile=prod", "whoami"]);
    missing.says(64, "--cert FILE is missing", "TSMGATE_CERT");
    let mut open = with(folder.path(), &text, &["--profile", "prod", "whoami"]);
    let file = folder.path().join("config.toml");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    Run::of(&mut open).says(66, "config.toml", "");
    assert!(prod.seen().is_empty(), "{:?}", prod.seen());
}

#[test]
fn profiles_are_added_shown_used_and_removed() {
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| Run::of(tsmgate(arguments).env("HOME", home.path()));
    let add = ["profile", "add", "prod", "--gate", "tsm.example.com", "--ca", "/c/ca.pem"];
    let added = run(&add);
    assert!(added.talk.contains("profile prod in ") && added.talk.contains("the current one"));
    assert!(added.talk.contains("/c/ca.pem is not there yet"), "{added:?}");
    run(&add).says(64, "there is a profile prod in", "--replace");
    run(&["profile", "add", "here", "--local"]).good();
    let both = run(&["profile", "add", "x", "--local", "--gate", "g"]);
    both.says(64, "a profile is either a gate or the local one", "--local");

    let list = run(&["profile", "list"]).good();
    let expected = "\
PROFILE  GATE                     CURRENT
here     /run/tsmgate/local.sock  -
prod     tsm.example.com:18850    current
";
    assert_eq!(list, expected);
    run(&["profile", "use", "here"]).good();
    run(&["profile", "use", "there"]).says(64, "there is no profile there", "did you mean here?");
    let shown = run(&["profile", "show", "--json"]).good();
    assert_eq!(shown, "{\"local\":\"/run/tsmgate/local.sock\"}\n");
    assert_eq!(
        run(&["profile", "show", "prod"]).good(),
        "\
profile prod\ngate                 tsm.example.com:18850\nca                   /c/ca.pem\n"
    );
    run(&["profile", "remove", "here"]).good();
    run(&["profile", "show"]).says(64, "no profile is the current one", "profile use");
    let json: serde_json::Value =
        serde_json::from_str(&run(&["profile", "list", "--json"]).good()).unwrap();
    assert_eq!(json["current"], serde_json::Value::Null);
    assert_eq!(json["profiles"]["prod"]["gate"], "tsm.example.com:18850");
}

#[test]
fn a_socket_of_this_host_that_is_not_there_is_a_gate_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("local.sock");
    let local = format!("--local={}", socket.display());
    let run = |arguments: &[&str]| Run::of(&mut tsmgate(arguments));
    run(&[&local, "whoami"]).says(70, "there is no socket", "listen.local");
    run(&["login", &local]).says(70, "there is no socket", "listen.local");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    run(&["status", &local]).says(70, "nobody listens at the socket", "listen.local");
    run(&["status", &local, "--gate", "g"]).says(
        64,
        "--gate does not go with the gate of this host",
        "none of",
    );
    let both = Run::of(
        tsmgate(["status"]).env("TSMGATE_LOCAL", &socket).env("TSMGATE_GATE", "gate.example.com"),
    );
    both.says(64, "both TSMGATE_GATE and TSMGATE_LOCAL are set", "--local");
}

/// What is meant for one gate counts for none of several: no gate stands under another's name.
#[test]
fn several_gates_are_those_of_their_profiles_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (prod, stage, other) = (gate(WHO), gate(WHO), gate(WHO));
    let text = [entry("prod", &prod), entry("stage", &stage)].concat();
    let other_at = format!("localhost:{}", other.port());
    let both = || with(folder.path(), &text, &["whoami"]);
    let named = [("TSMGATE_PROFILE", "prod,stage"), ("TSMGATE_GATE", &*other_at)];
    Run::of(both().envs(named)).good();
    let local = [("TSMGATE_PROFILE", "prod,stage"), ("TSMGATE_LOCAL", "/nowhere")];
    Run::of(both().envs(local)).good();
    assert_eq!([prod.seen().len(), stage.seen().len(), other.seen().len()], [2, 2, 0]);
    let typed = ["--profile", "prod,stage", "whoami", "--gate", &other_at];
    let typed = Run::of(&mut with(folder.path(), &text, &typed));
    typed.says(64, "--gate does not go with several profiles", "leave it out");

    // one that is not whole costs its own line
    let text = text.replacen("ca = ", "bind = '127.0.0.1' # ", 1);
    let whole = Run::of(&mut with(folder.path(), &text, &["--profile", "prod,stage", "whoami"]));
    assert_eq!(whole.code, Some(64), "{whole:?}");
    assert!(whole.out.contains("\nprod     no answer "), "{whole:?}");
    assert!(whole.out.contains("\nstage    jump01 "), "{whole:?}");
    whole.told("prod: --ca FILE is missing", "TSMGATE_CA");
    assert_eq!([prod.seen().len(), stage.seen().len()], [2, 3]);
}

/// What is typed is used, or said to be of no use.
#[test]
fn options_of_a_gate_do_not_go_with_the_gate_of_this_host() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[profile.here]\nlocal = '/nowhere/local.sock'\n";
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        Run::of(with(folder.path(), text, arguments).envs(variables.iter().copied()))
    };
    let what = "--cert does not go with the gate of this host";
    run(&["--profile", "here", "whoami", "--cert", "c"], &[]).says(64, what, "leave it out");
    run(&["whoami", "--cert", "c"], &[("TSMGATE_PROFILE", "here")]).says(64, what, "leave it out");
    run(&["whoami", "--cert", "c"], &[("TSMGATE_LOCAL", "/x")]).says(64, what, "leave it out");
    run(&["whoami"], &[("TSMGATE_PROFILE", "here")]).says(70, "there is no socket", "listen.local");
    for variable in ["TSMGATE_LOCAL", "TSMGATE_PROFILE"] {
        let both = run(&["login", "--show"], &[("TSMGATE_SOCKET", "/y"), (variable, "here")]);
        both.says(64, "both TSMGATE_SOCKET and a gate are set", "unset TSMGATE_SOCKET");
    }
}

/// A proxy's password goes to that proxy.
#[test]
fn a_password_is_for_the_proxy_that_it_is_written_with() {
    use std::net::{Ipv4Addr, TcpListener};

    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "SECRET-of-the-proxy\n").unwrap();
    fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let prod = gate(WHO);
    let proxied = format!(
        "{}proxy = 'http://anna@127.0.0.1:1'\nproxy_password_file = {password:?}\n",
        entry("prod", &prod)
    );
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://anna@127.0.0.1:{}", other.local_addr().unwrap().port());
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            std::io::Read::read_exact(&mut stream, &mut byte).unwrap();
            heard.extend(byte);
        }
        String::from_utf8(heard).unwrap()
    });
    let typed = ["--profile", "prod", "whoami", "--proxy", &url];
    let run = Run::of(&mut with(folder.path(), &proxied, &typed));
    assert_eq!(run.code, Some(70), "{run:?}");
    // "anna:", and nothing after it
    let heard = heard.join().unwrap();
    assert!(heard.contains("Proxy-Authorization: Basic YW5uYTo=\r\n"), "{heard}");

    let nobody = proxied.replace("anna@", "");
    let run = Run::of(&mut with(folder.path(), &nobody, &["--profile", "prod", "whoami"]));
    run.says(64, "a proxy's password is given, and no user of it", "USER@");
    assert!(prod.seen().is_empty());
}
