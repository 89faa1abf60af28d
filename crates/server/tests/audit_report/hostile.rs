//! Text that somebody else wrote into a file: nothing of it is markup, and none of it steers a terminal.

use std::collections::BTreeSet;

use time::Duration;
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::audit::report::Reader;

use crate::{NOW, Written, before, granted, json, of, refused};

/// Each would be something of its own if it were not escaped.
const HOSTILE: [&str; 8] = [
    "<script>document.title='owned'</script>",
    "\\\"><img src=x onerror=alert(1)>",
    "' onload='alert(1)",
    "</style></title></svg><iframe src=//evil.example>",
    "&lt;b&gt;&#x3c;i&#x3e;",
    "javascript:alert(1)",
    "\\u001b[2J\\u0007\\u202e\\u2066\\u200b\\ufeff\\u0000",
    "<!--]]><![CDATA[<?php -->",
];

/// A chain in which each text a report shows is a hostile one.
fn hostile() -> Written {
    let mut written = Written::new();
    for text in HOSTILE {
        let at = before(Duration::HOUR);
        let about = of("MARK", "MARK").text("tls.client.x509.not_after", "MARK");
        let reason = refused("MARK", &Record::empty()).text("source.ip", "MARK");
        let event = Record::new("MARK", Outcome::Failure)
            .text("event.reason", "MARK")
            .text("tsmgate.version", "MARK")
            .text("server.address", "MARK");
        let request = Record::new("request", Outcome::Success)
            .text("tsmgate.phase", "outcome")
            .text("tsmgate.operation", "MARK")
            .flag("tsmgate.secrets", true)
            .append(&about);
        let session = Record::new("session", Outcome::Failure).text("tsmgate.session", "MARK");
        for record in [granted(&about), refused("MARK", &about), reason, event, request, session] {
            written.forge(at, &record, "MARK", text);
        }
    }
    written
}

/// The names of all tags and attributes of a page.
fn markup(page: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut tags, mut attributes) = (BTreeSet::new(), BTreeSet::new());
    for piece in page.split('<').skip(1) {
        let (inside, _) = piece.split_once('>').unwrap();
        let name = inside.split([' ', '/']).find(|name| !name.is_empty()).unwrap();
        tags.insert(name.to_owned());
        // every other piece between quotes is a value
        for names in inside.split('"').step_by(2) {
            attributes.extend(
                names
                    .split_whitespace()
                    .filter_map(|name| name.strip_suffix('='))
                    .map(str::to_owned),
            );
        }
    }
    (tags, attributes)
}

/// R43: whatever text is in a file, the page has no other tags and attributes than with plain text
#[test]
fn text_of_a_file_never_becomes_markup() {
    let written = hostile();
    let made = written.report();
    assert_eq!(made.records.read, 6 * HOSTILE.len() as u64);
    let mut plain = Written::new();
    for number in 0..HOSTILE.len() {
        let about = of(&format!("client{number}"), "a".repeat(40).as_str());
        plain.add(before(Duration::HOUR), &granted(&about));
        plain.add(before(Duration::HOUR), &refused("gate_full", &about));
        plain.add(before(Duration::HOUR), &refused("gate_full", &Record::empty()));
        plain.add(before(Duration::HOUR), &Record::new("sync-failed", Outcome::Failure));
        let export = Record::new("request", Outcome::Success).text("tsmgate.operation", "export");
        let export = export.flag("tsmgate.secrets", true).append(&about);
        plain.add(before(Duration::HOUR), &export);
    }
    let page = made.html();
    assert_eq!(markup(&page), markup(&plain.report().html()));
    let (tags, attributes) = markup(&page);
    for forbidden in ["script", "img", "iframe", "a", "link", "object", "base", "form"] {
        assert!(!tags.contains(forbidden), "{forbidden}");
    }
    for forbidden in ["href", "src", "onload", "onerror", "xlink:href", "action"] {
        assert!(!attributes.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("&lt;script&gt;document.title=&#39;owned&#39;&lt;/script&gt;"));
    assert!(page.contains("&amp;lt;b&amp;gt;"), "what is escaped already is shown as it is");
}

/// R43: nothing that steers a terminal or turns text around is in any form of the report, nor in a name
/// of a file
#[test]
fn control_characters_are_escaped_in_every_form() {
    let written = hostile();
    let mut reader = Reader::new(None, NOW);
    reader.read("a\u{1b}[2J\u{202e}<b>.jsonl", written.lines.concat().as_bytes()).unwrap();
    reader.read("b\u{7}", &b"nonsense\nnonsense\n"[..]).unwrap();
    let made = reader.end();
    let summary = made.summary();
    for (form, text) in
        [("page", made.html()), ("json", made.json()), ("summary", summary.join("\n"))]
    {
        let steers = |character: &char| matches!(character, '\0'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        let found: Vec<_> = text.chars().filter(steers).collect();
        assert!(found.is_empty(), "{form}: {found:?}");
        assert!(text.contains("u{1b}"), "{form} does not show what was there");
    }
    // as JSON a machine gets the same, nothing raw behind an escape
    for client in json(&made)["clients"].as_array().unwrap() {
        assert!(client["name"].as_str().unwrap().chars().all(|character| !character.is_control()));
    }
}

/// R43: a text is at most 256 bytes long where it is shown, and what our own records escaped is
/// shown once
#[test]
fn text_is_cut_and_escaped_once() {
    let mut written = Written::new();
    let at = before(Duration::HOUR);
    written.forge(at, &granted(&of("MARK", "01")), "MARK", &"x".repeat(60_000));
    written.add(at, &granted(&of("two\nlines", "01")));
    let report = json(&written.report());
    let names: Vec<_> = report["clients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(names[0], "two\\u{a}lines");
    assert!(names[1].starts_with("xxx") && names[1].ends_with('…') && names[1].len() <= 256);
}

/// R43: a page brings everything along and lets nothing run
#[test]
fn a_page_needs_and_runs_nothing() {
    for page in [Written::new().report().html(), hostile().report().html()] {
        assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
        let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'";
        assert!(page.contains(policy) && page.find(policy) < page.find("<style>"));
        let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        assert!(
            !style.contains("@import")
                && style.matches("url(").count() == 1
                && style.contains("url(#hatch)")
        );
    }
}

/// Wrong kinds of values are values that are not there.
#[test]
fn fields_of_the_wrong_kind_do_not_stop_the_report() {
    let mut written = Written::new();
    let at = before(Duration::HOUR);
    let about = of("jump01", "01").text("tsmgate.count", "MARK");
    for value in ["[1]", "{\"a\":{}}", "null", "-1", "1e99", "\"<b>\""] {
        written.forge(at, &granted(&about), "\"jump01\"", value);
        written.forge(at, &refused("gate_full", &about), "\"MARK\"", value);
    }
    let report = json(&written.report());
    assert_eq!(report["chain"]["state"], "whole");
    assert_eq!(report["totals"]["clients"]["granted"], 6);
    assert_eq!(report["totals"]["clients"]["refused"], 6);
}
