//! The runner's own end and beginning: what ran is lost, not done; what waited never began.

use nix::sys::signal::Signal;
use tests::wait;
use tsmgate_catalogue::runner::{How, RefusalCode, State, What};

use super::stage::{CHANGES, READS, Stage, runs, start};

const WAITS: &str =
    "echo $$ >$HAND/began; while [ -d $HAND ] && [ ! -e $HAND/go ]; do sleep 0.02; done; echo done";

#[test]
fn what_ran_when_it_was_killed_is_lost_and_what_waited_never_began() {
    let mut stage = Stage::with(&format!("echo some output; {WAITS}"));
    let (first, second) = (stage.order(CHANGES), stage.order(CHANGES));
    let leader = stage.taken("began");
    // the state, and the line
    let mut along = stage.output(&first.id, 0);
    along.event().unwrap();
    along.event().unwrap();
    stage.killed();
    stage.start();
    // one that nobody attends could change something beside the next
    wait::until_blocking("its end", || (!runs(&leader)).then_some(()));
    let lost = stage.show(&first.id);
    assert_eq!((lost.state, lost.end.as_ref().unwrap().how), (State::Ended, How::Lost));
    assert!(lost.started_at.is_some() && lost.ended_at.is_some());
    let never = stage.show(&second.id);
    assert_eq!(never.end.as_ref().unwrap().how, How::NotStarted);
    assert_eq!(never.end.unwrap().detail.unwrap(), "the runner ended before it began");
    // its output is still there, and has one end
    let all: Vec<_> = stage.events(&first.id).into_iter().map(|event| event.what).collect();
    assert!(all.contains(&What::Stdout("some output".to_owned())), "{all:?}");
    assert_eq!(all.iter().filter(|what| matches!(what, What::End(_))).count(), 1);
    // and again: nothing changes any more
    stage.killed();
    stage.start();
    assert_eq!(stage.show(&first.id), lost);
    assert_eq!(stage.events(&first.id).len(), all.len());
    let third = stage.order(CHANGES);
    assert!(third.id > second.id);
    assert_eq!(stage.show(&third.id).ahead, None, "nothing is in its way");
}

#[test]
fn output_that_was_lost_from_the_disk_still_has_an_end() {
    let mut stage = Stage::with("echo some output");
    let task = stage.order(READS);
    stage.until(&task.id, State::Ended);
    stage.killed();
    std::fs::remove_file(stage.path("state/tasks").join(task.id.as_str()).join("output.jsonl"))
        .unwrap();
    let broken = stage.path("state/tasks/20200101-000000-000");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("task.json"), "{\"task\":").unwrap();
    if super::stage::is_root() {
        for path in [&broken, &broken.join("task.json")] {
            std::os::unix::fs::chown(path, Some(super::stage::user()), None).unwrap();
        }
    }
    for _ in 0..2 {
        stage.start();
        let events = stage.events(&task.id);
        assert!(matches!(&events[..], [only] if matches!(&only.what, What::End(_))), "{events:?}");
        // what cannot be read is no reason not to begin
        stage.line_with("a kept command cannot be read");
        assert_eq!(stage.list().len(), 1);
        stage.killed();
    }
}

#[test]
fn what_runs_when_it_is_stopped_is_ended_and_lost() {
    let mut stage = Stage::with(&format!("setsid sleep 600 & echo $! >$HAND/child; {WAITS}"));
    let (first, second) = (stage.order(CHANGES), stage.order(CHANGES));
    let (leader, child) = (stage.taken("began"), stage.taken("child"));
    let mut along = stage.output(&first.id, 0);
    along.event().unwrap();
    stage.signal(Signal::SIGTERM);
    let last = along.events().pop().unwrap();
    assert!(matches!(last.what, What::End(end) if end.how == How::Lost));
    assert_eq!(stage.end(), Some(0));
    assert!(!runs(&leader) && !runs(&child));
    stage.start();
    let lost = stage.show(&first.id).end.unwrap();
    assert_eq!((lost.how, lost.signal), (How::Lost, Some(15)));
    assert_eq!(stage.show(&second.id).end.unwrap().how, How::NotStarted);
}

#[test]
fn told_to_leave_it_goes_when_nothing_runs_or_waits() {
    let mut stage = Stage::with(WAITS);
    let (first, second) = (stage.order(CHANGES), stage.order(CHANGES));
    stage.taken("began");
    stage.signal(Signal::SIGHUP);
    stage.line_with("told to leave");
    assert_eq!(stage.refusal(start(READS, vec![])), RefusalCode::Leaving);
    assert_eq!(stage.show(&first.id).state, State::Running);
    let (one, two) = (stage.output(&first.id, 0), stage.output(&second.id, 0));
    stage.give("go");
    for output in [one, two] {
        let last = output.events().pop().unwrap();
        assert!(matches!(last.what, What::End(end) if end.code == Some(0)), "it was not cut short");
    }
    assert_eq!(stage.end(), Some(0));
    stage.start();
    assert_eq!(stage.list().len(), 2);
}

#[test]
fn told_to_leave_with_nothing_to_do_it_goes_at_once() {
    let mut stage = Stage::with(WAITS);
    let waiting = stage.connect();
    stage.signal(Signal::SIGHUP);
    assert_eq!(stage.end(), Some(0));
    drop(waiting);
}

#[test]
fn another_runner_on_the_same_socket_does_not_start() {
    let stage = Stage::with(WAITS);
    let second = stage.command().output().unwrap();
    assert_eq!(second.status.code(), Some(71));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another runner"), "{said}");
    // nor one beside it that would take its commands for an earlier life's
    let task = stage.order(READS);
    stage.taken("began");
    let text = std::fs::read_to_string(stage.path("runner.toml")).unwrap();
    std::fs::write(stage.path("runner.toml"), text.replace("run/socket", "run/other")).unwrap();
    let second = stage.command().output().unwrap();
    assert_eq!(second.status.code(), Some(71));
    assert_eq!(stage.show(&task.id).state, State::Running);
}

#[test]
fn systemd_is_told_how_it_goes() {
    let mut stage = Stage::prepared(WAITS, "");
    let path = stage.path("hand/notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    super::stage::set_mode(&path, 0o777);
    manager.set_read_timeout(Some(wait::PATIENCE)).unwrap();
    let told = |wanted: &str| {
        let mut bytes = [0; 4096];
        loop {
            let count = manager.recv(&mut bytes).unwrap();
            if String::from_utf8_lossy(&bytes[..count]).contains(wanted) {
                return;
            }
        }
    };
    let mut command = stage.command();
    command.env("NOTIFY_SOCKET", &path);
    stage.start_as(command);
    told("READY=1");
    told("STATUS=idle");
    stage.order(CHANGES);
    stage.order(CHANGES);
    told("STATUS=1 running, 1 waiting");
    stage.signal(Signal::SIGTERM);
    told("STOPPING=1");
    assert_eq!(stage.end(), Some(0));
}

#[test]
fn a_socket_that_systemd_holds_is_taken() {
    if !tests::program::have("systemd-socket-activate", "systemd") {
        return;
    }
    let mut stage = Stage::prepared("echo hello", "");
    let plain = stage.command();
    let mut command = std::process::Command::new("systemd-socket-activate");
    if super::stage::is_root() {
        use std::os::unix::process::CommandExt;
        command.uid(super::stage::user()).gid(super::stage::user());
    }
    command.arg("-l").arg(stage.path("run/other")).arg(plain.get_program()).args(plain.get_args());
    std::fs::write(stage.path("waker"), "").unwrap();
    // it starts with the first who comes
    let path = stage.path("run/other");
    let waker = std::thread::spawn(move || {
        wait::until_blocking("the socket", || {
            std::os::unix::net::UnixStream::connect(&path).ok().map(drop)
        });
    });
    stage.start_as(command);
    waker.join().unwrap();
    std::os::unix::fs::symlink("other", stage.path("run/socket")).unwrap();
    assert_eq!(stage.lines(start("security custom-cert list", vec![])), ["hello"]);
}
