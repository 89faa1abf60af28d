//! A cookie and a key are nowhere but where they belong: with every log at its loudest, after good
//! calls, refusals, and everything that TSM can do wrong.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tests::program::{Gated, command, have, texts};
use tests::scene::entry;
use tests::{Scene, SceneOptions, wait};
use tsmsim::{Behaviour, Then};

use crate::stage::{PLAIN, config, peer, proc, stage};

/// No part of a secret that is as long as this may be anywhere, in bytes.
const PART: usize = 12;

const MISBEHAVIOUR: &[Behaviour] = &[
    Behaviour::Garbage,
    Behaviour::HugeString,
    Behaviour::LongReply,
    Behaviour::HalfReply(Then::Close),
    Behaviour::HalfReply(Then::Hang),
    Behaviour::Vanish,
    Behaviour::WrongSequence,
    Behaviour::WrongMethod,
    Behaviour::Exception,
    Behaviour::NotAuthorized,
    Behaviour::PllError,
    Behaviour::UnknownCode(7),
    Behaviour::EmptyCookie,
    Behaviour::CookieWithNewline,
    Behaviour::MissingMaxAge,
    Behaviour::TrailingBytes,
    Behaviour::RefuseAfterAccept,
    Behaviour::Delay(Duration::from_secs(2)),
];

/// Texts in which nothing of a secret may be.
struct Texts(Vec<(String, HashSet<Vec<u8>>)>);

impl Texts {
    fn add(&mut self, what: &str, text: &str) {
        let parts = text.as_bytes().windows(PART).map(<[u8]>::to_vec).collect();
        self.0.push((what.to_owned(), parts));
    }

    fn have_nothing_of(&self, name: &str, secret: &str) {
        assert!(secret.len() > PART);
        for part in secret.as_bytes().windows(PART) {
            for (what, parts) in &self.0 {
                let text = String::from_utf8_lossy(part);
                assert!(!parts.contains(part), "{name} is in {what}, at least `{text}`");
            }
        }
    }
}

/// `tsmgate login` as jump01 does it: what it said on each stream.
fn client_program(scene: &Scene, gated: &Gated, more: &[&str]) -> (String, String) {
    let path = |name: &str| scene.path(name).display().to_string();
    let mut client = command("tsmgate");
    client.args(["login", "--server-name", "localhost", "--gate", &gated.address().to_string()]);
    client.args(["--ca", &path("client-ca.pem"), "--cert", &path("jump01.pem")]);
    client.args(["--key", &path("jump01.key")]).args(more);
    texts(&client.env("RUST_LOG", "trace").env("TSMGATE_LOG", "trace").output().unwrap())
}

/// The secret half of a P-256 key, as its PEM text and as hexadecimal show it; the rest of that text
/// says of which kind the key is, and is in every certificate.
fn secret_half(pem: &str) -> [String; 2] {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let bytes = data_encoding::BASE64.decode(text.as_bytes()).unwrap();
    // RFC 5915: version 1, then an octet string of 32
    let head = [2, 1, 1, 4, 32];
    let begin = bytes.windows(head.len()).position(|window| window == head).unwrap() + head.len();
    let end = begin + 32;
    let digits = (begin * 4).div_ceil(3)..end * 4 / 3;
    [text[digits].to_owned(), data_encoding::HEXLOWER.encode(&bytes[begin..end])]
}

fn everything_written(folder: &Path, texts: &mut Texts) {
    for found in std::fs::read_dir(folder).unwrap() {
        let path = found.unwrap().path();
        if path.is_dir() {
            everything_written(&path, texts);
        } else if path.is_file() && path.extension().is_none_or(|kind| kind != "key") {
            let bytes = std::fs::read(&path).unwrap();
            texts.add(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
        }
    }
}

/// R39: no cookie and no key, nor a part of one, in any log, record, file, argument or environment
#[tokio::test(flavor = "multi_thread")]
async fn no_part_of_a_secret_is_written_anywhere() {
    let rest = entry("jump01", "[\"login\"]") + &entry("monitor", "[\"monitor\"]");
    let options = SceneOptions { rest, login: "call = \"1s\"".into(), ..SceneOptions::default() };
    let scene = stage(options).await;
    let jump01 = scene.authority.client("jump01");
    scene.write("jump01.pem", &jump01.chain, 0o644);
    scene.write("jump01.key", &jump01.key, 0o600);
    let loud = [("TSMGATED_LOG", "trace"), ("RUST_LOG", "trace")];
    let mut gated = Gated::start(&config(&scene), PLAIN, &loud);

    let mut texts = Texts(Vec::new());
    for more in [&[][..], &["--format", "json"], &["--quiet"]] {
        let (out, talk) = client_program(&scene, &gated, more);
        assert!(out.contains(scene.tsm.cookies().last().expect(&talk)), "{out}{talk}");
        texts.add("the client's standard error", &talk);
    }
    let client = peer(&scene, &gated, "jump01");
    client.cookie().await;
    peer(&scene, &gated, "monitor").login().await.unwrap();
    peer(&scene, &gated, "stranger").refusal().await;
    for behaviour in MISBEHAVIOUR {
        scene.tsm.behave(*behaviour);
        client.login().await.unwrap();
        let (out, talk) = client_program(&scene, &gated, &[]);
        if !matches!(behaviour, Behaviour::TrailingBytes) {
            assert_eq!(out, "", "{behaviour:?}");
        }
        texts.add(&format!("the client's standard error after {behaviour:?}"), &talk);
    }
    scene.tsm.behave(Behaviour::Honest);
    client.cookie().await;
    for name in ["cmdline", "environ"] {
        texts.add(&format!("/proc/PID/{name}"), &proc(gated.pid(), name));
    }
    gated.signal(Signal::SIGTERM);
    let (status, log) = gated.end();
    assert_eq!(status.code(), Some(0));
    assert!(log.iter().any(|line| line.contains("DEBUG")), "the log is not at its loudest");
    texts.add("the log", &log.join("\n"));
    everything_written(&scene.path(""), &mut texts);

    let cookies = scene.tsm.cookies();
    assert!(cookies.len() > 10, "{}", cookies.len());
    for cookie in cookies {
        texts.have_nothing_of("a cookie", &cookie);
    }
    let server = std::fs::read_to_string(scene.path("server.key")).unwrap();
    for (name, key) in [("the server's key", &server), ("the client's key", &jump01.key)] {
        for half in secret_half(key) {
            texts.have_nothing_of(name, &half);
        }
    }
}

/// R39: the search itself finds a part of a secret where there is one
#[test]
fn the_search_for_secrets_finds_them() {
    let mut texts = Texts(Vec::new());
    texts.add("a text", "nothing of interest, and then wxyzabcdefghijkl and more");
    texts.have_nothing_of("another", "0123456789abcdefghijk0123456789");
    let found = std::panic::catch_unwind(|| {
        texts.have_nothing_of("this", "0123456789abcdefghijkl0123456789");
    });
    assert!(found.is_err());
}

/// R39: a panic text or a refusal to start does not show what a broken key file holds
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_key_is_not_quoted() {
    let scene = stage(SceneOptions::default()).await;
    let key = std::fs::read_to_string(scene.path("server.key")).unwrap();
    for spoilt in [key.replace("PRIVATE KEY", "CERTIFICATE"), key.replacen("\nM", "\nN", 1)] {
        scene.write("server.key", &spoilt, 0o600);
        let loud = [("TSMGATED_LOG", "trace"), ("RUST_BACKTRACE", "1")];
        let mut gated = Gated::start(&config(&scene), PLAIN, &loud);
        let ended = wait::until_blocking("an answer", || {
            let log = gated.log();
            (!log.is_empty()).then(|| log.join("\n"))
        });
        gated.signal(Signal::SIGTERM);
        gated.wait();
        let mut texts = Texts(Vec::new());
        texts.add("the complaint", &ended);
        for half in secret_half(&key) {
            texts.have_nothing_of("the key", &half);
        }
    }
}

/// R43, R44: what a stranger writes into his hello is in no line of the log, however loud it is
#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_hello_is_not_repeated() {
    if !have("openssl", "openssl") {
        return;
    }
    let scene = stage(SceneOptions::default()).await;
    let gated = Gated::start(&config(&scene), PLAIN, &[("TSMGATED_LOG", "trace")]);
    let address = gated.address().to_string();
    let name = format!("EVIL_{}_NAME", "x".repeat(200));
    let arguments = ["s_client", "-connect", &address, "-servername", &name];
    let openssl = Command::new("openssl").args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(!openssl.status.success());
    // a name that is none is broken TLS already
    let refused = || async { (!scene.records("refused").is_empty()).then_some(()) };
    wait::until("a refusal", refused).await;
    peer(&scene, &gated, "jump01").cookie().await;
    assert!(!gated.log().join("\n").contains("EVIL_"), "{:?}", gated.log());
}
