//! What a command prints: as data, bounded, from any place, to whoever comes whenever.

use tsmgate_catalogue::command::MASK;
use tsmgate_catalogue::runner::{Event, LINE_LIMIT, Start, State, What};

use super::stage::{READS, Stage, file, start, stdout, value};

fn whats(events: Vec<Event>) -> Vec<What> {
    events.into_iter().map(|event| event.what).collect()
}

#[test]
fn a_flood_is_cut_counted_and_bounded() {
    let stage =
        Stage::with("head -c 20000000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo last >&2");
    let task = stage.begin(Start { output: 100_000, ..start(READS, vec![]) }).unwrap();
    let all = whats(stage.events(&task.id));
    let cuts = all.iter().filter(|what| **what == What::Cut).count();
    assert_eq!(cuts, 1);
    assert!(matches!(all.last(), Some(What::End(end)) if end.code == Some(0)), "{:?}", all.last());
    let kept =
        std::fs::metadata(stage.path("state/tasks").join(task.id.as_str()).join("output.jsonl"));
    assert!(kept.unwrap().len() < 102_000);
    let ended = stage.until(&task.id, State::Ended);
    assert!(ended.output_bytes > 20_000_000, "{}", ended.output_bytes);
    assert_eq!(ended.events, all.len() as u64);
    let memory = std::fs::read_to_string(format!("/proc/{}/status", stage.pid())).unwrap();
    let peak = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 24 * 1024, "{peak} kB");
}

#[test]
fn the_runners_own_limit_counts_where_it_is_lower() {
    let stage = Stage::configured("yes | head -n 10000", "limits.output = \"2KiB\"");
    let all = whats(stage.events(&stage.order(READS).id));
    assert!(all.contains(&What::Cut) && all.len() < 100, "{}", all.len());
}

#[test]
fn a_line_without_an_end_comes_in_pieces() {
    let stage = Stage::with("head -c 1048576 /dev/zero | tr '\\0' 'x'");
    // with redaction what goes on for so long is still all there, for nothing in it is secret
    let lines = stage.lines(start("security custom-cert list", vec![]));
    assert!(lines.iter().all(|line| line.len() <= LINE_LIMIT));
    assert_eq!(lines.concat().len(), 1_048_576);
}

#[test]
fn what_a_terminal_would_obey_is_data() {
    let stage = Stage::with("printf '\\033[2J\\033]0;x\\007a\\010b\\n\\302\\233c\\n\\377\\n'");
    let lines = stage.lines(start("security custom-cert list", vec![]));
    assert_eq!(lines, ["\u{1b}[2J\u{1b}]0;x\u{7}a\u{8}b", "\u{9b}c", "\u{fffd}"]);
    assert!(!stage.log().concat().contains('\u{1b}'));
}

#[test]
fn both_streams_steps_and_the_end_are_told_apart() {
    let stage = Stage::with(
        "case $1 in jobs) exit 0;; esac; echo \"Job id is '42', timeout is 10 minutes.\"; printf '10%% - one   \\r99%% - two\\n'; exit 5",
    );
    let task = stage.order(READS);
    let all = whats(stage.events(&task.id));
    let steps: Vec<_> = all
        .iter()
        .filter_map(|what| match what {
            What::Progress { percent, step } => Some((*percent, step.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(steps, [(10, "one"), (99, "two")]);
    let ended = stage.until(&task.id, State::Ended);
    assert_eq!((ended.job.as_deref(), ended.end.unwrap().code), (Some("42"), Some(5)));
}

#[test]
fn output_is_read_from_any_place_while_it_runs_and_after_the_end() {
    let stage = Stage::with(
        "seq 1 1000; while [ -d $HAND ] && [ ! -e $HAND/go ]; do sleep 0.02; done; seq 1001 2000",
    );
    let task = stage.order(READS);
    let mut early = stage.output(&task.id, 0);
    let mut seen = Vec::new();
    while seen.len() < 1001 {
        seen.push(early.event().unwrap());
    }
    // one that comes later, in the middle of it
    let mut late = stage.output(&task.id, 500);
    assert_eq!(late.event().unwrap().n, 500);
    // and one that goes away
    drop(stage.output(&task.id, 0));
    stage.give("go");
    seen.extend(early.events());
    let numbers: Vec<_> = seen.iter().map(|event| event.n).collect();
    assert_eq!(numbers, (0..2002).collect::<Vec<_>>());
    assert_eq!(late.events().len(), 2002 - 501);
    let lines: Vec<_> = stdout(&whats(seen));
    assert_eq!(lines, (1..=2000).map(|n| n.to_string()).collect::<Vec<_>>());
    for (from, left) in [(0, 2002), (1999, 3), (2001, 1), (2002, 0), (u64::MAX, 0)] {
        assert_eq!(stage.output(&task.id, from).events().len(), left, "{from}");
    }
}

#[test]
fn many_may_read_along() {
    let stage =
        Stage::with("seq 1 100; while [ -d $HAND ] && [ ! -e $HAND/go ]; do sleep 0.02; done");
    let task = stage.order(READS);
    let readers: Vec<_> = (0..60).map(|_| stage.output(&task.id, 0)).collect();
    assert_eq!(stage.list().len(), 1, "somebody else is still answered");
    stage.give("go");
    for reader in readers {
        assert_eq!(reader.events().len(), 102);
    }
}

#[test]
fn a_secret_is_masked_where_pieces_and_lines_cut_it() {
    let stage = Stage::with(
        "eval secret=\\$$#
        head -c 8188 /dev/zero | tr '\\0' 'x'; echo $secret
        printf 'tops'; sleep 0.3; printf '3cret\\n'
        printf 'tops'; sleep 0.3; printf '3kret\\n'
        echo \"{\\\"p\\\": \\\"$secret\\\"}\" >&2
        printf \"$secret\"",
    );
    let options = vec![
        file("cert-file", "a.crt", b"c"),
        file("key-file", "b.key", b"k"),
        value("passphrase", "tops3cret"),
    ];
    let (all, end) = stage.run(start("security external-ssl enable", options));
    assert_eq!(end.code, Some(0));
    let shown = format!("{all:?}");
    assert!(!shown.contains("s3c"), "{shown}");
    let lines = stdout(&all);
    assert_eq!(lines.last().unwrap(), MASK);
    assert!(lines.contains(&"tops3kret".to_owned()), "{lines:?}");
    let masked = shown.matches(MASK).count();
    assert!(masked >= 3, "{masked}: {shown}");
}

#[test]
fn what_a_list_prints_of_secrets_is_taken_out() {
    let stage = Stage::with("echo 'ssl.enabled: true'; echo 'ssl.key.passphrase: tops3cret'");
    let lines = stage.lines(start(READS, vec![]));
    assert_eq!(lines[0], "ssl.enabled: true");
    assert!(!lines[1].contains("tops3cret"), "{lines:?}");
}
