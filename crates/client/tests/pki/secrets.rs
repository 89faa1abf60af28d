//! Keys and passphrases: where they are, who may read them, and where they never are.

use std::fs;
use std::process::{Command, Stdio};

use crate::rig::{Place, TSMGATE, mode, modes, quiet, text, write_secret};

/// R48: modes do not depend on the umask, neither on a wide one nor on a narrow one
#[test]
fn modes_are_the_same_under_every_umask() {
    for umask in ["000", "022", "077", "777"] {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "umask {umask}; {TSMGATE} pki init && {TSMGATE} pki client jump01 && \
             {TSMGATE} pki server localhost && {TSMGATE} pki revoke jump01"
        );
        let run = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output();
        let run = run.unwrap();
        assert!(run.status.success(), "{umask}: {}", text(&run.stderr));
        assert_eq!(mode(&folder.path().join("pki")), 0o700);
        let found = modes(&folder.path().join("pki"));
        assert_eq!(found.len(), 10, "{found:?}");
        for (path, mode) in found {
            let expected = match path.extension().and_then(|ending| ending.to_str()) {
                None => 0o700,
                Some("key") => 0o600,
                Some(_) => 0o644,
            };
            assert_eq!(mode, expected, "umask {umask}: {}", path.display());
        }
    }
}

/// R48: the answer says where key and certificate are and what the fingerprint is; no secret is in it
#[test]
fn the_answer_names_files_and_fingerprint() {
    let place = Place::new();
    let output = place.run(&["client", "jump01"]);
    let answer = text(&output.stdout);
    let labels: Vec<_> = answer.lines().map(|line| line[..16].trim()).collect();
    assert_eq!(
        labels,
        ["client", "certificate", "private key", "serial number", "ends", "identity", "public key"]
    );
    assert!(answer.contains("./pki/clients/jump01.key\n"));
    assert!(answer.contains("URI:tsmgate://client/jump01\n"));
    assert_eq!(text(&output.stderr), "issued a certificate for client jump01\n");
    let shown = place.json(&["inspect", "pki/clients/jump01.pem"]);
    let key = shown[0]["public_key"].as_str().unwrap();
    assert!(answer.ends_with(&format!("{key}\n")));
    let secret = fs::read_to_string(place.path("pki/clients/jump01.key")).unwrap();
    for line in secret.lines().skip(1) {
        assert!(!answer.contains(line));
    }
}

/// R48: nothing is overwritten unless asked, and init never replaces
#[test]
fn nothing_is_overwritten_unasked() {
    let place = Place::new();
    place.good(&["client", "jump01"]);
    let before = fs::read(place.path("pki/clients/jump01.key")).unwrap();
    let (code, talk) = place.bad(&["init"]);
    assert_eq!(code, 65, "{talk}");
    let (code, talk) = place.bad(&["client", "jump01", "--allow-second"]);
    assert_eq!(code, 65);
    assert!(talk.contains("./pki/clients/jump01.key exists"), "{talk}");
    assert_eq!(fs::read(place.path("pki/clients/jump01.key")).unwrap(), before);
    place.good(&["client", "jump01", "--allow-second", "--force"]);
    assert_ne!(fs::read(place.path("pki/clients/jump01.key")).unwrap(), before);
}

/// R48: a passphrase comes from a file or a terminal; there is no argument or variable for it
#[test]
fn an_encrypted_key_needs_its_passphrase() {
    let folder = Place(tempfile::tempdir().unwrap());
    let (right, wrong) = (folder.path("right"), folder.path("wrong"));
    write_secret(&right, "correct horse\n");
    write_secret(&wrong, "battery staple\n");
    let (right, wrong) = (right.to_str().unwrap(), wrong.to_str().unwrap());
    let (code, talk) = folder.bad(&["init", "--passphrase-file", right]);
    assert_eq!(code, 64, "{talk}");
    assert!(!folder.path("pki").exists());

    folder.good(&["init", "--encrypt", "--passphrase-file", right]);
    let key = fs::read_to_string(folder.path("pki/ca.key")).unwrap();
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let pass = format!("file:{right}");
    let opened = Command::new("openssl")
        .args(["pkey", "-noout", "-passin", &pass, "-in"])
        .arg(folder.path("pki/ca.key"))
        .status();
    assert!(opened.unwrap().success());

    folder.good(&["client", "jump01", "--passphrase-file", right]);
    let (code, talk) = folder.bad(&["client", "jump02", "--passphrase-file", wrong]);
    assert_eq!(code, 65);
    assert!(talk.contains("the passphrase does not open ./pki/ca.key"), "{talk}");
    // Neither needs the key.
    folder.good(&["list"]);
    folder.good(&["inspect", "pki/ca.key"]);

    let help = folder.good(&["init", "--help"]);
    assert!(!help.contains("--passphrase <") && !help.contains("PASSPHRASE="), "{help}");
}

/// R48: without a terminal and a file, an encrypted key is an error and not a hang
#[test]
fn no_terminal_is_said() {
    let place = Place(tempfile::tempdir().unwrap());
    let file = place.path("passphrase");
    write_secret(&file, "correct horse\n");
    let without_terminal = |args: &[&str]| {
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(TSMGATE).arg("pki").args(args).current_dir(place.0.path());
        command.stdin(Stdio::null()).output().unwrap()
    };
    let output = without_terminal(&["init", "--encrypt"]);
    assert_eq!(output.status.code(), Some(65), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("--passphrase-file"));
    assert!(!place.path("pki").exists());
    place.good(&["init", "--encrypt", "--passphrase-file", file.to_str().unwrap()]);
    let output = without_terminal(&["crl"]);
    assert_eq!(output.status.code(), Some(65));
    assert!(text(&output.stderr).starts_with("tsmgate: ./pki/ca.key is encrypted\nhint: "));
}

/// R48: on a terminal the passphrase is asked for, twice when it is new, and not echoed
#[test]
fn a_terminal_is_asked_for_the_passphrase() {
    let place = Place(tempfile::tempdir().unwrap());
    let typed = |command: &str, lines: &str| {
        let line = format!("{TSMGATE} pki {command}");
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--echo", "never", "--command", &line, "/dev/null"])
            .current_dir(place.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, lines.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        (output.status.code().unwrap(), text(&output.stdout))
    };
    let (code, said) = typed("init --encrypt", "correct horse\nbattery staple\n");
    assert_eq!(code, 65, "{said}");
    assert!(said.contains("the two passphrases differ") && !said.contains("horse"), "{said}");
    assert!(!place.path("pki").exists());
    let (code, said) = typed("init --encrypt", "correct horse\ncorrect horse\n");
    assert_eq!(code, 0, "{said}");
    let (code, said) = typed("client jump01", "correct horse\n");
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("horse"), "{said}");
    assert!(place.path("pki/clients/jump01.key").exists());
}

/// R48: of two inits at once exactly one makes the authority
#[test]
fn of_two_inits_one_wins() {
    let place = Place(tempfile::tempdir().unwrap());
    let children: Vec<_> = (0..4).map(|_| quiet(place.command(&["init"]))).collect();
    let codes: Vec<_> =
        children.into_iter().map(|mut child| child.wait().unwrap().code().unwrap()).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == 65).count(), 3, "{codes:?}");
    place.good(&["client", "jump01"]);
}
