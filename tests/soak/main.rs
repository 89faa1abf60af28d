//! All lanes of the built `tsmgated` at once, for an hour or as long as one likes: who may, who may now and then, and
//! who may not, while it is reloaded, TSM restarts, the audit is put aside and the metrics are read. In the end
//! everything is let come to rest, and has to be where it was: memory, descriptors, threads, connections; and the
//! record has to say as much as those who called.
//!
//! The client's and the runner's programs are killed and starved elsewhere, in `faults`; here everything works, only
//! all of it and for long.

mod callers;
mod figures;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use nix::sys::signal::Signal;
use tests::program::{Gated, built, texts};
use tests::runner::{Runner, RunnerOptions};
use tests::scene::entry;
use tests::{Authority, Peer, Scene, SceneOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use callers::Stage;
use figures::{End, Figures, Sample};

/// What memory may be more at the end than after the warm-up, in KiB: what an allocator keeps for itself.
const MARGIN: u64 = 6 * 1024;
/// How long everything may take to come to rest.
const REST: Duration = Duration::from_secs(40);
/// The client that is revoked now and then.
const GUEST: &str = "guest";

/// All lanes of tsmgated at once; then whether everything is back to where it was
#[derive(Debug, Parser)]
struct Options {
    /// How long, in seconds; a quarter of it is the warm-up
    #[arg(long, default_value_t = 3600)]
    seconds: u64,
    /// Repeats the choices of a run
    #[arg(long)]
    seed: Option<u64>,
    /// Which build this is, for the figures alone
    #[arg(long, default_value = "release")]
    profile: String,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(soak(&options))
}

async fn soak(options: &Options) -> anyhow::Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let seed = options.seed.unwrap_or(now.as_secs());
    println!(
        "* command: `tests/soak/run --profile {} --seconds {} --seed {seed}`",
        options.profile, options.seconds
    );
    let scene = Arc::new(prepare().await);
    let mut runner = Runner::start(&scene, &RunnerOptions::script(&scene, TSM));
    let mut gated = Gated::start(&scene.path("tsmgated.toml"), &[] as &[&str], &[]);
    let gate = gated.address();
    let authority = scene.authority.pem();
    let peer = |name: &str| Peer::new(gate, &authority, Some(&scene.authority.client(name)));
    let stranger = Authority::new("tests").client("jump01");
    let stranger = Peer::new(gate, &authority, Some(&stranger)).from("127.0.0.66");

    let stage = Stage {
        over: Arc::new(AtomicBool::new(false)),
        figures: Figures::default(),
        tsm_shaky: Arc::new(AtomicBool::new(false)),
        cookies: Arc::new(AtomicU64::new(0)),
    };
    let standing = Arc::new(Mutex::new((Instant::now(), true)));
    let mut callers = JoinSet::new();
    for _ in 0..2 {
        callers.spawn(callers::cold(stage.clone(), peer("jump01")));
        callers.spawn(callers::kept(stage.clone(), peer("jump01")));
        callers.spawn(callers::api(stage.clone(), peer("jump01").offering(&["http/1.1"])));
    }
    callers.spawn(callers::local(stage.clone(), scene.local_socket()));
    callers.spawn(callers::guest(stage.clone(), peer(GUEST), Arc::clone(&standing)));
    callers.spawn(callers::strangers(stage.clone(), stranger, peer("jump01").from("127.0.0.67")));
    callers.spawn(commands(stage.clone(), Arc::clone(&scene), gate.to_string()));
    callers.spawn(operators(stage.clone(), Arc::clone(&scene), gated.pid(), standing, seed));

    let begun = Instant::now();
    let whole = Duration::from_secs(options.seconds);
    let mut samples = Vec::new();
    while begun.elapsed() < whole {
        tokio::select! {
            // none ends before it is over
            Some(ended) = callers.join_next() => ended.context("a caller met what must not be")?,
            () = sleep(whole / 12) => samples.push(Sample::of(gated.pid(), begun.elapsed())),
        }
    }
    stage.over.store(true, Ordering::Relaxed);
    while let Some(ended) = callers.join_next().await {
        ended.context("a caller met what must not be")?;
    }
    samples.push(at_rest(&scene, gated.pid(), begun, &samples).await?);
    println!("\n{}\n{}", stage.figures, figures::table(&samples));
    gated.signal(Signal::SIGTERM);
    ensure!(gated.wait() == Some(0), "the gate did not end well: {:?}", gated.log().last());
    runner.signal(Signal::SIGTERM);
    runner.wait();
    stage.figures.judge()?;
    judge_use(&samples)?;
    judge_record(&scene, &stage)?;
    let left = std::fs::read_dir(scene.path("runner/state/work"))?.count();
    ensure!(left == 0, "{left} folders of commands are left, with what they were given");
    println!("* all is where it was");
    Ok(())
}

/// What it uses once nobody calls: no connection is left, and no more threads than there ever were. Those for
/// blocking work look at files each second, and take turns.
async fn at_rest(
    scene: &Scene,
    gated: u32,
    begun: Instant,
    loaded: &[Sample],
) -> anyhow::Result<Sample> {
    let most = loaded.iter().map(|sample| sample.threads).max().context("no sample")?;
    let since = Instant::now();
    loop {
        let left = connections(scene).await?;
        let sample = Sample::of(gated, begun.elapsed());
        if left == 0 && sample.threads <= most {
            return Ok(sample);
        }
        ensure!(since.elapsed() < REST, "{left} connections and {sample:?} after {REST:?} of rest");
        sleep(Duration::from_millis(200)).await;
    }
}

/// The vendor's program: it reads the file that it is given, if it is given one.
const TSM: &str =
    "for last; do :; done; [ ! -f \"$last\" ] || cat \"$last\" >/dev/null; seq 200; echo done";

async fn prepare() -> Scene {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let roles = "[\"admin\", \"tls-admin\", \"login\"]";
    let commands = SceneOptions::commands(roles);
    let metrics = format!(
        "\n[metrics]\nlisten = \"unix:{}\"\n",
        folder.path().join("metrics.sock").display()
    );
    let options = SceneOptions {
        rest: format!(
            "rotate_size = \"4MiB\"\n{metrics}{}{}",
            commands.rest,
            entry(GUEST, "[\"login\"]")
        ),
        client_limits: "logins = { per_minute = 1000000, burst = 10000 }\nin_flight = 100\n\
                        requests = { per_minute = 1000000, burst = 10000 }\n\
                        commands = { per_minute = 100000, burst = 1000 }"
            .to_owned(),
        ..commands
    };
    let options = options.with_local(&tests::local::entry("user = \"root\"", "[\"login\"]"));
    let scene = Scene::prepare(folder, Authority::new("tests"), &options).await;
    let identity = scene.authority.client("jump01");
    scene.install(&identity);
    scene
}

/// The client's program, with a file that goes along and output that comes back.
async fn commands(stage: Stage, scene: Arc<Scene>, gate: String) {
    let orders: [&[&str]; 2] = [
        &["security", "external-ssl", "list"],
        &["security", "custom-cert", "add", "--cert-file", "ca.pem"],
    ];
    let mut turn = 0;
    while !stage.over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let mut command = Command::new(built("tsmgate"));
        command.args(orders[turn % 2]).current_dir(scene.path(".")).envs(scene.environment(&gate));
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let (out, err) = texts(&output);
        assert!(output.status.success() && out.contains("done"), "{out}{err}");
        stage.figures.count("commands, by the client's program", begun, End::Served);
        turn += 1;
        sleep(Duration::from_millis(300)).await;
    }
}

/// Those who run the host: they reload, revoke and let in again, restart TSM, and look at the metrics.
async fn operators(
    stage: Stage,
    scene: Arc<Scene>,
    gated: u32,
    standing: Arc<Mutex<(Instant, bool)>>,
    seed: u64,
) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(gated).unwrap());
    let reload = || nix::sys::signal::kill(pid, Signal::SIGHUP).unwrap();
    let guest = entry(GUEST, "[\"login\"]");
    let mut chance = seed;
    while !stage.over.load(Ordering::Relaxed) {
        chance =
            chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let begun = Instant::now();
        match (chance >> 33) % 8 {
            0 => {
                stage.tsm_shaky.store(true, Ordering::Relaxed);
                scene.tsm.restart().await.unwrap();
                sleep(Duration::from_millis(300)).await;
                stage.tsm_shaky.store(false, Ordering::Relaxed);
                stage.figures.count("TSM restarts", begun, End::Served);
            }
            1 | 2 => {
                let stays = !standing.lock().unwrap().1;
                match stays {
                    true => scene.edit("#guest\n", &guest),
                    false => scene.edit(&guest, "#guest\n"),
                }
                *standing.lock().unwrap() = (Instant::now(), stays);
                reload();
                stage.figures.count("a client revoked, or let in again", begun, End::Served);
                // so long that it is seen to be obeyed
                sleep(Duration::from_secs(4)).await;
            }
            3..=5 => {
                reload();
                stage.figures.count("reloads", begun, End::Served);
            }
            _ => {
                connections(&scene).await.unwrap();
                stage.figures.count("looks at the metrics", begun, End::Served);
            }
        }
        sleep(Duration::from_millis(200 + (chance >> 40) % 400)).await;
    }
}

/// The connections that the metrics show.
async fn connections(scene: &Scene) -> anyhow::Result<u64> {
    let mut stream = UnixStream::connect(scene.path("metrics.sock")).await?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let lines = text.lines().filter(|line| line.starts_with("tsmgate_connections{"));
    let counts: Vec<u64> = lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    ensure!(!counts.is_empty(), "the metrics show no connections: {text}");
    Ok(counts.iter().sum())
}

/// Whether it uses no more at rest than it did after the warm-up, and holds less than it ever did under load.
fn judge_use(samples: &[Sample]) -> anyhow::Result<()> {
    let (last, loaded) = samples.split_last().context("no sample")?;
    let warm = loaded[(loaded.len() / 4).saturating_sub(1)];
    let fewest = loaded.iter().map(|sample| sample.descriptors).min();
    let growth = last.memory as f64 - warm.memory as f64;
    println!("* memory: {growth:+.0} KiB since the warm-up");
    ensure!(last.memory <= warm.memory + MARGIN, "the memory grew by {growth} KiB");
    ensure!(Some(last.descriptors) <= fewest, "{} descriptors are left at rest", last.descriptors);
    Ok(())
}

/// Whether the record is whole over all its files, and says of as many cookies as came.
fn judge_record(scene: &Scene, stage: &Stage) -> anyhow::Result<()> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(scene.path("log"))?.flatten().map(|it| it.path()).collect();
    files.sort();
    // the current one has the shortest name, and comes last
    files.rotate_left(1);
    let output = Command::new(built("tsmgated")).args(["audit", "verify"]).args(&files).output()?;
    ensure!(output.status.success(), "{:?}", texts(&output));
    let mut granted = 0;
    let (mut intents, mut outcomes, mut sessions) = (0, 0, 0);
    for file in &files {
        for line in std::fs::read_to_string(file)?.lines() {
            let line: serde_json::Value = serde_json::from_str(line)?;
            sessions += u64::from(line["event.action"] == "session");
            if line["event.action"] == "login" {
                intents += u64::from(line["tsmgate.phase"] == "intent");
                outcomes += u64::from(line["tsmgate.phase"] == "outcome");
                granted += u64::from(
                    line["tsmgate.phase"] == "outcome" && line["event.outcome"] == "success",
                );
            }
        }
    }
    let came = stage.cookies.load(Ordering::Relaxed);
    let tsm = scene.tsm.counts();
    println!(
        "* audit: {} files, {intents} logins begun, {granted} granted; {came} cookies came",
        files.len()
    );
    ensure!(intents == outcomes, "{intents} logins were begun, {outcomes} have an end");
    // who is cut between the record and the answer got none
    ensure!(
        granted >= came
            && granted - came <= stage.figures.served("a client revoked, or let in again")
    );
    ensure!(tsm.calls <= intents + sessions, "{} calls at TSM, {intents} on record", tsm.calls);
    Ok(())
}
