//! `tsmgated doctor`: a healthy host, and each thing that can be wrong made so; words, exit code and JSON.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use serde_json::Value;
use tests::program::{Gated, command, have};
use tests::{Authority, Runner, RunnerOptions, Scene, SceneOptions, wait};
use time::{Duration, OffsetDateTime};

use crate::stage::{PLAIN, as_user, config, stage, told};

/// A port that nobody has, as the lines of `[listen]`: doctor goes by what is written. At an address of
/// its own, where no other test listens and nothing connects from: it stays free.
fn listen() -> (SocketAddr, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = SocketAddr::from(([127, 86, 77, 69], port));
    (address, format!("address = \"{address}\""))
}

/// A scene, and the gate on it with its status socket.
async fn healthy(options: SceneOptions) -> (Scene, Gated) {
    let scene = stage(options).await;
    fs::create_dir(scene.path("run")).unwrap();
    let run = scene.path("run").display().to_string();
    let gated = Gated::start(&config(&scene), PLAIN, &[("RUNTIME_DIRECTORY", &run)]);
    gated.line_with("listening");
    (scene, gated)
}

/// What doctor says: exit code, and all of it.
struct Said {
    code: i32,
    answer: Value,
}

impl Said {
    fn of(scene: &Scene, more: &[&str]) -> Self {
        let (code, out, err) = doctor(scene, &[&["--json"], more].concat());
        assert_eq!(err, "");
        Self { code, answer: serde_json::from_str(&out).unwrap() }
    }

    /// A step.
    fn step(&self, name: &str) -> &Value {
        let steps = self.answer["steps"].as_array().unwrap();
        steps
            .iter()
            .find(|step| step["step"] == name)
            .unwrap_or_else(|| panic!("{name}: {steps:?}"))
    }

    /// That a step came out so, with these words among what was found and is to be done.
    fn says(&self, step: &str, verdict: &str, words: &[&str]) {
        let step = self.step(step);
        assert_eq!(step["verdict"], verdict, "{step:#}");
        let text = format!("{}\n{}", step["found"], step["advice"]);
        words.iter().for_each(|words| assert!(text.contains(words), "not `{words}`: {step:#}"));
    }

    /// The steps that failed.
    fn failed(&self) -> Vec<&str> {
        let steps = self.answer["steps"].as_array().unwrap();
        let failed = steps.iter().filter(|step| step["verdict"] == "failed");
        failed.map(|step| step["step"].as_str().unwrap()).collect()
    }
}

fn doctor(scene: &Scene, more: &[&str]) -> (i32, String, String) {
    let (file, socket) = (config(scene), scene.path("run/status.sock"));
    let mut doctor = command("tsmgated");
    doctor.args(["doctor", "--config"]).arg(file).arg("--socket").arg(socket);
    told(&doctor.args(more).output().unwrap())
}

/// A healthy host: every step that can be looked at is good, no session was asked for, and a stranger
/// learns nothing
#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_gate_passes_every_step() {
    let allow = "[\"127.0.0.1\"]".to_owned();
    let (scene, gated) =
        healthy(SceneOptions { allow, ..SceneOptions::commands("[\"monitor\"]") }).await;
    let _runner = Runner::start(&scene, &RunnerOptions::default());
    let said = Said::of(&scene, &[]);
    assert_eq!(said.failed(), [""; 0], "{:#}", said.answer);
    // whether this host has systemd and keeps its time is not the test's to say
    assert!([0, 1].contains(&said.code), "{}", said.code);
    assert_eq!(said.code == 1, said.answer["verdict"] == "warning");
    for (step, words) in [
        ("configuration", vec!["it loads: 1 clients, 1 networks"]),
        ("service_user", vec!["root is uid 0", "the group of TSM's socket"]),
        ("tsm_login_socket", vec!["a process of root answers there", "no session was asked for"]),
        ("runner_socket", vec!["it answers; commands that it knows: 0"]),
        ("tsm_certificate", vec!["it shows the pinned certificate, and has its key", "ends on"]),
        ("port", vec!["tsmgated", "listens there"]),
        (
            "outsider",
            vec![
                "from 127.0.0.1 with TLS 1.3: the TLS alert CertificateRequired, and nothing else",
                "with TLS 1.2: refused",
                "from 127.86.77.68, which is not listed: closed without a byte",
            ],
        ),
        ("forwarders", vec!["no other process"]),
        ("audit", vec!["the service user may write it", "its chain is whole, head "]),
    ] {
        said.says(step, "ok", &words);
    }
    let pid = gated.pid().to_string();
    said.says("port", "ok", &[&format!("process {pid} (")]);
    // the only warning a scene deserves is that it has no revocation list
    said.says(
        "certificates",
        "warning",
        &["localhost", "the key is its own", "revocation_list is not set"],
    );
    assert_eq!(scene.tsm.counts().calls, 0);
    assert_eq!(scene.api().requests().len(), 0);
    scene.refusal("address_not_listed").await;
    scene.refusal("certificate_missing").await;

    let (code, out, _) = doctor(&scene, &[]);
    assert_eq!(code, said.code);
    assert!(out.ends_with("nothing has failed\n"), "{out}");
    assert!(out.starts_with("ok        configuration"), "{out}");
}

/// What does not load leaves out what depends on it, and says so
#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_does_not_load_leaves_the_rest_out() {
    let (_, listen) = listen();
    let scene = stage(SceneOptions { listen, ..SceneOptions::default() }).await;
    scene.edit("[tsm]\n", "[tsm]\n\u{1b}[31mwrong = 1\n");
    let said = Said::of(&scene, &["--user", "root"]);
    assert_eq!((said.code, said.failed()), (65, vec!["configuration"]));
    for step in ["tsm_login_socket", "certificates", "port", "audit"] {
        said.says(step, "left_out", &["left out: the configuration does not load"]);
    }
    let (code, out, _) = doctor(&scene, &["--user", "root"]);
    assert_eq!(code, 65);
    assert!(out.ends_with("begin with: configuration\n") && !out.contains('\u{1b}'), "{out}");
    fs::remove_file(config(&scene)).unwrap();
    assert_eq!(Said::of(&scene, &["--user", "root"]).code, 66);
}

/// A user that TSM will not let in is found in the users database
#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_not_in_tsms_group_is_found() {
    let (scene, _gated) = healthy(SceneOptions::default()).await;
    let said = Said::of(&scene, &["--user", "nobody"]);
    assert_eq!((said.code, said.failed()[0]), (66, "configuration"));
    said.says("configuration", "failed", &["Permission denied", "as uid 65534"]);
    open(&scene);
    let said = Said::of(&scene, &["--user", "nobody"]);
    assert_eq!((said.code, said.failed()[0]), (77, "service_user"));
    let words = [
        "nobody is not in root, the group of TSM's socket",
        "usermod --append --groups root nobody",
    ];
    said.says("service_user", "failed", &words);
    let said = Said::of(&scene, &["--user", "no-such-user-here"]);
    said.says(
        "service_user",
        "failed",
        &["there is no user no-such-user-here", "systemd-sysusers"],
    );
    said.says("tsm_login_socket", "left_out", &["the service user is not known"]);
}

/// A process that began before its user was put into TSM's group, and whose files are its user's own
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_began_before_it_was_in_the_group_is_found() {
    if !have("setpriv", "util-linux") {
        return;
    }
    let scene = stage(SceneOptions::default()).await;
    fs::create_dir(scene.path("run")).unwrap();
    chown(scene.path("run"), Some(65534), Some(1)).unwrap();
    // nobody's own group is TSM's now; the process has another
    chown(scene.path("tsm/login"), Some(0), Some(65534)).unwrap();
    let run = scene.path("run").display().to_string();
    let front = as_user(&scene, 65534, 1, "--clear-groups");
    let gated = Gated::start(&config(&scene), &front, &[("RUNTIME_DIRECTORY", &run)]);
    gated.line_with("listening");
    let said = Said::of(&scene, &[]);
    said.says("configuration", "ok", &["it loads"]);
    let words = ["nobody is uid 65534", "began before it was", "systemctl restart tsmgated"];
    said.says("service_user", "warning", &words);
    said.says("audit", "ok", &["the service user may write it"]);
    said.says("certificates", "warning", &["the key is its own"]);
}

/// Who else could answer at TSM's socket is named, and a TSM that is away
#[tokio::test(flavor = "multi_thread")]
async fn tsms_socket_is_judged_by_its_owner_its_folder_and_who_answers() {
    let (scene, _gated) = healthy(SceneOptions::default()).await;
    let folder = scene.path("tsm");
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
    let said = Said::of(&scene, &[]);
    assert_eq!((said.code, said.failed()), (77, vec!["tsm_login_socket"]));
    said.says(
        "tsm_login_socket",
        "failed",
        &["others than root and its owners may write it", "mode 0777"],
    );
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();

    scene.edit("socket_owners = [\"root\"]", "socket_owners = [\"nobody\"]");
    let said = Said::of(&scene, &[]);
    assert_eq!(said.code, 77);
    said.says("tsm_login_socket", "failed", &["uid 0 answers there, and only nobody may"]);
    scene.edit("socket_owners = [\"nobody\"]", "socket_owners = [\"root\"]");

    fs::remove_file(folder.join("login")).unwrap();
    let said = Said::of(&scene, &[]);
    assert_eq!(said.code, 69);
    said.says("tsm_login_socket", "failed", &["No such file", "tsm status"]);
    assert_eq!(said.step("tsm_login_socket")["advice"][0]["side"], "tsm");
    assert_eq!(scene.tsm.counts().calls, 0);
}

/// R63: a certificate of TSM's that is not the pinned one
#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_of_tsms_is_found() {
    let (scene, _gated) = healthy(SceneOptions::api("[\"monitor\"]")).await;
    let text = fs::read_to_string(config(&scene)).unwrap();
    let pin = text.lines().find(|line| line.starts_with("api_certificate_sha256")).unwrap();
    scene.edit(pin, &format!("api_certificate_sha256 = \"{}\"", "ab".repeat(32)));
    let said = Said::of(&scene, &[]);
    assert_eq!((said.code, said.failed()), (77, vec!["tsm_certificate"]));
    said.says("tsm_certificate", "failed", &["is not the pinned one", "tsmgated trust-tsm"]);
    scene.edit(&"ab".repeat(32), &"cd".repeat(32));
    let port = scene.api().address().port();
    let (nobody, _) = listen();
    scene.edit(&format!("localhost:{port}"), &format!("localhost:{}", nobody.port()));
    let said = Said::of(&scene, &[]);
    assert_eq!(said.code, 69);
    said.says("tsm_certificate", "failed", &["it does not answer", "tsm status"]);
}

/// A runner that is away
#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_is_away_is_found() {
    let (scene, _gated) = healthy(SceneOptions::commands("[\"monitor\"]")).await;
    let said = Said::of(&scene, &[]);
    assert_eq!((said.code, said.failed()), (69, vec!["runner_socket"]));
    said.says("runner_socket", "failed", &["systemctl status tsmgate-runner.socket"]);
    assert_eq!(said.step("runner_socket")["advice"][0]["side"], "runner");
}

/// Nobody at the port, and somebody else
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_empty_or_taken_is_found() {
    let (address, listen) = listen();
    let scene = stage(SceneOptions { listen, ..SceneOptions::default() }).await;
    let said = Said::of(&scene, &["--user", "root"]);
    assert_eq!((said.code, said.failed()), (69, vec!["port"]));
    said.says("port", "failed", &["nobody listens there", "systemctl start tsmgated"]);
    said.says("outsider", "left_out", &["the gate does not listen there"]);

    let _stranger = TcpListener::bind(address).unwrap();
    let said = Said::of(&scene, &["--user", "root"]);
    assert_eq!((said.code, said.failed()), (71, vec!["port"]));
    let us = format!("process {} (", std::process::id());
    said.says("port", "failed", &[&us, "listens there, and is not the gate"]);
}

/// The mapping that the gate was to replace
#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_was_forgotten_is_found() {
    if !have("socat", "socat") {
        return;
    }
    let (scene, _gated) = healthy(SceneOptions::default()).await;
    let (address, _) = listen();
    let to = format!("UNIX-CONNECT:{}", scene.path("tsm/login").display());
    let listen = format!("TCP4-LISTEN:{},bind={},fork", address.port(), address.ip());
    let mut socat = std::process::Command::new("socat").args([&listen, &to]).spawn().unwrap();
    let said = wait::until_blocking("socat to listen", || {
        let said = Said::of(&scene, &[]);
        (said.failed() == ["forwarders"]).then_some(said)
    });
    let _ = socat.kill();
    let _ = socat.wait();
    assert_eq!(said.code, 77);
    let words = ["socat", &format!("leads from {address} to TSM's socket"), "tsmgated from-socat"];
    said.says("forwarders", "failed", &words);
}

/// The gate's own certificate: over, soon over, and with another's key
#[tokio::test(flavor = "multi_thread")]
async fn the_gates_own_certificate_is_judged() {
    let authority = Authority::new("tests");
    let (_, listen) = listen();
    let scene = stage(SceneOptions { listen, ..SceneOptions::default() }).await;
    let lasting = |days: i64| {
        authority.server(|params| {
            params.not_before = OffsetDateTime::now_utc() - Duration::days(40);
            params.not_after =
                OffsetDateTime::now_utc() + Duration::days(days) + Duration::hours(1);
        })
    };
    let (over, soon) = (lasting(-3), lasting(5));
    let put = |chain: &str, key: &str| {
        scene.write("server.pem", chain, 0o644);
        scene.write("server.key", key, 0o600);
        Said::of(&scene, &["--user", "root"])
    };
    let said = put(&over.chain, &over.key);
    assert_eq!((said.code, said.failed()[0]), (65, "certificates"));
    said.says("certificates", "failed", &["the certificate expired on", "tsmgate pki"]);
    let said = put(&soon.chain, &soon.key);
    said.says("certificates", "warning", &["in 5 days", "our certificate ends in 5 days"]);
    let said = put(&soon.chain, &over.key);
    assert_eq!(said.code, 65);
    said.says("certificates", "failed", &["do not belong together"]);
    fs::set_permissions(scene.path("server.key"), PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(Said::of(&scene, &["--user", "root"]).code, 66);
}

/// An audit that the gate's user cannot write, and one that is not whole
#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_cannot_be_written_or_is_broken_is_found() {
    let (scene, gated) = healthy(SceneOptions::default()).await;
    // all that nobody needs on the way, but the folder
    open(&scene);
    let said = Said::of(&scene, &["--user", "nobody"]);
    let words = ["the service user may not write it", "chown and chmod it"];
    said.says("audit", "failed", &words);
    assert_eq!(said.step("audit")["cause"], "file");
    tests::wait::until_blocking("a start on record", || scene.records("start").pop());
    drop(gated);

    let file = scene.path("log/audit.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let line = text.lines().next().unwrap().replace("start", "strat");
    fs::write(&file, format!("{line}\n{text}")).unwrap();
    Said::of(&scene, &["--user", "root"]).says(
        "audit",
        "failed",
        &["its chain is broken", "it is evidence"],
    );
}

/// Lets everybody look into a scene's folders, and nobody in particular own the audit's.
fn open(scene: &Scene) {
    for folder in [".", "log"] {
        fs::set_permissions(scene.path(folder), PermissionsExt::from_mode(0o755)).unwrap();
    }
    for file in ["log/audit.jsonl", "tsmgated.toml"] {
        fs::set_permissions(scene.path(file), PermissionsExt::from_mode(0o644)).unwrap();
    }
    chown(Path::new(&scene.path("log")), Some(0), Some(0)).unwrap();
}

/// Another user than root is told what is left out, and nothing that is wrong
#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_told_what_is_left_out() {
    if !have("setpriv", "util-linux") {
        return;
    }
    let (address, listen) = listen();
    let scene = stage(SceneOptions { listen, ..SceneOptions::default() }).await;
    let _stranger = TcpListener::bind(address).unwrap();
    let front = as_user(&scene, 65534, 65534, "--clear-groups");
    let output = std::process::Command::new(&front[0])
        .args(&front[1..])
        .args(["sh", "doctor", "--json", "--user", "root", "--config"])
        .arg(config(&scene))
        .output()
        .unwrap();
    let (_, out, err) = told(&output);
    assert_eq!(err, "");
    let said = Said { code: 0, answer: serde_json::from_str(&out).unwrap() };
    said.says("tsm_login_socket", "left_out", &["only root can look as root"]);
    said.says("port", "warning", &["who it is only root can see", "sudo tsmgated doctor"]);
}
