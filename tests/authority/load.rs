//! Certificates of seconds, renewed all the time, while their holders log in all the time: no call fails, and
//! nothing is left behind in either daemon. `RENEWAL_SECONDS` makes it longer.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use tests::program::{Gated, command, texts};
use tests::scene::controller_lines;
use tsmgate_pki::enrolment::{LIVE_MOST, Token};
use tsmgate_pki::{Authority, IssueOptions};
use tsmsim::{ApiOptions, Simulator, SimulatorOptions};

use crate::support::{Options, Stage};

/// How long it goes on unless that is said.
const SECONDS: u64 = 30;
/// The life of a certificate; the renewals are well within it.
const LIFE: &str = "20s";
/// Between two renewals of a host.
const EVERY: Duration = Duration::from_secs(2);
/// What a daemon's memory may grow by, in KiB: buffers and pools fill up, certificates must not.
const GROWTH: u64 = 8 * 1024;

/// A host that has joined.
struct Host {
    home: PathBuf,
}

impl Host {
    /// Joins by a token, with the program, as a person does.
    fn join(home: PathBuf, token: &Token) -> Self {
        fs::create_dir_all(&home).unwrap();
        let host = Self { home };
        let mut child = host.tsmgate(&["join"]).stdin(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{token}").unwrap();
        host.good("join", &child.wait_with_output().unwrap());
        host
    }

    fn tsmgate(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = command("tsmgate");
        command.args(arguments).env_clear().env("HOME", &self.home);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) {
        self.good(arguments[0], &self.tsmgate(arguments).output().unwrap());
    }

    fn good(&self, what: &str, output: &Output) {
        let (out, talk) = texts(output);
        let home = self.home.display();
        assert_eq!(output.status.code(), Some(0), "{home}: {what}: {out}{talk}");
    }
}

/// Does it again and again, until `stop`; how often it was done.
fn again(
    stop: &Arc<AtomicBool>,
    pause: Duration,
    what: impl Fn() + Send + 'static,
) -> (JoinHandle<()>, Arc<AtomicU32>) {
    let (stop, count) = (Arc::clone(stop), Arc::new(AtomicU32::new(0)));
    let done = Arc::clone(&count);
    let thread = std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            what();
            done.fetch_add(1, Ordering::Relaxed);
            sleep(pause);
        }
    });
    (thread, count)
}

/// What a process holds.
#[derive(Debug)]
struct Held {
    kibibytes: u64,
    descriptors: usize,
    threads: usize,
}

fn held(program: &Gated) -> Held {
    let of = |what: &str| Path::new("/proc").join(program.pid().to_string()).join(what);
    let status = fs::read_to_string(of("status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kibibytes = memory.trim().trim_end_matches(" kB").parse().unwrap();
    let count = |what: &str| fs::read_dir(of(what)).unwrap().count();
    Held { kibibytes, descriptors: count("fd"), threads: count("task") }
}

/// The gate of a stage: it trusts the stage's authority, and reads what the service publishes.
fn gate(stage: &Stage, tsm: &Simulator) -> Gated {
    let authority = Authority::open(&stage.path("pki"), None).unwrap();
    let issued = authority.server(&["localhost".parse().unwrap()], IssueOptions::default());
    let issued = issued.unwrap();
    let config = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n\
         [tls]\ncertificate = {:?}\nprivate_key = {:?}\nclient_authority = \"pki/ca.pem\"\n\
         [tsm]\nlogin_socket = \"tsm/login\"\nsocket_owners = [\"root\"]\n{}\
         [admission]\nallow = [\"127.0.0.0/8\"]\nsource_rate = {{ per_minute = 60000, burst = 10000 }}\n\
         [limits.client]\nlogins = {{ per_minute = 60000, burst = 10000 }}\n\
         [audit]\nfile = \"log/gate.jsonl\"\n\
         [enrolment]\nfolder = \"gate\"\nowner = \"root\"\n",
        issued.certificate,
        issued.private_key.unwrap(),
        controller_lines(tsm.api().unwrap()),
    );
    stage.write("tsmgated.toml", &config, 0o600);
    Gated::start::<&str>(&stage.path("tsmgated.toml"), &[], &[])
}

/// R49: short lives are no hardship: renewed every two seconds under load, no call fails and nothing leaks
#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_seconds_are_renewed_without_a_failed_call() {
    let seconds = std::env::var("RENEWAL_SECONDS").ok().and_then(|text| text.parse().ok());
    let span = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let mut stage = Stage::with(Options { life: LIFE, ..Options::default() });
    fs::create_dir(stage.path("tsm")).unwrap();
    let options = SimulatorOptions {
        api: Some(ApiOptions::default()),
        ..SimulatorOptions::new(stage.path("tsm/login"))
    };
    let tsm = Simulator::start(options).await.unwrap();
    let gate = gate(&stage, &tsm);
    stage.tell_of_gate(format!("localhost:{}", gate.address().port()));

    let stop = Arc::new(AtomicBool::new(false));
    let (mut threads, mut logins, mut renewals) = (Vec::new(), Vec::new(), Vec::new());
    for name in ["host1", "host2", "host3"] {
        let host = Arc::new(Host::join(stage.path(&format!("home/{name}")), &stage.invite(name)));
        let hammer = Arc::clone(&host);
        let cookie = host.home.join("cookie").display().to_string();
        let (thread, count) = again(&stop, Duration::ZERO, move || {
            hammer.run(&["login", "--format", "value", "--output", &cookie]);
        });
        threads.push(thread);
        logins.push(count);
        let (thread, count) = again(&stop, EVERY, move || host.run(&["renew"]));
        threads.push(thread);
        renewals.push(count);
    }

    let begun = Instant::now();
    sleep(span / 3);
    let before = [held(&gate), held(stage.service())];
    while begun.elapsed() < span && threads.iter().all(|thread| !thread.is_finished()) {
        sleep(Duration::from_millis(100));
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("a call failed while certificates were renewed");
    }

    let sum = |counts: &[Arc<AtomicU32>]| -> u32 {
        counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    };
    let (logins, renewals) = (sum(&logins), sum(&renewals));
    let least = u32::try_from(3 * span.as_secs() / EVERY.as_secs() / 3).unwrap();
    assert!(renewals >= least && logins > renewals, "{logins} logins, {renewals} renewals");
    // the first certificate of each has ended in the meantime, by far
    let index = stage.index();
    let now = time::OffsetDateTime::now_utc();
    assert!(index.iter().any(|entry| entry.not_after < now), "nothing has ended yet");
    for name in ["host1", "host2", "host3"] {
        let live = index.iter().filter(|entry| entry.names == [name] && entry.not_after >= now);
        assert!((1..LIVE_MOST).contains(&live.count()), "{name}");
    }
    let after = [held(&gate), held(stage.service())];
    for (before, after) in before.iter().zip(&after) {
        eprintln!("{logins} logins, {renewals} renewals: {before:?}, then {after:?}");
        assert!(after.kibibytes < before.kibibytes + GROWTH, "{before:?}, then {after:?}");
        assert!(after.descriptors <= before.descriptors + 4, "{before:?}, then {after:?}");
        assert!(after.threads <= before.threads + 4, "{before:?}, then {after:?}");
    }
    let renewed = stage.records("renew").into_iter();
    let renewed = renewed.filter(|line| line["event.outcome"] == "success").count();
    assert_eq!(renewed, usize::try_from(renewals).unwrap());
    stage.stop();
    stage.verify();
    let gate_audit = fs::read(stage.path("log/gate.jsonl")).unwrap();
    tsmgate_server::audit::verify::verify(gate_audit.as_slice(), None).unwrap();
    let text = String::from_utf8(gate_audit).unwrap();
    assert!(!text.contains("\"event.action\":\"refused\""), "somebody was refused");
}
