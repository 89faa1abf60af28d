//! The five forms of a session, each read by the program it is for.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::rig::certificates::Recipe;
use crate::rig::{
    COOKIE, Certificates, FakeGate, FakeSocket, Play, Run, granted, granted_with, login_at_socket,
    login_to,
};

fn formatted(reply: Vec<u8>, format: &str) -> String {
    let socket = FakeSocket::start(Play::Reply(reply));
    Run::of(login_at_socket(socket.path()).args(["--format", format])).good()
}

#[test]
fn a_value_is_the_value() {
    assert_eq!(formatted(granted(), "value"), format!("{COOKIE}\n"));
}

#[test]
fn a_header_is_a_whole_header() {
    assert_eq!(formatted(granted(), "header"), format!("Cookie: AUTH_COOKIE={COOKIE}\n"));
}

#[test]
fn json_has_four_fields_and_an_expiry_in_utc() {
    let text = formatted(granted(), "json");
    let json: Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["expiry", "name", "username", "value"]);
    assert_eq!((&json["name"], &json["value"]), (&"AUTH_COOKIE".into(), &COOKIE.into()));
    assert_eq!(json["username"], "tsmsvc");
    let expiry = json["expiry"].as_str().unwrap();
    assert!(expiry.ends_with('Z') && expiry.len() == 20, "{expiry}");
    let left = OffsetDateTime::parse(expiry, &Rfc3339).unwrap() - OffsetDateTime::now_utc();
    assert!((7100..=7200).contains(&left.whole_seconds()), "{left}");
}

/// R43: JSON keeps a user name exact, and yet nothing of it reaches a terminal as a control.
#[test]
fn json_is_visible_ascii_and_exact() {
    let username = "DOMAIN\\j\"o\u{1b}[2J\u{85}\u{7f}\u{202e}é𝄞\n";
    let text = formatted(granted_with(username, COOKIE), "json");
    assert!(text.trim_end().bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text:?}");
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["username"], username);
}

#[test]
fn env_survives_the_shell_whatever_the_cookie() {
    for value in [COOKIE, "a$(id)`id`$HOME&|<>!*?~#b", "it's", "'$(id)`id`$HOME'${x}'!%&"] {
        let line = formatted(granted_with("u", value), "env");
        assert_eq!(line.lines().count(), 1);
        let script = r#"eval "$1"; printf %s "$AUTH_COOKIE""#;
        let shell = Command::new("sh").args(["-euc", script, "sh", &line]).output().unwrap();
        assert_eq!(String::from_utf8(shell.stdout).unwrap(), value, "{line}");
    }
}

#[test]
fn env_names_the_variable_itself() {
    let cookie = tsmgate_wire::Secret::new("/tmp/evil".into());
    let cookie = tsmgate_wire::Cookie::new("PATH".into(), cookie, 60).unwrap();
    let login = tsmgate_wire::Login { username: "u".into(), cookie };
    let reply = crate::rig::answer(&tsmgate_wire::Answer::Granted(login));
    assert_eq!(formatted(reply, "env"), "AUTH_COOKIE='/tmp/evil'\n");
}

#[test]
fn a_cookie_file_has_the_gates_host_or_the_one_given() {
    let certificates = Certificates::new();
    let gate = FakeGate::start(&certificates, Play::Reply(granted()));
    let mut command = login_to(&format!("localhost:{}", gate.port()), &certificates);
    let text = Run::of(command.args(["--format", "netscape"])).good();
    assert!(text.contains("\n#HttpOnly_localhost\tFALSE\t/\tTRUE\t"), "{text}");
    let text = Run::of(command.args(["--cookie-domain", "tsm.example.com"])).good();
    assert!(text.contains("\n#HttpOnly_tsm.example.com\tFALSE\t/\tTRUE\t"), "{text}");
}

/// The cookies curl sends to a URL, with this cookie file.
fn sent_by_curl(cookies: &Path, certificates: &Certificates, url: &str, port: u16) -> String {
    let mut curl = Command::new("curl");
    curl.env_clear().args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*"]);
    curl.arg("--cacert").arg(certificates.path("ca.pem")).arg("-b").arg(cookies);
    for name in ["tsm.test", "other.test"] {
        curl.args(["--resolve", &format!("{name}:{port}:127.0.0.1")]);
    }
    let output = curl.arg(url).output().unwrap();
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Answers one request with the cookies it came with.
fn echo_cookies(stream: &mut (impl Read + Write)) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let cookies = head.lines().find_map(|line| line.strip_prefix("Cookie: ")).unwrap_or("none");
    let length = cookies.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{cookies}");
    stream.write_all(answer.as_bytes()).unwrap();
    stream.flush().unwrap();
}

fn https(certificates: &Certificates) -> FakeGate {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates.chain("server.pem"), certificates.key("server.key"))
        .unwrap();
    let config = Arc::new(config);
    FakeGate::raw(move |tcp: TcpStream| {
        let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(tls, tcp);
        echo_cookies(&mut stream);
        stream.conn.send_close_notify();
        let _ = stream.flush();
    })
}

#[test]
fn curl_sends_the_cookie_file_to_its_host_over_tls_and_nowhere_else() {
    let certificates = Certificates::of(&Recipe { server: "tsm.test", ..Recipe::default() });
    let socket = FakeSocket::start(Play::Reply(granted()));
    let mut command = login_at_socket(socket.path());
    command.args(["--format", "netscape", "--cookie-domain", "tsm.test", "--output"]);
    let file = certificates.path("cookies");
    Run::of(command.arg(&file)).good();

    let (tls, plain) = (https(&certificates), FakeGate::raw(|mut tcp| echo_cookies(&mut tcp)));
    let url = format!("https://tsm.test:{}/api/0.5/status", tls.port());
    let sent = sent_by_curl(&file, &certificates, &url, tls.port());
    assert_eq!(sent, format!("AUTH_COOKIE={COOKIE}"));

    // the cookie is a secure one, and of that host alone
    for host in ["tsm.test", "other.test"] {
        let url = format!("http://{host}:{}/", plain.port());
        assert_eq!(sent_by_curl(&file, &certificates, &url, plain.port()), "none", "{host}");
    }

    // and its end counts: the same file, an hour in the past
    let old = OffsetDateTime::now_utc().unix_timestamp() - 3600;
    let text = fs::read_to_string(&file).unwrap();
    let expiry = text.split('\t').nth(4).unwrap();
    fs::write(&file, text.replace(expiry, &old.to_string())).unwrap();
    assert_eq!(sent_by_curl(&file, &certificates, &url, tls.port()), "none");
}
