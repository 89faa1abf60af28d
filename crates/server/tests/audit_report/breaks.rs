//! Chains that are whole, begin elsewhere, or break: said at the top, as `verify` says it, and the rest
//! is read all the same.

use time::Duration;
use tsmgate_server::audit::chain::Head;
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::audit::report::Report;
use tsmgate_server::audit::report::figures::State;
use tsmgate_server::audit::verify::{Broken, LINE_LIMIT, verify};
use tsmgate_server::digest::sha256;

use crate::{Written, before, granted, json, of, report};

fn nine() -> Written {
    let mut written = Written::new();
    for number in 0..9 {
        let record = granted(&of("jump01", "0A")).number("number", number);
        written.add(before(Duration::HOUR), &record);
    }
    written
}

fn granted_in(report: &Report) -> u64 {
    report.figures.totals.clients.granted
}

type Deed = fn(&mut Vec<String>);

/// R45: the report finds each change at the line at which `verify` does, and reads on behind it
#[test]
fn a_break_is_where_verify_sees_it_and_does_not_end_the_report() {
    let deeds: [(&str, u64, u64, Deed); 15] = [
        ("removed", 8, 1, |lines| drop(lines.remove(4))),
        ("two removed", 7, 1, |lines| drop(lines.drain(4..6))),
        ("duplicated", 10, 1, |lines| lines.insert(5, lines[4].clone())),
        ("swapped", 9, 3, |lines| lines.swap(4, 5)),
        ("an older one again", 10, 2, |lines| lines.insert(5, lines[1].clone())),
        ("a value changed", 8, 1, |lines| lines[4] = lines[4].replace("success", "failure")),
        ("a blank added", 9, 1, |lines| lines[4].insert(1, ' ')),
        ("a number changed", 9, 2, |lines| {
            lines[4] = lines[4].replace("sequence\":5", "sequence\":6")
        }),
        ("an empty line", 9, 1, |lines| lines.insert(4, "\n".into())),
        ("foreign lines", 9, 2, |lines| {
            lines.splice(4..4, ["{}\n".into(), "x\n".into(), "y\n".into()]).for_each(drop)
        }),
        ("its line end gone", 7, 1, |lines| lines[4] = lines[4].trim_end().to_owned()),
        ("cut short", 8, 1, |lines| lines[4] = format!("{}\n", &lines[4][..40])),
        ("too long", 8, 2, |lines| lines[4] = format!("{}\n", "x".repeat(3 * LINE_LIMIT))),
        ("bytes that are no text", 9, 1, |lines| lines.insert(9, "{\"a\":\u{0}}\n".into())),
        ("half a line at the end", 9, 1, |lines| lines.push("{\"@time".into())),
    ];
    for (what, counted, places, deed) in deeds {
        let mut written = nine();
        deed(&mut written.lines);
        let line = match verify(written.lines.concat().as_bytes(), None) {
            Err(Broken::At { line, .. } | Broken::Unfinished { line }) => line,
            other => panic!("{what}: {other:?}"),
        };
        let report = written.report();
        assert_eq!(report.chain.state, State::Broken, "{what}");
        assert_eq!(
            (report.chain.breaks[0].line, report.chain.breaks[0].file.as_str()),
            (line, "file0"),
            "{what}"
        );
        assert_eq!((granted_in(&report), report.chain.breaks_total), (counted, places), "{what}");
        let page = report.html();
        let verdict = page.find("class=\"say\">BROKEN").unwrap();
        assert!(verdict < page.find("<h2>").unwrap(), "{what}: it is not at the top");
        assert!(page.contains(&format!("<li>file0: line {line}: ")), "{what}");
        assert!(report.summary()[0].starts_with("BROKEN"), "{what}");
        assert!(report.summary()[1].starts_with(&format!("file0: line {line}: ")), "{what}");
    }
}

/// R45: a whole chain, over several files too, says its numbers and its head, and nothing is missed
#[test]
fn a_whole_chain_is_whole_over_rotated_files() {
    let written = nine();
    let parts = [&written.lines[..2], &written.lines[2..7], &[], &written.lines[7..]];
    let made = report(&parts, None);
    let chain = &made.chain;
    assert_eq!((chain.state, chain.first, chain.last), (State::Whole, 1, 9));
    assert_eq!(chain.head, written.head.to_string());
    assert_eq!((granted_in(&made), json(&made)["files"][1]["lines"].as_u64()), (9, Some(5)));
    assert!(made.html().contains("The chain is whole: 9 records, from 2026-11-22 11:00:00 to"));
    // one between is missing: the place is at the first line of the file behind it
    let made = report(&[parts[0], parts[3]], None);
    assert_eq!(made.chain.state, State::Broken);
    assert_eq!((made.chain.breaks[0].file.as_str(), made.chain.breaks[0].line), ("file1", 1));
    assert_eq!(granted_in(&made), 4);
}

/// R45: what begins elsewhere is said to, and a file without a record has none
#[test]
fn a_chain_that_begins_elsewhere_or_not_at_all_is_told_apart() {
    let made = report(&[&nine().lines[4..]], None);
    assert_eq!((made.chain.state, made.chain.first, made.chain.last), (State::Partial, 5, 9));
    assert!(made.html().contains("1 to 4 are in an earlier file, or missing"));
    for files in [&[][..], &[&[][..]], &[&[][..], &[][..]]] {
        let made = report(files, None);
        assert_eq!(
            (made.chain.state, made.chain.head.as_str()),
            (State::Empty, Head::EMPTY.to_string().as_str())
        );
        assert!(
            made.html().contains("There is no record.")
                && made.summary()[0] == "There is no record."
        );
        assert!(json(&made)["over_time"]["slots"].as_array().unwrap().is_empty());
    }
}

/// R45: a torn line is in order with the record that names it, and only with it
#[test]
fn a_torn_line_needs_its_record() {
    const TORN: &str = "{\"@timestamp\":\"20";
    let recovered = Record::new("recovered", Outcome::Success)
        .number("tsmgate.audit.torn_bytes", TORN.len() as u64)
        .text(
            "tsmgate.audit.torn_sha256",
            &data_encoding::HEXLOWER.encode(&sha256(TORN.as_bytes())),
        );
    let with = |torn: Option<&str>| {
        let mut written = nine();
        written.lines.extend(torn.map(|torn| format!("{torn}\n")));
        written.add(before(Duration::HOUR), &recovered);
        written.add(before(Duration::HOUR), &granted(&of("jump01", "0A")));
        let (made, told) = (written.report(), verify(written.lines.concat().as_bytes(), None));
        assert_eq!(made.chain.state == State::Whole, told.is_ok(), "{torn:?}");
        if let Err(Broken::At { line, .. }) = told {
            assert_eq!((made.chain.breaks[0].line, made.chain.breaks_total), (line, 1), "{torn:?}");
        }
        assert_eq!(granted_in(&made), 10);
        made.chain.torn
    };
    assert_eq!(with(Some(TORN)), 1);
    assert_eq!((with(None), with(Some("{\"@timestamp\":\"21")), with(Some("other"))), (0, 0, 0));
}

#[test]
fn of_many_breaks_the_first_are_named_and_all_are_counted() {
    let mut written = nine();
    written
        .lines
        .extend(["nonsense\n".to_owned(), "nonsense\n".to_owned()].into_iter().cycle().take(500));
    let made = written.report();
    assert_eq!((made.chain.breaks.len(), made.chain.breaks_total), (10, 499));
    assert!(made.html().contains("and 489 more places"));
}
