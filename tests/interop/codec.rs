//! The codec against Apache Thrift's Python library: what it writes we read the same, and what we write,
//! or accept of what was harmed, it reads the same. (With its Rust library: `crates/wire/tests/reference.rs`.)

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use tests::program::texts;
use tsmgate_wire::{
    Answer, Cookie, ExceptionKind, Login, RemoteException, Secret, decode_call, decode_reply,
    encode_reply,
};

use super::{have_python, interop};

/// What the Python library says, a line for each line that it was given or asked for.
fn python(arguments: &[&str], input: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let generated = Command::new(interop("generate")).arg("py").arg(folder.path()).status();
    assert!(generated.unwrap().success());
    let script = interop("codec_peer.py");
    let mut peer = Command::new(Path::new("/usr/bin/python3"))
        .arg(script)
        .args(arguments)
        .env("TSMGATE_GEN_DIR", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to_it = peer.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || to_it.write_all(input.as_bytes()).unwrap());
    let output = peer.wait_with_output().unwrap();
    writer.join().unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{err}");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// An answer in the Python script's words, as far as it says something; an absent text is an empty one.
fn words(answer: &Answer) -> Value {
    match answer {
        Answer::Granted(login) => json!({
            "returnCode": 0,
            "username": login.username,
            "cookieName": login.cookie.name(),
            "cookieValue": login.cookie.value().expose(),
            "cookieMaxAge": login.cookie.max_age(),
        }),
        Answer::NotAuthorized => json!({ "returnCode": 1 }),
        Answer::Error => json!({ "returnCode": 2 }),
        Answer::Exception(exception) => {
            json!({ "exception": exception.message, "kind": exception.kind.number() })
        }
    }
}

/// That all of `ours` stands in `theirs`.
fn agree(ours: &Value, theirs: &Value, bytes: &str) {
    for (name, value) in ours.as_object().unwrap() {
        let absent = theirs[name].is_null() && (value == "" || name == "kind");
        assert!(theirs[name] == *value || absent, "{bytes}: we {ours}, they {theirs}");
    }
}

/// R33: what Python's library writes is read as what it is; a success that lacks something is refused
#[test]
fn what_python_writes_we_read_the_same() {
    if !have_python() {
        return;
    }
    let (mut granted, mut refused) = (0, 0);
    for line in python(&["write", "500"], "") {
        let bytes = |name: &str| HEXLOWER.decode(line[name].as_str().unwrap().as_bytes()).unwrap();
        let call = decode_call(&bytes("call")).unwrap().expect("a whole call");
        assert_eq!(call.length, bytes("call").len());
        let says = &line["says"];
        match decode_reply(&bytes("reply"), call.sequence) {
            Ok(answer) => {
                let answer = answer.expect("a whole reply");
                assert_eq!(words(&answer)["returnCode"], says["returnCode"], "{line}");
                agree(&words(&answer), says, &line.to_string());
                granted += usize::from(matches!(answer, Answer::Granted(_)));
            }
            Err(fault) => {
                // a text that can stand in a header: neither empty nor odd
                let plain = |c: char| c.is_ascii_graphic() && c != ';' && c != '"';
                let usable = |name: &str| {
                    says[name]
                        .as_str()
                        .is_some_and(|text| !text.is_empty() && text.chars().all(plain))
                };
                let whole = usable("cookieName") && usable("cookieValue");
                let lasting = says["cookieMaxAge"].as_i64().is_some_and(|age| age > 0);
                let unknown = says["returnCode"] == 3;
                assert!(unknown || !whole || !lasting, "{fault}: {line}");
                refused += 1;
            }
        }
    }
    assert!(granted > 30 && refused > 30, "{granted} granted, {refused} refused");
}

/// R33: what we write, and what we accept of it after harm, Python's library reads the same
#[test]
fn what_we_accept_python_reads_the_same() {
    if !have_python() {
        return;
    }
    let value = Secret::new("eyJ..a.b~c".into());
    let cookie = Cookie::new("AUTH_COOKIE".into(), value, 7200).unwrap();
    let message = "over_limit; \u{20ac}".into();
    let mut replies = Vec::new();
    for answer in [
        Answer::Granted(Login { username: "tsm\u{e4}svc".into(), cookie }),
        Answer::NotAuthorized,
        Answer::Error,
        Answer::Exception(RemoteException { kind: ExceptionKind::InternalError, message }),
    ] {
        let whole = encode_reply(0, &answer).to_vec();
        // every bit of it, one at a time
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            replies.push(bytes);
        }
        replies.push(whole);
    }
    let accepted: Vec<_> = replies
        .iter()
        .filter_map(|bytes| decode_reply(bytes, 0).ok().flatten().map(|answer| (bytes, answer)))
        .collect();
    assert!((100..replies.len() / 2).contains(&accepted.len()), "{} accepted", accepted.len());
    let lines: Vec<_> = accepted.iter().map(|(bytes, _)| HEXLOWER.encode(bytes)).collect();
    let read = python(&["read"], &(lines.join("\n") + "\n"));
    assert_eq!(read.len(), accepted.len());
    for ((theirs, (_, ours)), bytes) in read.iter().zip(&accepted).zip(&lines) {
        agree(&words(ours), theirs, bytes);
    }
}
