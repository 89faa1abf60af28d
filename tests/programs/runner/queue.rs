//! One command that changes anything at a time, the rest visibly behind it; readers beside.

use tests::wait;
use tsmgate_catalogue::runner::{Ask, End, How, RefusalCode, Said, Start, State, What};

use super::stage::{CHANGES, READS, Stage, start};

/// Each waits for a file with the last word of its path, and says when it began and ended.
const TURNS: &str = "eval last=\\$$#
    case $last in --ignore-prompt) last=apply;; esac
    echo $$ >$HAND/$last.began
    echo began $last >>$HAND/turns
    while [ -d $HAND ] && [ ! -e $HAND/$last.go ]; do sleep 0.02; done
    echo ended $last >>$HAND/turns";

const ADD: &str = "security repository-ssl disable";
const DELETE: &str = "security custom-cert delete";

fn turns(stage: &Stage) -> Vec<String> {
    let text = std::fs::read_to_string(stage.hand("turns")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_second_that_changes_waits_visibly_and_readers_run_beside() {
    let stage = Stage::with(TURNS);
    let first = stage.order(CHANGES);
    stage.taken("disable.began");
    let second = stage.order(DELETE);
    let third = stage.order(DELETE);
    assert_eq!((second.state, second.ahead), (State::Queued, Some(1)));
    assert_eq!((third.state, third.ahead), (State::Queued, Some(2)));
    let reader = stage.order(READS);
    stage.taken("list.began");
    assert_eq!(stage.show(&reader.id).state, State::Running);
    match stage.ask(&Ask::Would(start(CHANGES, vec![]).order)) {
        Said::Would(would) => assert_eq!(would.ahead, 3),
        other => panic!("{other:?}"),
    }
    let ids: Vec<_> = stage.list().into_iter().map(|task| task.id).collect();
    assert_eq!(ids, [&reader.id, &third.id, &second.id, &first.id].map(Clone::clone));
    stage.give("list.go");
    stage.give("disable.go");
    stage.taken("delete.began");
    assert_eq!(stage.until(&second.id, State::Running).ahead, None);
    assert_eq!(stage.show(&third.id).ahead, Some(1));
    stage.give("delete.go");
    stage.until(&third.id, State::Ended);
    let order = turns(&stage);
    let changing: Vec<_> = order.iter().filter(|turn| !turn.contains("list")).collect();
    assert_eq!(
        changing,
        [
            "began disable",
            "ended disable",
            "began delete",
            "ended delete",
            "began delete",
            "ended delete"
        ]
    );
    // who reads along saw its place change
    let places: Vec<_> = stage
        .events(&third.id)
        .into_iter()
        .filter_map(|event| match event.what {
            What::State { state, ahead, .. } => Some((state, ahead)),
            _ => None,
        })
        .collect();
    assert_eq!(
        places,
        [(State::Queued, Some(2)), (State::Queued, Some(1)), (State::Running, None)]
    );
}

#[test]
fn no_more_wait_than_may() {
    let stage = Stage::configured(TURNS, "limits.queued = 2\nlimits.reading = 1");
    stage.order(CHANGES);
    stage.taken("disable.began");
    stage.order(ADD);
    let of_another = |start: Start| Start { client: "jump02".to_owned(), ..start };
    // the gate's own limit counts where it is lower
    let few = of_another(Start { queued: 1, ..start(ADD, vec![]) });
    assert_eq!(stage.refusal(few), RefusalCode::QueueFull);
    // half of the queue is the most that one client may have
    assert_eq!(stage.refusal(start(ADD, vec![])), RefusalCode::QueueFull);
    stage.begin(of_another(start(ADD, vec![]))).unwrap();
    let many = Start { queued: 100, ..start(ADD, vec![]) };
    assert_eq!(stage.refusal(many), RefusalCode::QueueFull);
    // one that need not wait is taken, one that must is not
    stage.order(READS);
    assert_eq!(stage.refusal(start(READS, vec![])), RefusalCode::QueueFull);
    assert_eq!(std::fs::read_dir(stage.path("state/tasks")).unwrap().count(), 4);
}

#[test]
fn readers_wait_for_readers_alone() {
    let stage = Stage::configured(TURNS, "limits.reading = 2");
    let readers: Vec<_> = (0..3).map(|_| stage.order(READS)).collect();
    stage.until(&readers[1].id, State::Running);
    assert_eq!(stage.show(&readers[2].id).state, State::Queued);
    let change = stage.order(CHANGES);
    stage.until(&change.id, State::Running);
    stage.give("list.go");
    stage.until(&readers[2].id, State::Ended);
}

#[test]
fn one_that_waits_is_taken_out_of_the_queue() {
    let stage = Stage::with(TURNS);
    let first = stage.order(CHANGES);
    stage.taken("disable.began");
    let (second, third) = (stage.order(DELETE), stage.order(ADD));
    let cancelled = stage.cancel(&second.id).unwrap();
    assert_eq!((cancelled.state, cancelled.started_at), (State::Ended, None));
    assert_eq!(cancelled.end.unwrap().how, How::Cancelled);
    assert_eq!(cancelled.cancelled_by.as_deref(), Some("somebody"));
    assert_eq!(stage.show(&third.id).ahead, Some(1));
    assert_eq!(stage.cancel(&second.id).unwrap_err().code, RefusalCode::Ended);
    stage.give("disable.go");
    stage.until(&first.id, State::Ended);
    // the same word: it goes through
    stage.until(&third.id, State::Ended);
    assert!(!stage.hand("delete.began").exists());
}

#[test]
fn one_that_runs_is_ended_and_the_next_begins() {
    let stage = Stage::with(TURNS);
    let first = stage.order(CHANGES);
    let leader = stage.taken("disable.began");
    let second = stage.order(DELETE);
    stage.cancel(&first.id).unwrap();
    let ended = stage.until(&first.id, State::Ended);
    assert_eq!(ended.end.unwrap().how, How::Cancelled);
    assert!(!super::stage::runs(&leader));
    stage.until(&second.id, State::Running);
    assert_eq!(stage.cancel(&first.id).unwrap_err().code, RefusalCode::Ended);
}

#[test]
fn whoever_cancels_at_the_end_gets_one_end() {
    let stage = Stage::with("exit 0");
    let (mut cancelled, mut ended) = (0, 0);
    for _ in 0..60 {
        let task = stage.order(READS);
        // as near to the end as it comes
        let asked = stage.cancel(&task.id);
        let ends: Vec<End> = stage
            .events(&task.id)
            .into_iter()
            .filter_map(|event| match event.what {
                What::End(end) => Some(end),
                _ => None,
            })
            .collect();
        assert_eq!(ends.len(), 1);
        let known = stage.show(&task.id);
        assert_eq!(known.end.as_ref(), Some(&ends[0]));
        match asked {
            Err(refused) => {
                assert_eq!((refused.code, ends[0].how), (RefusalCode::Ended, How::Exited));
                ended += 1;
            }
            Ok(_) => cancelled += 1,
        }
    }
    assert_eq!(cancelled + ended, 60);
    wait::until_blocking("idle", || {
        stage.list().iter().all(|task| task.state == State::Ended).then_some(())
    });
}

#[test]
fn what_is_old_is_forgotten_once_it_is_on_record() {
    let stage = Stage::configured("echo x", "limits.kept = 3");
    let ids: Vec<_> = (0..6)
        .map(|_| {
            let task = stage.order(READS);
            stage.until(&task.id, State::Ended);
            task.id
        })
        .collect();
    assert_eq!(stage.list().len(), 6, "nothing is on record yet");
    let mut watch = stage.connect();
    watch.say(&Ask::Watch);
    for _ in 0..12 {
        match watch.next() {
            Some(Said::Notice(notice)) => watch.recorded(notice.n),
            other => panic!("{other:?}"),
        }
    }
    wait::until_blocking("three", || (stage.list().len() == 3).then_some(()));
    let left: Vec<_> = stage.list().into_iter().map(|task| task.id).collect();
    assert_eq!(left, [&ids[5], &ids[4], &ids[3]].map(Clone::clone));
    assert_eq!(std::fs::read_dir(stage.path("state/tasks")).unwrap().count(), 3);
}
