//! Files that go along and files that come back: private while the command runs, gone afterwards.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use data_encoding::BASE64;
use tsmgate_catalogue::runner::{How, State, Task, What};

use super::stage::{Stage, file, is_root, start, user};

const ENABLE: &str = "security external-ssl enable";
const FETCH: &str = "security repository-ssl get-certificate-file";
/// Waits to be told to go on, and ends as it is told.
const WAITS: &str = "echo began >$HAND/began; while [ -d $HAND ] && [ ! -e $HAND/go ]; do sleep 0.02; done; exit $(cat $HAND/go)";

fn begin(stage: &Stage) -> Task {
    let options =
        vec![file("cert-file", "a.crt", b"certificate"), file("key-file", "b.key", b"private")];
    let task = stage.begin(start(ENABLE, options)).unwrap();
    stage.taken("began");
    task
}

fn left(stage: &Stage) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(stage.path("state/work")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn gone(stage: &Stage) {
    assert_eq!(left(stage), Vec::<PathBuf>::new());
}

#[test]
fn they_are_private_while_it_runs_and_gone_afterwards() {
    let stage = Stage::with(WAITS);
    let task = begin(&stage);
    let folder = stage.path("state/work").join(task.id.as_str());
    let mode = |path: PathBuf| {
        let found = std::fs::symlink_metadata(path).unwrap();
        (found.mode() & 0o7777, found.uid())
    };
    for above in ["state", "state/work", "state/tasks"] {
        assert_eq!(mode(stage.path(above)), (0o700, user()), "{above}");
    }
    assert_eq!(mode(folder.clone()), (0o700, user()));
    for (name, content) in [("cert-file.crt", "certificate"), ("key-file.key", "private")] {
        assert_eq!(mode(folder.join(name)), (0o600, user()));
        assert_eq!(std::fs::read_to_string(folder.join(name)).unwrap(), content);
    }
    let kept = stage.path("state/tasks").join(task.id.as_str());
    for name in ["task.json", "output.jsonl"] {
        assert_eq!(mode(kept.join(name)), (0o600, user()));
    }
    std::fs::write(stage.hand("go"), "0").unwrap();
    stage.until(&task.id, State::Ended);
    gone(&stage);
}

#[test]
fn they_are_gone_when_it_fails_and_when_it_is_cancelled() {
    let stage = Stage::with(WAITS);
    let task = begin(&stage);
    std::fs::write(stage.hand("go"), "7").unwrap();
    assert_eq!(stage.until(&task.id, State::Ended).end.unwrap().code, Some(7));
    gone(&stage);
    for name in ["go", "began"] {
        std::fs::remove_file(stage.hand(name)).unwrap();
    }
    let task = begin(&stage);
    stage.cancel(&task.id).unwrap();
    assert_eq!(stage.until(&task.id, State::Ended).end.unwrap().how, How::Cancelled);
    gone(&stage);
}

#[test]
fn they_are_gone_when_the_runner_was_killed_and_begins_again() {
    let mut stage = Stage::with(WAITS);
    let task = begin(&stage);
    stage.killed();
    assert_eq!(left(&stage).len(), 1, "nobody was there to clean up");
    stage.start();
    gone(&stage);
    assert_eq!(stage.show(&task.id).end.unwrap().how, How::Lost);
}

#[test]
fn a_group_that_is_configured_may_read_them_and_nobody_else() {
    if !is_root() {
        eprintln!("LEFT OUT: a file cannot be given to a group without being root");
        return;
    }
    // the runner's own group: it may give files to no other
    let stage = Stage::configured(WAITS, &format!("tsm.file_group = \"{}\"", user()));
    let task = begin(&stage);
    let found = |path: PathBuf| {
        let found = std::fs::metadata(path).unwrap();
        (found.mode() & 0o7777, found.gid())
    };
    let folder = stage.path("state/work").join(task.id.as_str());
    assert_eq!(found(folder.join("key-file.key")), (0o640, user()));
    assert_eq!(found(folder), (0o750, user()));
    assert_eq!(found(stage.path("state/work")), (0o710, user()));
    assert_eq!(found(stage.path("state")), (0o710, user()));
    assert_eq!(found(stage.path("state/tasks")).0, 0o700);
    std::fs::write(stage.hand("go"), "0").unwrap();
    stage.until(&task.id, State::Ended);
    gone(&stage);
}

#[test]
fn they_are_gone_also_where_the_command_locks_them_in() {
    let stage = Stage::with("mkdir -p a/b; touch a/b/c; chmod 0 a/b a; chmod 0 .; exit 0");
    let (_, end) = stage.run(start("security external-ssl list", vec![]));
    assert_eq!(end.code, Some(0));
    gone(&stage);
}

/// What comes back of a fetching command whose program is this.
fn fetched(script: &str) -> (Vec<What>, tsmgate_catalogue::runner::End, Stage) {
    let stage = Stage::with(script);
    let option = super::stage::flag("file");
    let (all, end) = stage.run(start(FETCH, vec![option]));
    gone(&stage);
    let files = all.into_iter().filter(|what| matches!(what, What::File { .. })).collect();
    (files, end, stage)
}

#[test]
fn a_file_that_it_writes_comes_back_before_the_end() {
    let (files, end, _stage) = fetched("printf 'the certificate' >\"$5\"");
    let content = BASE64.encode(b"the certificate");
    assert_eq!(files, [What::File { option: "file".to_owned(), content }]);
    assert_eq!((end.code, end.detail), (Some(0), None));
}

#[test]
fn what_is_no_small_file_does_not_come_back() {
    for (script, told) in [
        ("ln -s /etc/passwd \"$5\"", "not a regular file"),
        ("mkfifo \"$5\"", "not a regular file"),
        ("mkdir \"$5\"", "not a regular file"),
        ("true", "the command wrote no file"),
        ("head -c 1048577 /dev/zero >\"$5\"", "larger than 1048576 bytes"),
    ] {
        let (files, end, _stage) = fetched(script);
        assert_eq!(files, [], "{script}");
        let detail = end.detail.unwrap_or_default();
        assert!(detail.contains(told), "{script}: {detail}");
    }
    let (files, end, _stage) = fetched("printf half >\"$5\"; exit 1");
    assert_eq!((files.len(), end.code), (0, Some(1)), "what failed wrote nothing of use");
}

#[test]
fn large_files_go_along() {
    let stage = Stage::with("cksum <\"$5\"; wc -c <\"$5\"");
    let large = vec![b'x'; 10 << 20];
    let options = vec![file("cert-file", "a.crt", &large), file("key-file", "b.key", b"k")];
    match stage.begin(start(ENABLE, options)) {
        Ok(task) => {
            let all: Vec<_> = stage.events(&task.id).into_iter().map(|event| event.what).collect();
            assert_eq!(super::stage::stdout(&all)[1].trim(), (10 << 20).to_string());
        }
        Err(refused) => panic!("{refused:?}"),
    }
}
