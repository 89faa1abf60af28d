//! The local socket of the program as it is built, with other people's clients as ordinary users of this host.

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Stdio;

use tests::local::{User, as_user, can_make_users, entry, login_as};
use tests::peer::cookie_of;
use tests::program::{Gated, have};
use tests::{Scene, SceneOptions};

use crate::stage::{PLAIN, check, config, run, stage, told, tsmgated};

/// A prepared scene with these entries, and its socket.
async fn local(entries: &str) -> (Scene, PathBuf) {
    let scene = stage(SceneOptions::api("[\"monitor\"]").with_local(entries)).await;
    let socket = scene.local_socket();
    (scene, socket)
}

fn curl(uid: u32, socket: &std::path::Path, path: &str) -> (i32, String, String) {
    let mut curl = as_user(uid, "curl");
    curl.args(["--silent", "--show-error", "--max-time", "20", "--unix-socket"]).arg(socket);
    told(&curl.arg(format!("http://localhost{path}")).output().unwrap())
}

/// R7: `curl --unix-socket` as an ordinary user whom an entry names reads TSM's status; one whom none names gets an
/// empty reply. Anybody may connect to the file: who it is decides
#[tokio::test(flavor = "multi_thread")]
async fn curl_asks_through_the_socket() {
    if !can_make_users() || !have("curl", "curl") {
        return;
    }
    let (user, other) = (User::make(), User::make());
    let (scene, socket) =
        local(&entry(&format!("group = \"{}\"", user.name), "[\"monitor\"]")).await;
    let gated = run(&scene);
    gated.address();
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o666);
    let (code, out, err) = curl(user.uid, &socket, "/api/0.5/status");
    assert_eq!((code, err.as_str()), (0, ""));
    let status: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(status.get("clusterStatus").is_some(), "{out}");
    let asked = scene.tsm.requests().len();
    let (code, out, err) = curl(other.uid, &socket, "/api/0.5/status");
    assert_eq!((code, out.as_str()), (52, ""), "an empty reply: {err}");
    let refused = scene.refusal("local_user_not_listed").await;
    assert_eq!(refused["user.name"], other.name);
    assert!(refused["process.pid"].as_u64().unwrap() > 1);
    assert_eq!(scene.tsm.requests().len(), asked);
    scene.verify();
    let file = scene.path("log/audit.jsonl").display().to_string();
    let (code, out, err) = tsmgated(&["audit", "report", &file, "--json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["requests"]["clients"][0]["name"], format!("local:{}", user.name));
    assert_eq!(report["networks"][0]["network"], "this host");
    assert_eq!(report["totals"]["strangers_refused"], 1);
}

/// R55: what an earlier life left is replaced; what another process listens on is not, nor is a socket made where
/// others could replace it
#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_taken_from_the_dead_alone() {
    let (scene, socket) = local(&entry("user = \"root\"", "[\"login\"]")).await;
    let other = UnixListener::bind(&socket).unwrap();
    let cannot = |why: &str| {
        let (status, log) = run(&scene).end();
        assert_eq!(status.code(), Some(71), "{log:?}");
        let begins = format!("tsmgated: cannot listen on {}: ", socket.display());
        let last = log.last().unwrap();
        assert!(last.starts_with(&begins) && last.contains(why), "{last}");
    };
    cannot("address in use");
    drop(other);
    let open = |mode| std::fs::set_permissions(scene.path("run"), PermissionsExt::from_mode(mode));
    open(0o777).unwrap();
    cannot("can be written by others (mode 0777)");
    open(0o755).unwrap();
    assert!(socket.exists(), "it is still there");
    let mut gated = run(&scene);
    gated.address();
    cookie_of(login_as(0, &socket).await.unwrap());
    // killed: nobody takes the socket away
    gated.signal(nix::sys::signal::Signal::SIGKILL);
    gated.wait();
    let again = run(&scene);
    again.address();
    cookie_of(login_as(0, &socket).await.unwrap());
}

/// R54: a socket that is handed over under the name `local` counts, and the configured one is not made
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_handed_over_counts() {
    let (scene, socket) = local(&entry("user = \"root\"", "[\"login\"]")).await;
    let passed = scene.path("passed.sock");
    let hand_over = |names: &str, listener: OwnedFd| {
        let words = format!(
            "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES={names} exec \"$@\""
        );
        let words = ["sh", "-c", &words, "sh"];
        Gated::start_with(&config(&scene), &words, &[], Stdio::from(listener))
    };
    let listener = UnixListener::bind(&passed).unwrap();
    let gated = hand_over("local", listener.into());
    gated.address();
    cookie_of(login_as(0, &passed).await.unwrap());
    assert!(!socket.exists());
    drop(gated);
    // a TCP socket is none, whatever it is called; and the other way round
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let unix = UnixListener::bind(scene.path("another.sock")).unwrap();
    for (name, listener) in [("local", tcp.into()), ("tsmgated", unix.into())] {
        let (status, log) = hand_over(name, listener).end();
        assert_eq!(status.code(), Some(71), "{log:?}");
        let begins = "tsmgated: cannot listen on the socket that systemd handed over: ";
        assert!(log.last().unwrap().starts_with(begins), "{log:?}");
    }
}

/// R7: what cannot be looked up is refused with a reason of its own, and not taken for an answer; the gate starts
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_lookup_is_a_refusal() {
    if !have("unshare", "util-linux") {
        return;
    }
    let (scene, socket) = local(&entry("group = \"somebody\"", "[\"login\"]")).await;
    // groups are looked up in a file alone, which opens and cannot be read
    scene.write("switch", "passwd: files\ngroup: files\ninitgroups: files\n", 0o644);
    let broken = format!(
        "mount --bind {} /etc/nsswitch.conf && mount --bind /proc/$$/mem /etc/group && exec \"$@\"",
        scene.path("switch").display()
    );
    let unshare = ["unshare", "--mount", "sh", "-c", &broken, "sh"];
    let gated = Gated::start(&config(&scene), &unshare, &[]);
    gated.address();
    gated.line_with("[[local]]: looking `somebody` up failed");
    assert!(login_as(0, &socket).await.is_err());
    let refused = scene.refusal("local_lookup_failed").await;
    assert_eq!((&refused["tsmgate.stage"], &refused["user.id"]), (&"identify".into(), &"0".into()));
    scene.nothing_reached_tsm();
}

/// `check` says who may come and what is odd about it
#[tokio::test]
async fn check_says_who_may_come() {
    let entries = entry("user = \"root\"", "[\"login\"]")
        + &entry("group = \"no-such-group\"", "[\"monitor\", \"operator\"]")
        + &entry("user = \"daemon\"", "[]");
    let (scene, socket) = local(&entries).await;
    let (code, out, err) = check(&config(&scene));
    assert_eq!((code, err.as_str()), (0, ""));
    for line in [
        "warning: [[local]]: there is no group no-such-group here: the entry lets nobody in",
        "warning: [[local]] user daemon has no role that gives anything this version serves",
        &format!("listens on {} for callers on this host", socket.display()),
        "local user root: login",
        "local group no-such-group: monitor, operator",
    ] {
        assert!(out.lines().any(|said| said == line), "no `{line}` in {out}");
    }
    scene.edit("local = \"run/local.sock\"", "");
    let (_, out, _) = check(&config(&scene));
    assert!(out.contains("warning: there is a [[local]], and listen.local is not set"), "{out}");
    let (scene, _) = local("").await;
    let (_, out, _) = check(&config(&scene));
    assert!(out.contains("warning: listen.local is set, and no [[local]] names who"), "{out}");
}

/// `explain --local` names the entries and the role that would answer, with the codes of the audit
#[tokio::test]
async fn explain_names_the_entry_that_would_answer() {
    if !can_make_users() {
        return;
    }
    let user = User::make();
    let entries = entry(&format!("group = \"{}\"", user.name), "[\"monitor\"]")
        + &entry("user = \"root\"", "[\"login\"]");
    let (scene, _) = local(&entries).await;
    let explain = |who: &str, permission: &str| {
        let config = config(&scene);
        let config = config.to_str().unwrap();
        let about = ["--local", who, "--permission", permission];
        tsmgated(&[&["explain", "--config", config], &about[..]].concat())
    };
    let (code, out, _) = explain(&user.name, "status.read");
    assert_eq!(code, 0, "{out}");
    for said in [
        format!("identify: {} is the user {} here", user.name, user.uid),
        format!("identify: [[local]] group {} names him", user.name),
        "authorize: his role `monitor` gives status.read".to_owned(),
        "answer: permitted, within the client's limits".to_owned(),
    ] {
        assert!(out.lines().any(|line| line == said), "no `{said}` in {out}");
    }
    for (who, permission, code) in [
        (&*user.name, "login", "permission_missing"),
        ("daemon", "login", "local_user_not_listed"),
        ("no-such-user-here", "login", "local_user_unknown"),
    ] {
        let (exit, out, _) = explain(who, permission);
        assert_eq!(exit, 77, "{out}");
        assert!(out.ends_with(&format!("answer: refused ({code})\n")), "{out}");
    }
    let usage = ["explain", "--local", "root", "--from", "127.0.0.1"];
    assert_eq!(tsmgated(&usage).0, 64);
    assert_eq!(tsmgated(&["explain", "--client", "jump01"]).0, 64);
    assert_eq!(tsmgated(&["explain"]).0, 64);
}

/// The program as an ordinary user, in its sandbox, lets others in; `status` shows who is there
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_of_an_ordinary_user_knows_its_callers() {
    if !can_make_users() || !have("setpriv", "util-linux") || !have("curl", "curl") {
        return;
    }
    let user = User::make();
    let (scene, socket) = local(&entry(&format!("group = \"{}\"", user.name), "[\"login\"]")).await;
    std::os::unix::fs::chown(scene.path("run"), Some(65534), Some(65534)).unwrap();
    let words = crate::stage::as_user(&scene, 65534, 65534, "--clear-groups");
    let runtime = scene.path("run").display().to_string();
    let gated = Gated::start(&config(&scene), &words, &[("RUNTIME_DIRECTORY", &runtime)]);
    gated.address();
    let mut stream = tests::local::connect_as(user.uid, &socket).await.unwrap();
    // TSM does not know the gate's user: that is another matter
    tests::peer::call(&mut stream, 1).await.unwrap();
    let status = scene.path("run/status.sock").display().to_string();
    let (_, out, err) = tsmgated(&["status", "--socket", &status]);
    assert_eq!(err, "");
    let line = format!(
        "local socket: {}, for group {}; connected: local:{}",
        socket.display(),
        user.name,
        user.name
    );
    assert!(out.lines().any(|said| said == line), "no `{line}` in {out}");
    let (_, out, _) = tsmgated(&["status", "--json", "--socket", &status]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["local"]["callers"][0]["connections"], 1, "{out}");
}

/// A gate for callers on this host alone: the closed port is in nobody's way
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_for_this_host_alone_is_ready() {
    let options =
        SceneOptions { rest: String::new(), allow: "[]".into(), ..SceneOptions::default() };
    let scene = stage(options.with_local(&entry("user = \"root\"", "[\"login\"]"))).await;
    let socket = scene.local_socket();
    let runtime = scene.path("run").display().to_string();
    let gated = Gated::start(&config(&scene), PLAIN, &[("RUNTIME_DIRECTORY", &runtime)]);
    gated.address();
    cookie_of(login_as(0, &socket).await.unwrap());
    let status = scene.path("run/status.sock").display().to_string();
    let (code, out, _) = tsmgated(&["status", "--socket", &status]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("warning: CLOSED: admission.allow is empty"), "{out}");
}
