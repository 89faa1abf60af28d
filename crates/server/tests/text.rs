//! Text of others in records and logs.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use tsmgate_server::audit::chain::Head;
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::text::{TEXT_LIMIT, escape};

/// R43: what could steer a terminal, forge a line or turn text around is escaped, all else is kept
#[test]
fn unsafe_characters_are_escaped() {
    for (text, safe) in [
        ("", ""),
        ("plain text, ünïcode, 東京, 🙂", "plain text, ünïcode, 東京, 🙂"),
        ("a\tb\r\nc", r"a\u{9}b\u{d}\u{a}c"),
        ("\0\u{1}\u{1f}", r"\u{0}\u{1}\u{1f}"),
        ("\u{1b}[2J\u{7}", r"\u{1b}[2J\u{7}"),
        ("\u{7f}", r"\u{7f}"),
        ("\u{80}\u{85}\u{9b}\u{9f}", r"\u{80}\u{85}\u{9b}\u{9f}"),
        ("\u{200e}\u{200f}\u{61c}", r"\u{200e}\u{200f}\u{61c}"),
        ("\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}", r"\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}"),
        ("\u{2066}\u{2067}\u{2068}\u{2069}", r"\u{2066}\u{2067}\u{2068}\u{2069}"),
        ("\u{2028}\u{2029}", r"\u{2028}\u{2029}"),
        ("\u{200b}\u{200d}\u{feff}", r"\u{200b}\u{200d}\u{feff}"),
    ] {
        assert_eq!(escape(text), safe, "{text:?}");
    }
}

/// R43: text is cut at 256 bytes, between characters and never within an escape, and says so
#[test]
fn long_text_is_cut_between_characters() {
    let kept = |text: &str| {
        let safe = escape(text);
        let kept = safe.strip_suffix('…').map(str::to_owned);
        assert!(kept.as_ref().is_none_or(|kept| kept.len() <= TEXT_LIMIT), "{safe}");
        kept
    };
    assert_eq!(kept(&"a".repeat(256)), None, "it fits");
    assert_eq!(kept(&"a".repeat(257)), Some("a".repeat(256)));
    assert_eq!(kept(&"é".repeat(300)), Some("é".repeat(128)));
    assert_eq!(kept(&"🙂".repeat(300)), Some("🙂".repeat(64)));
    assert_eq!(kept(&format!("a{}", "é".repeat(300))), Some(format!("a{}", "é".repeat(127))));
    assert_eq!(kept(&"\u{1b}".repeat(300)), Some(r"\u{1b}".repeat(42)));
    assert_eq!(kept(&"a".repeat(10_000_000)), Some("a".repeat(256)));
}

/// R43, R41: a record is one line of JSON with each field once, whatever text is in it
#[test]
fn a_record_is_one_line_of_json() {
    let hostile = "\"},\n{\"event.action\":\"login\\\u{1b}\u{2028}";
    let record = Record::new("refused", Outcome::Failure)
        .text("client.user.name", hostile)
        .append(&Record::empty())
        .append(&Record::empty().flag("tsmgate.closed", true).source([10, 0, 0, 1].into(), 7));
    let (line, _) = Head::EMPTY.append(&record, time::OffsetDateTime::UNIX_EPOCH);
    assert_eq!(line.matches('\n').count(), 1);
    assert!(line.ends_with("}\n"));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["@timestamp"], "1970-01-01T00:00:00Z");
    assert_eq!(value["event.action"], "refused");
    assert_eq!(value["event.outcome"], "failure");
    let name = "\"},\\u{a}{\"event.action\":\"login\\\\u{1b}\\u{2028}";
    assert_eq!(value["client.user.name"], name);
    assert_eq!((&value["source.ip"], &value["source.port"]), (&"10.0.0.1".into(), &7.into()));
    assert_eq!(value.as_object().unwrap().len(), 11);
}

/// R41: a port that is not known is left out
#[test]
fn an_unknown_port_is_left_out() {
    let record = Record::empty().source("::1".parse().unwrap(), 0);
    let (line, _) = Head::EMPTY.append(&record, time::OffsetDateTime::UNIX_EPOCH);
    assert!(line.contains("\"source.ip\":\"::1\"") && !line.contains("source.port"));
}
