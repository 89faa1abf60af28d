//! The api lane of the program as it is built: its session is in nothing that it writes or shows, and a large
//! answer takes no more memory than a small one.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::json;
use tests::http::{Http, find};
use tests::peer::send;
use tests::program::Gated;
use tests::scene::entry;
use tests::{Peer, SceneOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tsmsim::{ApiBehaviour, Place};

use crate::stage::{PLAIN, config, peer, proc, stage, tsmgated};

const STATUS: &str = "/api/0.5/status";
/// No part of a cookie that is as long as this may be anywhere, in bytes.
const PART: usize = 12;

/// Whether a part of one of the cookies is in there.
fn part_in(cookies: &[String], text: &[u8]) -> Option<String> {
    let windows: HashSet<&[u8]> = text.windows(PART).collect();
    // what each of them begins with is no secret
    let secret = |cookie: &String| cookie.rsplit_once("..").unwrap().1.as_bytes().to_vec();
    cookies.iter().map(secret).find_map(|cookie| {
        let part = cookie.windows(PART).find(|part| windows.contains(part))?;
        Some(String::from_utf8_lossy(part).into_owned())
    })
}

/// Every file that the program wrote, but for its configuration.
fn written(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            written(&path, found);
        } else if path.is_file() {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

/// One request on a connection of its own; what it comes to does not matter.
async fn request(peer: &Peer, method: &str, path: &str, body: &[u8]) -> Option<u16> {
    let mut http = Http::open(peer).await.ok()?;
    http.ask(method, path, "", body).await.ok().map(|answer| answer.status)
}

/// The metrics as they are shown.
async fn page(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page
}

/// R39, R58: with every log at its loudest, after good answers, planted ones, refusals, storms and cuts, no
/// part of the gate's session or of a raw one is in a log, record, metric, status, argument or environment
#[tokio::test(flavor = "multi_thread")]
async fn no_part_of_a_session_is_written_anywhere() {
    let metrics = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let role = "[[role]]\nname = \"all\"\npermissions = [\"api.raw\", \"config.read\", \"status.read\", \"login\"]\n";
    let rest = format!("[metrics]\nlisten = \"{metrics}\"\n{}{role}", entry("jump01", "[\"all\"]"));
    let options = SceneOptions { rest, http: "call = \"1s\"".into(), ..SceneOptions::api("[]") };
    let scene = stage(options).await;
    let runtime = scene.path("run").display().to_string();
    std::fs::create_dir(&runtime).unwrap();
    let loud = [
        ("TSMGATED_LOG", "trace"),
        ("RUST_LOG", "trace"),
        ("RUST_BACKTRACE", "1"),
        ("RUNTIME_DIRECTORY", &runtime),
    ];
    let mut gated = Gated::start(&config(&scene), PLAIN, &loud);
    let client = peer(&scene, &gated, "jump01");
    assert_eq!(request(&client, "GET", STATUS, b"").await, Some(200));

    let places = [
        Place::Body,
        Place::Chunks(7),
        Place::Chunks(1),
        Place::Deep(20),
        Place::Error(500),
        Place::Error(401),
        Place::SetCookie,
        Place::Location,
        Place::Header,
        Place::Reason,
    ];
    let mut behaviours: Vec<_> = places.into_iter().map(ApiBehaviour::Plant).collect();
    behaviours.extend([
        ApiBehaviour::Unauthorized,
        ApiBehaviour::Silent,
        ApiBehaviour::Truncated,
        ApiBehaviour::CloseInBody,
        ApiBehaviour::CloseInHeader,
        ApiBehaviour::Gzip,
        ApiBehaviour::Html(502),
        ApiBehaviour::Raw("not HTTP\r\n\r\n".into()),
        ApiBehaviour::Raw("HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".into()),
    ]);
    let api = scene.tsm.api().unwrap();
    for behaviour in behaviours {
        for path in [STATUS, "/api/0.5/export", "/api/0.5/whatever"] {
            api.behave(behaviour.clone());
            let _ = request(&client, "GET", path, b"").await;
        }
    }
    api.behave(ApiBehaviour::Honest);
    for _ in 0..3 {
        let raw = client.cookie().await;
        let body = json!({ "cookie": raw }).to_string();
        assert_eq!(request(&client, "POST", "/v1/logout", body.as_bytes()).await, Some(204));
        let body = json!({ "cookie": raw, "more": 1 }).to_string();
        assert_eq!(request(&client, "POST", "/v1/logout", body.as_bytes()).await, Some(400));
    }
    gated.signal(Signal::SIGHUP);
    gated.line_with("read anew");
    assert_eq!(request(&client, "GET", STATUS, b"").await, Some(200));
    scene.tsm.stop().await;
    assert_eq!(request(&client, "GET", STATUS, b"").await, Some(502));
    scene.tsm.restart().await.unwrap();

    let mut found = Vec::new();
    for name in ["cmdline", "environ"] {
        found.push((format!("/proc/PID/{name}"), proc(gated.pid(), name).into_bytes()));
    }
    let page = page(metrics).await;
    assert!(page.contains("tsmgate_requests_total{"), "{page}");
    found.push(("the metrics".to_owned(), page.into_bytes()));
    let socket = format!("{runtime}/status.sock");
    let (code, shown, talk) = tsmgated(&["status", "--json", "--socket", &socket]);
    assert!(shown.contains("audit_head"), "{code} {shown}{talk}");
    found.push(("the status".to_owned(), shown.into_bytes()));
    gated.signal(Signal::SIGTERM);
    let (ended, log) = gated.end();
    assert_eq!(ended.code(), Some(0));
    assert!(log.iter().any(|line| line.contains("DEBUG")), "the log is not at its loudest");
    assert!(log.iter().any(|line| line.contains("painted over")), "{log:?}");
    found.push(("the log".to_owned(), log.join("\n").into_bytes()));
    written(&scene.path(""), &mut found);
    assert!(found.iter().any(|(name, _)| name.ends_with("audit.jsonl")));

    let cookies = scene.tsm.cookies();
    assert!(cookies.len() > 6, "{}", cookies.len());
    for (name, text) in &found {
        assert_eq!(part_in(&cookies, text), None, "{name}");
    }
    // the control: the search finds a part where there is one, and the records know which session it was
    let part = &cookies[0][cookies[0].len() - 40..][..PART + 3];
    assert!(part_in(&cookies, format!("a log line with {part} in it").as_bytes()).is_some());
    assert!(scene.records("session").iter().all(|record| {
        record["event.outcome"] == "failure" || record["tsmgate.cookie.fingerprint"].is_string()
    }));
    // and the last session did not outlive the program
    assert!(!api.is_open(cookies.last().unwrap()));
}

/// The program's resident memory, in bytes.
fn resident(gated: &Gated) -> u64 {
    let status = proc(gated.pid(), "status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// 256 MiB go through with flat memory, to a reader that is slower than TSM as to a fast one.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_takes_no_memory() {
    const SIZE: u64 = 256 * 1024 * 1024;
    const GROWTH: u64 = 16 * 1024 * 1024;
    let scene = stage(SceneOptions::api("[\"monitor\"]")).await;
    let gated = Gated::start(&config(&scene), PLAIN, &[]);
    let client = peer(&scene, &gated, "jump01").offering(&["http/1.1"]);
    assert_eq!(request(&client, "GET", STATUS, b"").await, Some(200), "{:?}", gated.log());
    let before = resident(&gated);
    scene.tsm.api().unwrap().behave(ApiBehaviour::Huge(SIZE));
    let mut stream = client.connect().await.unwrap();
    let head = format!("GET {STATUS} HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n");
    send(&mut stream, head.as_bytes()).await.unwrap();
    let mut bytes = vec![0; 1024 * 1024];
    let (mut seen, mut most) = (Vec::new(), before);
    let mut count = 0_u64;
    loop {
        let read = stream.read(&mut bytes).await.unwrap();
        if read == 0 {
            break;
        }
        if seen.len() < 4096 {
            seen.extend_from_slice(&bytes[..read.min(4096)]);
        }
        count += read as u64;
        if count % (4 * 1024 * 1024) < read as u64 {
            most = most.max(resident(&gated));
        }
    }
    let header = find(&seen, b"\r\n\r\n").unwrap() as u64 + 4;
    assert_eq!(count, SIZE + header);
    assert!(most - before <= GROWTH, "{before} grew to {most}");
}
