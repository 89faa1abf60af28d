//! The audit: whatever texts are recorded, each record is one line that reads back; and whatever is done to the lines
//! afterwards shows. The first byte says what is done, the next two where.
#![no_main]

use data_encoding::HEXLOWER;
use time::OffsetDateTime;
use tsmgate_server::audit::chain::{Head, Link};
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::audit::verify::verify;
use tsmgate_server::digest::sha256;
use tsmgate_text::escape;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // anything at all is refused or verified
    let _ = verify(bytes, None).map(|verified| verify(bytes, Some(&verified.head)).unwrap());
    let [how, high, low, texts @ ..] = bytes else { return };
    let (file, head) = written(texts);
    let verified = verify(file.as_slice(), Some(&head)).expect("what was written is in order");
    assert_eq!(verified.head, head);
    let spoiled = spoiled(&file, *how, usize::from(u16::from_be_bytes([*high, *low])), texts);
    // lines that were put aside with an earlier file are missed by nobody
    let is_rest = file.ends_with(&spoiled) && file[..file.len() - spoiled.len()].ends_with(b"\n");
    let in_order = spoiled == file || is_rest && !spoiled.is_empty();
    match verify(spoiled.as_slice(), Some(&head)) {
        Ok(_) => assert!(in_order || head == Head::EMPTY && spoiled.is_empty(), "it shows"),
        Err(broken) => {
            assert!(!broken.to_string().is_empty());
            // the rest may begin with a torn line's record, whose torn line is gone
            assert!(spoiled != file, "{broken}");
        }
    }
});

/// A record for each line of the text; one that begins with a NUL stands for a line that kill -9 tore.
fn written(texts: &[u8]) -> (Vec<u8>, Head) {
    let (mut file, mut head) = (Vec::new(), Head::EMPTY);
    for text in texts.split(|byte| *byte == b'\n').take(16) {
        let record = match text.strip_prefix(b"\0") {
            // a whole record that only wants its line's end is none that was torn
            Some(torn) if !torn.is_empty() && Link::read(torn).is_none() => {
                file.extend(torn);
                file.push(b'\n');
                Record::new("recovered", Outcome::Success)
                    .number("tsmgate.audit.torn_bytes", torn.len() as u64)
                    .text("tsmgate.audit.torn_sha256", &HEXLOWER.encode(&sha256(torn)))
            }
            _ => {
                let text = String::from_utf8_lossy(text);
                Record::new("login", Outcome::Success).text("user.name", &text).texts("x", &[&text])
            }
        };
        let (line, next) = head.append(&record, OffsetDateTime::UNIX_EPOCH);
        reads_back(&line, text);
        file.extend(line.as_bytes());
        head = next;
    }
    (file, head)
}

/// One line, one object, and the text in it as it was escaped.
fn reads_back(line: &str, text: &[u8]) {
    assert_eq!(line.find('\n'), Some(line.len() - 1));
    assert!(fuzz::is_visible(line.trim_end()));
    let read: serde_json::Value = serde_json::from_str(line).expect("it is JSON");
    if let Some(name) = read.get("user.name") {
        let text = String::from_utf8_lossy(text);
        assert_eq!(name, &escape(text.as_ref()));
        assert_eq!(read["x"], serde_json::json!([name]));
        assert_eq!(read["event.action"], "login", "no text is a field");
    }
}

/// The file with something done to it.
fn spoiled(file: &[u8], how: u8, at: usize, more: &[u8]) -> Vec<u8> {
    let at = at % file.len().max(1);
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    let line = at % lines.len().max(1);
    let (before, after) = lines.split_at(line);
    let (first, rest) =
        after.split_first().map_or((&b""[..], after), |(first, rest)| (*first, rest));
    match how % 7 {
        0 => file[..at].to_vec(),
        1 => file[at..].to_vec(),
        2 => [&before.concat()[..], &rest.concat()].concat(),
        3 => [&before.concat()[..], first, first, &rest.concat()].concat(),
        4 => [&before.concat()[..], &rest.concat(), first].concat(),
        5 => [&file[..at], more, &file[at..]].concat(),
        _ => {
            let mut file = file.to_vec();
            if let Some(byte) = file.get_mut(at) {
                *byte ^= more.first().copied().unwrap_or(1);
            }
            file
        }
    }
}
