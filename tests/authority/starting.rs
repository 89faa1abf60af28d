//! The start: what is refused, what is made, what the command line says.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tests::program::{command, texts};
use tsmgate_authority::config::Config;
use tsmgate_authority::config::raw::{CONFIG_FILE, Raw};

use crate::support::{Options, Stage};

/// `check` of the stage's configuration: the exit code, and all it said.
fn check(stage: &Stage) -> (Option<i32>, String) {
    let config = stage.path("authority.toml");
    let output =
        command("tsmgate-authority").args(["check", "--config"]).arg(config).output().unwrap();
    let (out, err) = texts(&output);
    (output.status.code(), out + &err)
}

fn mode(stage: &Stage, path: &str, mode: u32) {
    std::fs::set_permissions(stage.path(path), Permissions::from_mode(mode)).unwrap();
}

/// R46, R48: a key or a configuration that is open to others is refused, and so is a folder that is not whole
#[test]
fn what_is_open_or_not_whole_is_refused() {
    let stage = Stage::prepared(Options::default());
    let (code, said) = check(&stage);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("tokens say localhost:0") && said.contains("0 invites are open"),
        "{said}"
    );

    mode(&stage, "pki/ca.key", 0o644);
    let (code, said) = check(&stage);
    assert!(code == Some(66) && said.contains("ca.key"), "{said}");
    mode(&stage, "pki/ca.key", 0o600);
    mode(&stage, "pki", 0o755);
    let (code, said) = check(&stage);
    assert!(code == Some(66) && said.contains("open to other users"), "{said}");
    mode(&stage, "pki", 0o700);
    mode(&stage, "authority.toml", 0o666);
    let (code, said) = check(&stage);
    assert!(code == Some(66) && said.contains("can be written by others"), "{said}");
    mode(&stage, "authority.toml", 0o600);
    std::fs::rename(stage.path("pki/index.json"), stage.path("pki/gone")).unwrap();
    let (code, said) = check(&stage);
    assert!(code == Some(66) && said.contains("index.json is missing"), "{said}");
    std::fs::rename(stage.path("pki/gone"), stage.path("pki/index.json")).unwrap();

    for (more, wanted) in [
        ("connection = 3", "did you mean `connections`?"),
        ("handshake_timeout = \"5\"", "not a length of time"),
        ("unproven = 0", "must be at least 1"),
    ] {
        stage.configure(more);
        let (code, said) = check(&stage);
        assert!(code == Some(65) && said.contains(wanted), "{said}");
        assert!(said.contains("authority.toml:"), "{said}");
    }
    for (key, by, wanted) in [
        ("life = \"30d\"", "life = \"400d\"", "365 days at most"),
        ("life = \"30d\"", "life = \"30\"", "not a life"),
        ("names = [\"localhost\", \"127.0.0.1\"]", "names = []", "`listen.names` is empty"),
        ("address = \"tsm.example.com:18850\"", "", "`gate.address` is missing"),
        ("tsm.example.com:18850", "tsm.example.com", "not a host and a port"),
    ] {
        stage.configure("");
        let text = std::fs::read_to_string(stage.path("authority.toml")).unwrap();
        assert!(text.contains(key), "{key}");
        stage.write("authority.toml", &text.replace(key, by), 0o600);
        let (code, said) = check(&stage);
        assert!(code == Some(65) && said.contains(wanted), "{said}");
    }
}

/// R48: a key elsewhere, as systemd hands it over, and encrypted
#[tokio::test]
async fn the_key_may_be_a_credential_and_encrypted() {
    let mut stage = Stage::prepared(Options::default());
    let passphrase = "correct horse battery staple";
    let encrypted = tempfile::tempdir().unwrap();
    let pki = encrypted.path().join("pki");
    let secret = tsmgate_pki::Passphrase::new(passphrase.to_owned().into()).unwrap();
    let options = tsmgate_pki::InitOptions { passphrase: Some(secret) };
    tsmgate_pki::Authority::init(&pki, options).unwrap();
    for file in ["ca.pem", "index.json", "clients.crl"] {
        std::fs::copy(pki.join(file), stage.path("pki").join(file)).unwrap();
    }
    std::fs::remove_file(stage.path("pki/ca.key")).unwrap();
    std::fs::create_dir(stage.path("keys")).unwrap();
    let key = std::fs::read_to_string(pki.join("ca.key")).unwrap();
    stage.write("keys/ca.key", &key, 0o600);
    let text = std::fs::read_to_string(stage.path("authority.toml")).unwrap();
    let named = text.replace("folder = \"pki\"", "folder = \"pki\"\nprivate_key = \"keys/ca.key\"");
    stage.write("authority.toml", &named, 0o600);
    let (code, said) = check(&stage);
    assert!(code == Some(66) && said.contains("is encrypted"), "{said}");
    let opened = named.replace("[gate]", "passphrase_file = \"keys/passphrase\"\n[gate]");
    stage.write("keys/passphrase", &format!("{passphrase}\n"), 0o600);
    stage.write("authority.toml", &opened, 0o600);
    stage.run();
    let certificate = std::fs::read_to_string(stage.path("pki/ca.pem")).unwrap();
    let peer = tests::Peer::new(stage.address(), &certificate, None).offering(&["http/1.1"]);
    assert!(peer.connect().await.is_ok());
    stage.stop();

    // and as systemd hands both over
    stage.write("authority.toml", &text, 0o600);
    std::fs::rename(stage.path("keys/passphrase"), stage.path("keys/ca.passphrase")).unwrap();
    let mut check = command("tsmgate-authority");
    check.args(["check", "--config"]).arg(stage.path("authority.toml"));
    let output = check.env("CREDENTIALS_DIRECTORY", stage.path("keys")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The start says in the folders how the service is reached, and makes what the gate reads
#[test]
fn the_start_makes_what_the_gate_and_the_operator_need() {
    let mut stage = Stage::start();
    let service = tsmgate_pki::enrolment::Service::read(&stage.path("pki")).unwrap().unwrap();
    assert_eq!(service.address, format!("localhost:{}", stage.address().port()));
    assert_eq!((service.published, service.life_seconds), (stage.path("gate"), 30 * 86_400));
    let published = crate::support::files(&stage.path("gate"));
    assert_eq!(published, ["ca.pem", "clients.crl", "clients.d", "revoked.toml"]);
    for (path, mode) in [("gate", 0o755), ("gate/clients.d", 0o755), ("gate/revoked.toml", 0o644)] {
        let metadata = std::fs::metadata(stage.path(path)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{path}");
    }
    let pid = stage.service().pid();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    stage.stop();
    assert_eq!(stage.records("start").len(), 1);
    stage.verify();
}

/// The list that runs out soon is made anew, and the gate gets it
#[test]
fn a_list_past_half_of_its_life_is_made_anew() {
    let mut stage = Stage::prepared(Options::default());
    let authority = tsmgate_pki::Authority::open(&stage.path("pki"), None).unwrap();
    authority.issue_crl_of(40).unwrap();
    let (list, published) = (stage.path("pki/clients.crl"), stage.path("gate/clients.crl"));
    let days = |path: &Path| {
        let views = tsmgate_pki::inspect::inspect(path, time::OffsetDateTime::now_utc());
        match &views.unwrap()[0] {
            tsmgate_pki::inspect::View::RevocationList(list) => list.days_left.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(days(&list), 39);
    stage.run();
    assert_eq!((days(&list), days(&published)), (89, 89));
}

/// The sample loads, and each value in it is the default, but for the two that must be said
#[test]
fn the_sample_says_the_defaults_and_is_closed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("systemd/tsmgate-authority.toml")).unwrap();
    assert_eq!(CONFIG_FILE, "/etc/tsmgate/tsmgate-authority.toml");
    let load = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sample.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        Config::load(&path).unwrap()
    };
    let sample = load(&text);
    assert!(sample.allow.is_empty());
    let must =
        "[listen]\nnames = [\"tsm.example.com\"]\n[gate]\naddress = \"tsm.example.com:18850\"\n";
    assert_eq!(format!("{sample:#?}"), format!("{:#?}", load(must)));
    // whatever a table has is a field of its debug form, at the second level
    let known = format!("{:#?}", Raw::default());
    for line in known.lines() {
        let key =
            line.strip_prefix("        ").filter(|rest| !rest.starts_with([' ', '}', ']', ')']));
        let Some((key, _)) = key.and_then(|key| key.split_once(": ")) else { continue };
        let shown = [format!("{key} = "), format!("# {key} = ")];
        let there = text.lines().any(|line| shown.iter().any(|start| line.starts_with(start)));
        assert!(there, "{key} is not in the sample");
    }
}
