//! A job that goes on at TSM when its command is gone: the lock stays until TSM says that it is over.

use nix::sys::signal::Signal;
use tsmgate_catalogue::runner::{How, RefusalCode, Start, State, What};

use super::stage::{CHANGES, JOB, Stage, start};

/// Begins a job and hangs; asked after it, answers as it is told.
const BEGINS: &str = "case \"$1 $2\" in
    'jobs reconnect')
        echo \"$@\" >>$HAND/asked
        while [ -d $HAND ] && [ ! -e $HAND/go ]; do sleep 0.02; done
        echo '90% - nearly'
        exit $(cat $HAND/go);;
    *)
        echo \"Job id is '23', timeout is 30 minutes.\"
        echo began >$HAND/began
        while :; do sleep 0.05; done;;
    esac";

fn stage() -> Stage {
    Stage::configured(BEGINS, "tsm.follow = \"50ms\"")
}

fn begin(stage: &Stage) -> tsmgate_catalogue::runner::Task {
    let task = stage.order(JOB);
    stage.taken("began");
    task
}

#[test]
fn the_lock_stays_until_the_job_is_over() {
    let stage = stage();
    let task = begin(&stage);
    let next = stage.order(CHANGES);
    stage.cancel(&task.id).unwrap();
    let continuing = stage.until(&task.id, State::Continuing);
    assert_eq!((continuing.job.as_deref(), continuing.ended_at), (Some("23"), None));
    assert_eq!(stage.taken("asked"), "jobs reconnect --id 23\n");
    assert_eq!(stage.show(&next.id).ahead, Some(1));
    // it cannot be ended here any more, and that is said
    let refused = stage.cancel(&task.id).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Ended);
    assert!(refused.message.contains("job 23 goes on at TSM"), "{refused:?}");
    std::fs::write(stage.hand("go"), "0").unwrap();
    let ended = stage.until(&task.id, State::Ended).end.unwrap();
    assert_eq!(ended.how, How::Cancelled);
    assert_eq!(ended.detail.unwrap(), "job 23 at TSM is over");
    stage.until(&next.id, State::Running);
    let all: Vec<_> = stage.events(&task.id).into_iter().map(|event| event.what).collect();
    let detail = Some("continues at TSM as job 23".to_owned());
    let at = |what: &What| all.iter().position(|other| other == what).unwrap();
    let continues = at(&What::State { state: State::Continuing, ahead: None, detail });
    assert!(at(&What::Progress { percent: 90, step: "nearly".to_owned() }) > continues);
}

#[test]
fn it_is_followed_also_when_time_is_up_and_when_a_signal_ended_it() {
    let stage = stage();
    std::fs::write(stage.hand("go"), "0").unwrap();
    let (_, end) = stage.run(Start { run_seconds: 1, ..start(JOB, vec![]) });
    assert_eq!(end.how, How::TimedOut);
    assert_eq!(end.detail.unwrap(), "job 23 at TSM is over");
    stage.script("case $1 in jobs) exit 0;; esac; echo \"Job id is '5', x\"; kill -9 $$");
    let (_, end) = stage.run(start(JOB, vec![]));
    assert_eq!((end.how, end.signal), (How::Exited, Some(9)));
    assert_eq!(end.detail.unwrap(), "job 5 at TSM is over");
}

#[test]
fn one_that_fails_by_itself_is_asked_after() {
    let stage = stage();
    stage.script(
        "case $1 in jobs) touch $HAND/asked; exit 0;; esac; echo \"Job id is '5', x\"; exit 1",
    );
    let (_, end) = stage.run(start(JOB, vec![]));
    // tsm may have given up waiting while the job goes on; here it is over
    assert_eq!((end.code, end.detail.as_deref()), (Some(1), Some("job 5 at TSM is over")));
    assert!(stage.hand("asked").exists());
}

#[test]
fn after_some_answers_that_are_none_the_lock_is_given_up() {
    let stage = stage();
    std::fs::write(stage.hand("go"), "1").unwrap();
    let task = begin(&stage);
    let next = stage.order(CHANGES);
    stage.cancel(&task.id).unwrap();
    let end = stage.until(&task.id, State::Ended).end.unwrap();
    assert!(end.detail.unwrap().contains("what became of job 23 at TSM is not known"));
    let asked = std::fs::read_to_string(stage.hand("asked")).unwrap();
    assert_eq!(asked.lines().count(), 6);
    stage.until(&next.id, State::Running);
}

#[test]
fn a_runner_that_ends_meanwhile_says_that_it_goes_on() {
    let mut stage = stage();
    let task = begin(&stage);
    stage.cancel(&task.id).unwrap();
    stage.taken("asked");
    stage.signal(Signal::SIGTERM);
    assert_eq!(stage.end(), Some(0));
    stage.start();
    let ended = stage.show(&task.id);
    assert!(ended.end.unwrap().detail.unwrap().contains("job 23 goes on at TSM"));
    std::fs::remove_file(stage.hand("began")).unwrap();
    let again = begin(&stage);
    tests::wait::until_blocking("the job's number", || stage.show(&again.id).job);
    stage.killed();
    stage.start();
    let lost = stage.show(&again.id).end.unwrap();
    assert_eq!(lost.how, How::Lost);
    assert!(lost.detail.unwrap().contains("job 23"));
}
