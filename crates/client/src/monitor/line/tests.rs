//! What is written, read back by a reader of its own that knows the protocol's two rules of escaping.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;

fn batch(points: Vec<Point>) -> Batch {
    Batch { at: UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_789), points }
}

/// A text taken apart at each separator that is not escaped; nor in quotes, which mean something in fields alone.
fn split(text: &str, at: char, quotes: bool) -> Vec<String> {
    let (mut parts, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for character in text.chars() {
        let is_separator = character == at && !quoted && !escaped;
        if is_separator {
            parts.push(String::new());
            continue;
        }
        quoted ^= quotes && character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        parts.last_mut().unwrap().push(character);
    }
    parts
}

fn unescaped(text: &str) -> String {
    let (mut plain, mut escaped) = (String::new(), false);
    for character in text.chars() {
        escaped = character == '\\' && !escaped;
        if !escaped {
            plain.push(character);
        }
    }
    plain
}

fn one(name: &str, text: &str) -> Point {
    Point::new("m").tag("node", name).number("n", -1).text("text", text)
}

#[test]
fn plain_things_are_written_as_the_protocol_has_them() {
    let text = write(&batch(vec![one("node1", "Active"), one("node2", "")]));
    assert_eq!(
        text,
        "m,node=node1 n=-1i,text=\"Active\" 1600000000123456789\n\
         m,node=node2 n=-1i,text=\"\" 1600000000123456789\n"
    );
    assert_eq!(write(&batch(Vec::new())), "");
}

/// Blanks, commas and equals signs in tags, quotes and backslashes in texts; what cannot be carried is changed.
#[test]
fn what_would_end_a_value_is_escaped_and_what_cannot_be_seen_is_changed() {
    for (name, tag) in [
        ("a b,c=d", "a\\ b\\,c\\=d"),
        ("C:\\x\\", "C:_x_"),
        ("a\nb\rc\td\u{0}\u{2028}\u{202e}", "a_b_c_d___"),
        ("\"quoted\"", "\"quoted\""),
        ("🦀 krebs", "🦀\\ krebs"),
        ("", "Unknown"),
    ] {
        assert!(
            write(&batch(vec![one(name, "")])).starts_with(&format!("m,node={tag} ")),
            "{name:?}"
        );
    }
    for (text, field) in [
        ("say \"no\"", "\"say \\\"no\\\"\""),
        ("C:\\x\\", "\"C:\\\\x\\\\\""),
        ("a\nb", "\"a\\\\u{a}b\""),
        ("a\tb", "\"a\\\\tb\""),
        ("🦀, = {}", "\"🦀, = {}\""),
    ] {
        let line = write(&batch(vec![one("x", text)]));
        assert!(line.contains(&format!("text={field} ")), "{text:?}: {line}");
    }
}

proptest! {
    /// Whatever TSM says, a point stays one line with one tag, two fields and a time; what can be carried comes
    /// back as it was.
    #[test]
    fn a_point_stays_a_point(name in any::<String>(), text in any::<String>()) {
        let written = write(&batch(vec![one(&name, &text)]));
        prop_assert_eq!(written.matches('\n').count(), 1);
        let line = written.trim_end_matches('\n');
        let head = split(line, ' ', false).remove(0);
        let rest = split(&line[head.len() + 1..], ' ', true);
        prop_assert_eq!(rest.len(), 2, "{}", &written);
        prop_assert_eq!(&rest[1], "1600000000123456789");
        let tags = split(&head, ',', false);
        prop_assert_eq!(tags.len(), 2);
        let pair = split(&tags[1], '=', false);
        prop_assert_eq!((pair.len(), &*pair[0]), (2, "node"));
        prop_assert!(!pair[1].is_empty());
        let visible = |text: &str| text.chars().all(is_visible) && !text.contains('\\');
        if visible(&name) && !name.is_empty() {
            prop_assert_eq!(unescaped(&pair[1]), name);
        }
        let fields = split(&rest[0], ',', true);
        prop_assert_eq!(fields.len(), 2);
        let value = fields[1].strip_prefix("text=\"").unwrap().strip_suffix('"').unwrap();
        if text.chars().all(is_visible) {
            prop_assert_eq!(unescaped(value), text);
        }
        prop_assert!(!line.chars().any(char::is_control));
    }
}
