//! Processes that do not end, do not listen, or leave others behind: nothing of them is left.

use std::time::{Duration, Instant};

use tests::program::install_script;
use tests::wait;
use tsmgate_catalogue::runner::{How, Start, State, What};

use super::stage::{CHANGES, READS, Stage, runs, start, stdout};

fn short(command: &str, seconds: u64) -> Start {
    Start { run_seconds: seconds, ..start(command, vec![]) }
}

fn ends(pid: &str) {
    wait::until_blocking("the end of a process", || (!runs(pid)).then_some(()));
}

#[test]
fn one_that_hangs_is_ended_with_its_whole_group() {
    let stage = Stage::with(
        "sleep 600 & echo $! >$HAND/child; (sleep 600 & echo $! >$HAND/grandchild; wait) & \
         echo $$ >$HAND/leader; wait",
    );
    let (_, end) = stage.run(short(CHANGES, 1));
    assert_eq!((end.how, end.signal), (How::TimedOut, Some(15)));
    for name in ["leader", "child", "grandchild"] {
        ends(&stage.taken(name));
    }
}

#[test]
fn one_that_ignores_the_request_is_killed() {
    let stage = Stage::with("trap '' TERM; echo $$ >$HAND/leader; while :; do sleep 0.05; done");
    let began = Instant::now();
    let task = stage.order(CHANGES);
    let leader = stage.taken("leader");
    stage.cancel(&task.id).unwrap();
    let ended = stage.until(&task.id, State::Ended);
    let end = ended.end.unwrap();
    assert_eq!((end.how, end.signal), (How::Cancelled, Some(9)));
    assert_eq!(ended.cancelled_by.as_deref(), Some("somebody"));
    assert!(began.elapsed() >= Duration::from_secs(5), "it was asked first");
    ends(&leader);
}

#[test]
fn one_that_leaves_its_group_its_session_and_its_parent_is_found() {
    let stage = Stage::with(
        "export HAND
        setsid sh -c 'setsid sh -c \"echo \\$\\$ >$HAND/daemon; exec sleep 600\" >/dev/null 2>&1 & exit' & wait
        setsid sleep 600 >/dev/null 2>&1 &
        echo $! >$HAND/session
        while [ -d $HAND ] && [ ! -s $HAND/daemon ]; do sleep 0.02; done
        echo done",
    );
    let (all, end) = stage.run(short(CHANGES, 60));
    assert_eq!((end.code, end.detail), (Some(0), None));
    assert_eq!(stdout(&all), ["done"]);
    // all of it is over when the command is
    for name in ["daemon", "session"] {
        assert!(!runs(&stage.taken(name)), "{name}");
    }
    let status =
        std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", stage.pid())).unwrap();
    assert_eq!(status.trim(), "", "no zombie either");
}

#[test]
fn what_a_running_command_started_is_spared_when_another_ends() {
    let stage = Stage::with(
        "case $2 in
        external-ssl) setsid sh -c 'while [ -d '$HAND' ] && [ ! -e '$HAND'/go ]; do sleep 0.02; done; echo went on' & wait;;
        *) echo over;;
        esac",
    );
    let long = stage.order(READS);
    stage.until(&long.id, State::Running);
    assert_eq!(stage.lines(start("security custom-cert list", vec![])), ["over"]);
    stage.give("go");
    let all: Vec<_> = stage.events(&long.id).into_iter().map(|event| event.what).collect();
    assert_eq!(stdout(&all), ["went on"]);
}

#[test]
fn one_whose_child_holds_its_output_open_ends_all_the_same() {
    let stage = Stage::with("echo first; sleep 600 & echo $! >$HAND/child; exit 4");
    let began = Instant::now();
    let (all, end) = stage.run(short(CHANGES, 60));
    assert_eq!((end.how, end.code), (How::Exited, Some(4)));
    assert_eq!(stdout(&all), ["first"]);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    ends(&stage.taken("child"));
}

#[test]
fn a_child_that_has_something_to_say_is_heard_for_a_while() {
    let stage = Stage::with("(sleep 0.3; echo later; printf 'no end') & exit 0");
    let (all, _) = stage.run(short(CHANGES, 60));
    assert_eq!(stdout(&all), ["later", "no end"]);
}

#[test]
fn one_that_a_signal_ends_says_which() {
    let stage = Stage::with("kill -SEGV $$");
    let (_, end) = stage.run(short(READS, 60));
    assert_eq!((end.how, end.code, end.signal), (How::Exited, None, Some(11)));
}

#[test]
fn a_program_that_cannot_be_started_is_told() {
    let stage = Stage::with("true");
    std::fs::remove_file(stage.path("bin/tsm")).unwrap();
    install_script("#!/nowhere/at/all\n", &stage.path("bin/tsm"));
    let (all, end) = stage.run(short(READS, 60));
    assert_eq!(end.how, How::NotStarted);
    assert!(end.detail.unwrap().contains("tsm cannot be started"));
    assert!(!all.iter().any(|what| matches!(what, What::State { state: State::Running, .. })));
    let task = stage.list().remove(0);
    assert_eq!(task.started_at, None);
}

#[test]
fn one_that_goes_over_into_the_runners_own_group_is_ended_too() {
    if !tests::program::have("perl", "perl-base") {
        return;
    }
    let stage = Stage::with(
        "exec perl -e 'setpgrp(0, getpgrp(getppid())) or die; open(F, \">\", shift); print F \"$$\\n\"; \
         close(F); sleep 600' $HAND/leader",
    );
    let task = stage.order(CHANGES);
    let leader = stage.taken("leader");
    stage.cancel(&task.id).unwrap();
    let end = stage.until(&task.id, State::Ended).end.unwrap();
    assert_eq!((end.how, end.signal), (How::Cancelled, Some(15)));
    ends(&leader);
    assert_eq!(stage.list().len(), 1, "the runner itself was not hit");
}
