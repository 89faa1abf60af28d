//! `tsmgate monitor` at the real gate and the simulator's gateway: what asks for a batch, what is in it, and
//! what is told of a source that fails. What it writes is read by other people's readers.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tests::program::{Gated, command, have};
use tests::{Scene, SceneOptions, wait};
use tsmsim::{Gateway, GatewayBehaviour, GatewayOptions, ServerState};

use crate::stage::{run, stage};

/// A running `tsmgate monitor`; killed when dropped.
struct Monitor {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Monitor {
    fn start(scene: &Scene, gate: &str, arguments: &[&str]) -> Self {
        let identity = scene.authority.client("jump01");
        scene.install(&identity);
        let mut child = command("tsmgate")
            .arg("monitor")
            .args(arguments)
            .envs(scene.environment(gate))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (talk, kept) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in talk.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take(), child, lines, said }
    }

    fn ask(&mut self) {
        self.input.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// The next batch, in JSON; asked for by a line.
    fn batch(&mut self) -> Value {
        self.ask();
        self.next()
    }

    fn next(&mut self) -> Value {
        let line =
            self.lines.next().unwrap_or_else(|| panic!("it ended: {:?}", self.said)).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Asks for one batch in another format, and gives all of it.
    fn only(mut self) -> String {
        self.ask();
        self.input = None;
        let text: Vec<_> = self.lines.by_ref().map(Result::unwrap).collect();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{:?}", self.said);
        text.join("\n") + "\n"
    }

    /// Waits for its end, and gives its exit code.
    fn end(&mut self) -> Option<i32> {
        let child = Mutex::new(&mut self.child);
        wait::until_blocking("the end", || child.lock().unwrap().try_wait().unwrap()).code()
    }

    fn says(&self, text: &str) {
        wait::until_blocking(&format!("`{text}`"), || {
            self.said.lock().unwrap().iter().any(|line| line.contains(text)).then_some(())
        });
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn gateway(scene: &Scene, tls: bool) -> Gateway {
    let local = IpAddr::from(Ipv4Addr::LOCALHOST);
    let options = GatewayOptions {
        address: (local, 0).into(),
        tls,
        allowed: vec![local],
        behaviour: GatewayBehaviour::Honest,
    };
    scene.tsm.gateway(options).await.unwrap()
}

async fn scene() -> Scene {
    stage(SceneOptions::api("[\"monitor\"]")).await
}

/// The points of a measurement that have this tag.
fn points<'a>(batch: &'a Value, measurement: &str, tag: (&str, &str)) -> Vec<&'a Value> {
    let all = batch["points"].as_array().unwrap().iter();
    all.filter(|one| one["measurement"] == measurement && one["tags"][tag.0] == tag.1).collect()
}

fn status<'a>(batch: &'a Value, measurement: &str, tag: (&str, &str)) -> &'a Value {
    &points(batch, measurement, tag)[0]["fields"]["status_code"]
}

const TSM: (&str, (&str, &str)) = ("tableau_tsm_status", ("node", "all"));
const SYSTEMINFO: (&str, (&str, &str)) = ("tableau_systeminfo", ("worker", "all"));

/// What `tableau-monitoring-execd` writes, and what it does not: measurement, tags, fields with `i` for a number
/// and `s` for a text.
const NAMES: &[&str] = &[
    "tableau_tsm_status|instance,node,service|elapsed:i,requested_deployment_state:s,status:s,status_code:i",
    "tableau_tsm_status|instance,node,service|requested_deployment_state:s,status:s,status_code:i",
    "tableau_tsm_status|instance,node,service|code:s,deployment_state:s,message:s,status:s,status_code:i,timestamp_utc:i",
    "tableau_systeminfo|worker|elapsed:i,status:s,status_code:i",
    "tableau_systeminfo|process,worker|status:s,status_code:i",
    "tableau_gate|gate|certificate_days_left:i,elapsed:i,jobs_queued:i,jobs_running:i,server_version:s,status:s,status_code:i",
];

/// What somebody else's parser makes of line protocol, a line each.
fn parsed(text: &str) -> Option<Vec<Value>> {
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/python/bin/python");
    if !std::path::Path::new(python).exists() {
        return have("line-protocol-parser", "python3-venv; tests/run installs it").then(Vec::new);
    }
    const SCRIPT: &str = "import json, sys\nfrom line_protocol_parser import parse_line\n\
        for line in sys.stdin.buffer.read().decode().split('\\n')[:-1]: print(json.dumps(parse_line(line)))";
    let mut child = Command::new(python)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{text}");
    let lines = String::from_utf8(output.stdout).unwrap();
    Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn names(point: &Value) -> String {
    let tags: Vec<_> = point["tags"].as_object().unwrap().keys().cloned().collect();
    let field = |(name, value): (&String, &Value)| {
        format!("{name}:{}", if value.is_i64() { "i" } else { "s" })
    };
    let tags: BTreeSet<_> = tags.into_iter().collect();
    let fields: BTreeSet<_> = point["fields"].as_object().unwrap().iter().map(field).collect();
    let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(",");
    format!("{}|{}|{}", point["measurement"].as_str().unwrap(), list(tags), list(fields))
}

/// Both sources and the gate: every point has the names of the table, each row of the table is there, and all
/// have one time.
#[tokio::test(flavor = "multi_thread")]
async fn line_protocol_has_the_documented_names_for_another_parser() {
    let scene = scene().await;
    let gated = run(&scene);
    let gateway = gateway(&scene, false).await;
    let gate = gated.address().to_string();
    let text = Monitor::start(&scene, &gate, &["--systeminfo", &gateway.url()]).only();
    let Some(points) = parsed(&text) else { return };
    let found: BTreeSet<_> = points.iter().map(names).collect();
    assert_eq!(found, NAMES.iter().map(|row| (*row).to_owned()).collect(), "{text}");
    let times: BTreeSet<_> = points.iter().map(|point| point["time"].as_u64().unwrap()).collect();
    assert_eq!(times.len(), 1);

    gateway.behave(GatewayBehaviour::Hostile);
    let arguments = ["--systeminfo", &gateway.url(), "--checks", "systeminfo"];
    let text = Monitor::start(&scene, &gate, &arguments).only();
    let hostile: Vec<_> = parsed(&text).unwrap().into_iter().skip(14).collect();
    let told: Vec<_> = hostile
        .iter()
        .map(|point| (&point["tags"]["worker"], &point["fields"]["status"]))
        .map(|(worker, status)| (worker.as_str().unwrap(), status.as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("a b,c=d", "a b,c=d"),
            ("say \"no\"", "say \"no\""),
            ("back_slash_", "back\\slash\\"),
            ("line_status=0i", "line\\u{a}status=0i"),
            ("\u{1f980}, _=", "\u{1f980}, \\u{202e}="),
            ("Unknown", ""),
        ],
        "{text}"
    );
}

/// promtool finds nothing to complain of, whatever the server is called.
#[tokio::test(flavor = "multi_thread")]
async fn promtool_takes_the_text_for_prometheus() {
    if !have("promtool", "prometheus") {
        return;
    }
    let scene = scene().await;
    let gated = run(&scene);
    let gateway = gateway(&scene, false).await;
    gateway.behave(GatewayBehaviour::Hostile);
    let arguments = ["--systeminfo", &gateway.url(), "--format", "prometheus"];
    let text = Monitor::start(&scene, &gated.address().to_string(), &arguments).only();
    assert!(text.contains("tableau_gate_certificate_left_seconds{"), "{text}");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&said)), (Some(0), ""), "{text}");
}

/// A source that fails is a 3 and one sentence with what to do; the others go on, and it comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_is_told_once_and_takes_nothing_with_it() {
    let scene = scene().await;
    let gated = run(&scene);
    let gateway = gateway(&scene, false).await;
    let arguments = ["--systeminfo", &gateway.url(), "--format", "json", "--timeout", "3s"];
    let mut monitor = Monitor::start(&scene, &gated.address().to_string(), &arguments);
    let well = monitor.batch();
    assert_eq!(
        (status(&well, TSM.0, TSM.1), status(&well, SYSTEMINFO.0, SYSTEMINFO.1)),
        (&0.into(), &0.into())
    );
    assert_eq!(monitor.said.lock().unwrap().len(), 0);
    for (behaviour, said) in [
        (GatewayBehaviour::Denied, "wgserver.systeminfo.allow_referrer_ips"),
        (GatewayBehaviour::Html(502), "status 502"),
        (GatewayBehaviour::Html(200), "document type"),
        (GatewayBehaviour::Redirect, "it redirects, which is not followed"),
        (GatewayBehaviour::Huge(100_000), "larger than 1048576 bytes"),
        (GatewayBehaviour::Delay(wait::PATIENCE), "no answer in time"),
    ] {
        gateway.behave(behaviour.clone());
        for _ in 0..2 {
            let batch = monitor.batch();
            assert_eq!(status(&batch, TSM.0, TSM.1), 0, "{behaviour:?}");
            assert_eq!(status(&batch, SYSTEMINFO.0, SYSTEMINFO.1), 3, "{behaviour:?}");
        }
        monitor.says(said);
    }
    assert_eq!(monitor.said.lock().unwrap().len(), 6, "{:?}", monitor.said);
    gateway.behave(GatewayBehaviour::Unwrapped);
    assert_eq!(status(&monitor.batch(), SYSTEMINFO.0, SYSTEMINFO.1), 0);
    monitor.says("systeminfo.xml: there again");
    // a stopped server has no page, and TSM goes on
    scene.api().set_server_state(ServerState::Stopped);
    let batch = monitor.batch();
    assert_eq!(status(&batch, TSM.0, TSM.1), 2);
    assert_eq!(status(&batch, SYSTEMINFO.0, SYSTEMINFO.1), 3);
    scene.tsm.stop().await;
    let batch = monitor.batch();
    assert_eq!(status(&batch, TSM.0, TSM.1), 3);
    assert_eq!(batch["points"].as_array().unwrap().len(), 3, "{batch}");
    let gate = batch["points"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&gate["measurement"], &gate["fields"]["status_code"]),
        (&"tableau_gate".into(), &0.into())
    );
}

/// The page over TLS, with a certificate that is checked.
#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_has_to_prove_who_it_is() {
    let scene = scene().await;
    let gateway = gateway(&scene, true).await;
    scene.write("tsm.pem", scene.api().certificate(), 0o644);
    for (file, code) in [("tsm.pem", 0), ("ca.pem", 3)] {
        let file = scene.path(file);
        let file = file.to_str().unwrap();
        let url = gateway.url();
        let mut arguments = vec!["--systeminfo", &url, "--systeminfo-ca", file];
        arguments.extend(["--checks", "systeminfo", "--format", "json"]);
        let mut monitor = Monitor::start(&scene, "127.0.0.1:1", &arguments);
        let batch = monitor.batch();
        assert_eq!(status(&batch, SYSTEMINFO.0, SYSTEMINFO.1), code, "{file}: {:?}", monitor.said);
        if code == 3 {
            monitor.says("cannot trust it");
        }
    }
}

/// Execd's other ways to ask, the clock, and every end.
#[tokio::test(flavor = "multi_thread")]
async fn signals_and_the_clock_ask_and_each_end_is_a_good_one() {
    let scene = scene().await;
    let gated = run(&scene);
    let gate = gated.address().to_string();
    for (name, signal) in
        [("SIGHUP", Signal::SIGHUP), ("SIGUSR1", Signal::SIGUSR1), ("SIGUSR2", Signal::SIGUSR2)]
    {
        let mut monitor = Monitor::start(&scene, &gate, &["--format", "json", "--signal", name]);
        // who is not listened for yet would be ended by it
        let caught = format!("/proc/{}/status", monitor.child.id());
        wait::until_blocking("the signal to be caught", || {
            let text = std::fs::read_to_string(&caught).unwrap();
            let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
            let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
            (mask >> (signal as i32 - 1) & 1 == 1).then_some(())
        });
        for _ in 0..2 {
            monitor.signal(signal);
            assert_eq!(status(&monitor.next(), TSM.0, TSM.1), 0, "{name}");
        }
        monitor.signal(Signal::SIGTERM);
        assert_eq!(monitor.end(), Some(0), "{name}");
    }
    let mut monitor = Monitor::start(&scene, &gate, &["--format", "json", "--interval", "10ms"]);
    for _ in 0..3 {
        assert_eq!(status(&monitor.next(), TSM.0, TSM.1), 0);
    }
    monitor.signal(Signal::SIGINT);
    assert_eq!(monitor.end(), Some(0));
    // nothing asked, nothing said
    let mut monitor = Monitor::start(&scene, &gate, &[]);
    monitor.input = None;
    assert_eq!((monitor.end(), monitor.lines.next().is_none()), (Some(0), true));
}

/// A gate that is restarted is not there for a batch, and there for the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_restarted_is_asked_again() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("address = \"127.0.0.1:{port}\"");
    let scene = stage(SceneOptions { listen, ..SceneOptions::api("[\"monitor\"]") }).await;
    let mut gated = run(&scene);
    let gate = gated.address().to_string();
    let mut monitor = Monitor::start(&scene, &gate, &["--format", "json"]);
    let of_gate = ("tableau_gate", ("gate", gate.as_str()));
    assert_eq!(status(&monitor.batch(), of_gate.0, of_gate.1), 0);
    gated.signal(Signal::SIGTERM);
    gated.end();
    let batch = monitor.batch();
    assert_eq!(
        (status(&batch, TSM.0, TSM.1), status(&batch, of_gate.0, of_gate.1)),
        (&3.into(), &3.into())
    );
    monitor.says("the gate: cannot reach");
    let again: Gated = run(&scene);
    again.line_with("listening");
    let batch = monitor.batch();
    assert_eq!(
        (status(&batch, TSM.0, TSM.1), status(&batch, of_gate.0, of_gate.1)),
        (&0.into(), &0.into())
    );
    monitor.says("the gate: there again");
}

/// The shipped dashboard asks for measurements, tags and fields that are written, and the shipped configuration
/// of Telegraf for variables that there are.
#[test]
fn the_shipped_files_name_what_there_is() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../systemd/monitoring/");
    let read = |name: &str| std::fs::read_to_string(format!("{root}{name}")).unwrap();
    let board: Value = serde_json::from_str(&read("dashboard-tableau.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries: Vec<_> = targets.map(|target| target["query"].as_str().unwrap()).collect();
    assert!(queries.len() > 9, "{queries:?}");
    for query in queries {
        let quoted: Vec<_> = query.split('"').skip(1).step_by(2).collect();
        let (measurements, names): (Vec<_>, Vec<_>) =
            quoted.into_iter().partition(|name| name.starts_with("tableau_"));
        let [measurement] = measurements[..] else { panic!("{query}") };
        let rows = NAMES.iter().filter(|row| row.starts_with(&format!("{measurement}|")));
        // absent here, for nobody asked for it
        let mut known = BTreeSet::from(["pending_changes"]);
        for row in rows {
            known.extend(row.split(['|', ',']).skip(1).map(|name| name.split(':').next().unwrap()));
        }
        assert!(names.iter().all(|name| known.contains(name)), "{query}: {known:?}");
    }
    let output = command("tsmgate").args(["monitor", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let telegraf = read("telegraf.conf");
    let variables: Vec<_> = telegraf
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once('='))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(variables.len(), 6, "{variables:?}");
    for name in variables {
        assert!(help.contains(&format!("[env: {name}]")), "{name} is not in {help}");
    }
}
