//! Tables as they are printed, blank by blank.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use super::super::colour::dress;
use super::*;

fn plain<const N: usize>(heading: [&str; N], rows: &[[&str; N]], width: Option<usize>) -> String {
    let cell = |text: &str| Cell::foreign(Some(text));
    let rows: Vec<_> = rows.iter().map(|row| row.map(cell)).collect();
    dress(table(heading, &rows, width), false)
}

#[test]
fn columns_are_as_wide_as_what_is_in_them() {
    let rows = [["1", "one", "x"], ["10000", "", "longer than the heading"]];
    let expected = "\
ID     NAME  WHAT
1      one   x
10000  -     longer than the heading
";
    assert_eq!(plain(["ID", "NAME", "WHAT"], &rows, None), expected);
    assert_eq!(plain(["ID", "NAME", "WHAT"], &rows, Some(36)), expected);
    assert_eq!(plain(["ID", "NAME"], &[], None), "ID  NAME\n");
}

#[test]
fn the_widest_column_gives_way_to_the_terminal() {
    let rows = [["1", "a name of some length", "a message that is far longer than the name"]];
    let expected = "\
ID  NAME             WHAT
1   a name of some…  a message that…
";
    let text = plain(["ID", "NAME", "WHAT"], &rows, Some(36));
    assert_eq!(text, expected);
    assert!(text.lines().all(|line| columns(line) <= 36));
}

#[test]
fn no_column_vanishes_on_a_narrow_terminal() {
    let rows = [["123456789", "abcdefghij"]];
    assert_eq!(plain(["A", "B"], &rows, Some(3)), "A         B\n1234567…  abcdefg…\n");
    assert_eq!(plain(["A", "B"], &rows, Some(0)), "A         B\n1234567…  abcdefg…\n");
}

#[test]
fn a_number_or_a_time_is_never_cut() {
    let rows = [[Cell::own("2023-11-14T22:13:20Z").whole(), Cell::own("a text of some length")]];
    let text = dress(table(["A", "B"], &rows, Some(12)), false);
    assert_eq!(text, "A                     B\n2023-11-14T22:13:20Z  a text …\n");
}

#[test]
fn wide_and_combining_characters_are_counted_as_terminals_do() {
    let rows = [["日本", "x"], ["e\u{301}e\u{301}", "y"]];
    assert_eq!(plain(["A", "B"], &rows, None), "A     B\n日本  x\ne\u{301}e\u{301}    y\n");
    assert_eq!(fit("日本語", 4), "日…");
    assert_eq!(fit("日本語", 5), "日本…");
    assert_eq!(fit("日本語", 6), "日本語");
    assert_eq!(fit("ab", 1), "…");
    assert_eq!(fit("ab", 0), "");
}

/// R43: text of TSM's steers no terminal and forges no row.
#[test]
fn hostile_cells_stay_one_line_and_in_their_column() {
    let evil = "\u{1b}[2J\u{1b}]0;x\u{7}a\nb\tc\u{202e}d";
    let text = plain(["A", "B"], &[[evil, "end"]], None);
    let shown = "\\u{1b}[2J\\u{1b}]0;x\\u{7}a\\u{a}b\\u{9}c\\u{202e}d";
    assert_eq!(text, format!("A{}B\n{shown}  end\n", " ".repeat(shown.len() + 1)));
    let long = "x".repeat(8 << 20);
    assert!(plain(["A", "B"], &[[&long, "end"]], None).len() < 1024);
}

#[test]
fn colours_do_not_count_as_columns() {
    let rows = [[Cell::own("ab").toned(Tone::Good), Cell::own("c")]];
    let text = table(["A", "B"], &rows, None);
    assert!(text.ends_with("\u{1b}[32mab\u{1b}[0m  c\n"), "{text:?}");
    assert_eq!(dress(text, false), "A   B\nab  c\n");
}

#[test]
fn what_is_no_terminal_has_no_width() {
    assert_eq!(crate::system::terminal::width(std::fs::File::open("/dev/null").unwrap()), None);
}
