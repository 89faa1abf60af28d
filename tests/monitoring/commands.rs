//! `tsmgated status` and `tsmgated reload`, as an administrator sees them.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Instant;

use tests::program::{command, texts};
use tsmgate_server::observe::Door;
use tsmgate_server::status::{ApiLane, Ending, LastReload};

use crate::fake::{Fake, Open, status};

/// `tsmgated` with these words: its exit code, standard output and standard error.
async fn tsmgated(words: &[&str], socket: &Path) -> (i32, String, String) {
    let mut command = command("tsmgated");
    command.args(words).arg("--socket").arg(socket);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (out, said) = texts(&output);
    (output.status.code().unwrap(), out, said)
}

#[tokio::test]
async fn status_tells_a_person() {
    let fake = Fake::new();
    fake.status.lock().unwrap().started = "2026-11-22T12:00:00.123456789Z".into();
    let door = Open::unix(Door::Status, &fake);
    let (code, out, said) = tsmgated(&["status"], &door.socket()).await;
    assert_eq!((code, &*said), (0, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines,
        [
            "ready: 3 client connections, 120 logins since 2026-11-22T12:00:00Z",
            "strangers: 2 not known yet",
            "TSM's login socket: no failure since it last answered",
            "lanes: login, api; the command lane is off (tsm.command_socket is not set)",
            "requests: 600 done, 4 failed, 2 refused",
            "TSM's controller: localhost:8850, no failure since it last answered",
            &format!(
                "TSM's certificate: pinned, SHA-256 {}, ends 2027-06-01T00:00:00Z",
                "AB".repeat(32)
            ),
            "session at TSM: held for 60 minutes, used for 48 minutes more",
            "local socket: /run/tsmgate/local.sock, for group tableau-support; connected: local:alice",
            "joined: 7 clients, 1 left out, of /var/lib/tsmgate-authority/gate",
            "last login: jump01 at 2026-11-22T12:30:00Z",
            "last reload: good, at 2026-11-22T12:10:00Z",
            &format!("audit: can be written, head 42:{}", "ab".repeat(32)),
            "ends: in 1 day, revocation list CN=tests, 2027-01-01T00:00:00Z",
            "ends: in 12 days, server server.pem, 2027-01-01T00:00:00Z",
            "ends: in 90 days, client jump01, 2027-01-01T00:00:00Z",
            "sandbox: full",
            "gate: tsmgated 0.1.0, process 4711, on 127.0.0.1:8850",
        ]
    );
}

/// R52: what has ended and what is in the way are said, and the exit code says so too
#[tokio::test]
async fn status_of_a_gate_in_trouble() {
    let fake = Fake::new();
    {
        let mut status = fake.status.lock().unwrap();
        status.ready = false;
        status.trouble = vec!["the revocation list of CN=tests has ended".into()];
        status.warnings = vec!["server.pem ends in 3 days".into()];
        status.audit_writable = false;
        status.tsm_failing = Some("backend_unreachable".into());
        let api = status.api.as_mut().unwrap();
        api.tsm_failing = Some("backend_untrusted".into());
        api.certificate_until = None;
        api.session = None;
        status.last_login = None;
        let fault = Some("tsmgated.toml:3: no such key".into());
        status.reload = Some(LastReload { at: "2026-11-22T13:00:00Z".into(), fault });
        for ending in &mut status.endings {
            ending.seconds = -1;
        }
    }
    let door = Open::unix(Door::Status, &fake);
    let (code, out, _) = tsmgated(&["status"], &door.socket()).await;
    assert_eq!(code, 1);
    assert!(out.starts_with("not ready: 3 client connections, "), "{out}");
    for line in [
        "trouble: the revocation list of CN=tests has ended",
        "warning: server.pem ends in 3 days",
        "TSM's login socket: failed when last asked (backend_unreachable)",
        "TSM's controller: localhost:8850, failed when last asked (backend_untrusted)",
        &format!("TSM's certificate: pinned, SHA-256 {}, not seen yet", "AB".repeat(32)),
        "session at TSM: none; the next request takes one",
        "last login: none since the start",
        "last reload: FAILED at 2026-11-22T13:00:00Z, the one before is in force: \
         tsmgated.toml:3: no such key",
        "ends: HAS ENDED, server server.pem, 2027-01-01T00:00:00Z",
    ] {
        assert!(out.lines().any(|said| said == line), "`{line}` is not in {out}");
    }
    assert!(out.contains("\naudit: CANNOT BE WRITTEN, head 42:"), "{out}");
    assert_eq!(tsmgated(&["status", "--json"], &door.socket()).await.0, 1);
}

/// R43: whatever a text of the gate's holds, a terminal shows it and does not obey
#[tokio::test]
async fn nothing_in_the_status_steers_a_terminal() {
    const EVIL: &str = "a\u{1b}[2J\r\nb\u{202e}c\u{7f}\u{9b}31m";
    let fake = Fake::new();
    let mut evil = status();
    for text in [&mut evil.version, &mut evil.started, &mut evil.address, &mut evil.sandbox] {
        *text = EVIL.into();
    }
    evil.audit_head = EVIL.into();
    evil.tsm_failing = Some(EVIL.into());
    let api = evil.api.as_mut().unwrap();
    for text in [&mut api.certificate_sha256, &mut api.certificate_until, &mut api.tsm_failing] {
        *text = Some(EVIL.into());
    }
    api.controller = EVIL.into();
    evil.trouble = vec![EVIL.into(), format!("{} {EVIL}", "long ".repeat(100))];
    evil.warnings = vec![EVIL.into()];
    evil.last_login.as_mut().unwrap().client = EVIL.into();
    evil.reload.as_mut().unwrap().fault = Some(EVIL.into());
    let local = evil.local.as_mut().unwrap();
    local.callers[0].name = EVIL.into();
    for text in [&mut local.socket, &mut local.entries[0]] {
        *text = EVIL.into();
    }
    evil.endings =
        vec![Ending { kind: EVIL.into(), name: EVIL.into(), at: EVIL.into(), seconds: 5 }];
    *fake.status.lock().unwrap() = evil.clone();
    *fake.outcome.lock().unwrap() = Err(format!("{EVIL}\n{EVIL}"));
    let door = Open::unix(Door::Status, &fake);
    for words in [&["status"][..], &["status", "--json"], &["reload"]] {
        let (_, out, said) = tsmgated(words, &door.socket()).await;
        let text = out.clone() + &said;
        let visible = |character: char| character == '\n' || matches!(character, ' '..='~');
        assert!(text.chars().all(visible), "{words:?}: {text:?}");
        if words.len() == 2 {
            let picture: tsmgate_server::status::Status = serde_json::from_str(&out).unwrap();
            assert_eq!(picture, evil, "and it is still the same");
        }
    }
    let metrics = door.ask("GET", "/metrics").await.body;
    assert!(!metrics.contains(['\u{1b}', '\u{202e}', '\r', '\u{7f}', '\u{9b}']), "{metrics:?}");
}

/// R53: `reload` says how it went, and its exit code does
#[tokio::test]
async fn reload_says_how_it_went() {
    let fake = Fake::new();
    let door = Open::unix(Door::Status, &fake);
    let done = (0, "reloaded\n".to_owned(), String::new());
    assert_eq!(tsmgated(&["reload"], &door.socket()).await, done);
    *fake.outcome.lock().unwrap() = Err("tsmgated.toml:3: no such key\nhint: remove it".into());
    let (code, out, said) = tsmgated(&["reload"], &door.socket()).await;
    assert_eq!((code, &*out), (65, ""));
    assert_eq!(
        said,
        "tsmgated: not reloaded; what was in force before still is:\n\
         tsmgated: tsmgated.toml:3: no such key\ntsmgated: hint: remove it\n"
    );
}

#[tokio::test]
async fn where_nothing_answers_there_is_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none");
    let dead = folder.path().join("dead");
    drop(UnixListener::bind(&dead).unwrap());
    for words in ["status", "reload"] {
        for (socket, cause) in [(&missing, "No such file"), (&dead, "Connection refused")] {
            let (code, out, said) = tsmgated(&[words], socket).await;
            assert_eq!((code, &*out), (69, ""), "{said}");
            assert!(said.contains(cause), "{said}");
            assert!(said.contains("systemctl status tsmgated"), "{said}");
        }
    }
}

/// What the commands say where something else listens, which does this with a connection.
async fn against(reply: impl Fn(&mut std::os::unix::net::UnixStream) + Send + 'static) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let other = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        reply(&mut stream);
        // waits until the command is gone
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let (code, out, said) = tsmgated(&["status"], &path).await;
    assert_eq!((code, &*out), (69, ""), "{said}");
    other.join().unwrap();
    said
}

#[tokio::test]
async fn something_else_at_the_socket_is_not_believed() {
    for text in [
        "220 mail ready\r\n",
        "HTTP/1.1 200 OK\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
        "HTTP/1.1 2\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ] {
        let said = against(move |stream| {
            let _ = stream.write_all(text.as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Write);
        });
        let said = said.await;
        assert!(said.contains("is not this gate"), "{text}: {said}");
    }
    let endless = against(|stream| while stream.write_all(&[b'x'; 4096]).is_ok() {}).await;
    assert!(endless.contains("is not this gate"), "{endless}");
}

#[tokio::test]
async fn a_gate_that_says_nothing_is_waited_for_no_longer_than_said() {
    let started = Instant::now();
    let said = against(|_| ()).await;
    assert!(said.contains("no answer in time"), "{said}");
    let time = started.elapsed().as_secs();
    assert!((4..10).contains(&time), "{time}");
    // one byte now and then is no answer either
    let started = Instant::now();
    let drip = |stream: &mut std::os::unix::net::UnixStream| {
        stream.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
        while stream.write_all(b"x").is_ok() {
            let _ = stream.read(&mut [0; 1]);
        }
    };
    let said = against(drip).await;
    assert!(said.contains("no answer in time"), "{said}");
    let time = started.elapsed().as_secs();
    assert!((4..10).contains(&time), "{time}");
}

/// R39: the commands have no place for a secret, and the picture none either
#[tokio::test]
async fn the_picture_has_no_other_fields_than_these() {
    let json = serde_json::to_value(status()).unwrap();
    let fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "version",
        "pid",
        "started",
        "address",
        "ready",
        "trouble",
        "warnings",
        "unproven",
        "proven",
        "logins",
        "last_login",
        "reload",
        "reloads",
        "audit_head",
        "audit_writable",
        "tsm_failing",
        "api",
        "command",
        "local",
        "endings",
        "enrolment",
        "sandbox",
    ];
    expected.sort_unstable();
    let mut fields = fields;
    fields.sort_unstable();
    assert_eq!(fields, expected);
    let fields = |of: &serde_json::Value| {
        of.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    let api =
        "authority certificate_sha256 certificate_until controller requests session tsm_failing";
    assert_eq!(fields(&json["api"]), api);
    assert_eq!(fields(&json["api"]["session"]), "age_seconds left_seconds");
    assert_eq!(fields(&json["local"]), "callers entries socket");
    assert_eq!(fields(&json["local"]["callers"][0]), "connections name");
}

/// Where only the raw cookie is to be had, that is said; and an authority is named by its file.
#[tokio::test]
async fn status_says_which_lanes_there_are() {
    let fake = Fake::new();
    let door = Open::unix(Door::Status, &fake);
    let vouched = ApiLane {
        certificate_sha256: None,
        authority: Some("/etc/tsmgate/\u{1b}[2Jtsm-ca.pem".into()),
        ..status().api.unwrap()
    };
    fake.status.lock().unwrap().api = Some(vouched);
    let (_, out, _) = tsmgated(&["status"], &door.socket()).await;
    let named = "TSM's certificate: of an authority in /etc/tsmgate/\\u{1b}[2Jtsm-ca.pem";
    assert!(out.lines().any(|line| line == named), "{out}");
    fake.status.lock().unwrap().api = None;
    let (code, out, _) = tsmgated(&["status"], &door.socket()).await;
    assert_eq!(code, 0);
    let off = "lanes: login; the api lane is off (tsm.api is not set); the command lane is off \
               (tsm.command_socket is not set)";
    assert!(out.lines().any(|line| line == off), "{out}");
    assert!(!out.contains("session") && !out.contains("requests"), "{out}");
}
