//! What the gate is to record is told until it has, over restarts of either.

use tsmgate_catalogue::runner::{Ask, Life, Notice, Said, State};

use super::stage::{Conversation, READS, Stage};

fn watch(stage: &Stage) -> Conversation {
    let mut watch = stage.connect();
    watch.say(&Ask::Watch);
    watch
}

fn next(watch: &mut Conversation) -> Notice {
    match watch.next() {
        Some(Said::Notice(notice)) => *notice,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_beginning_and_end_is_told_in_order_and_once_recorded_no_more() {
    let stage = Stage::with("exit 3");
    let mut first = watch(&stage);
    let task = stage.order(READS);
    let began = next(&mut first);
    assert_eq!((began.what, &began.task.id), (Life::Started, &task.id));
    assert_eq!((began.task.state, &began.task.end), (State::Running, &None));
    first.recorded(began.n);
    let ended = next(&mut first);
    assert_eq!((ended.what, ended.task.end.as_ref().unwrap().code), (Life::Ended, Some(3)));
    assert!(ended.n > began.n);
    // not recorded: who comes next is told it again
    drop(first);
    let mut second = watch(&stage);
    assert_eq!(next(&mut second), ended);
    second.recorded(ended.n);
    let another = stage.order(READS);
    let began = next(&mut second);
    assert_eq!((began.what, &began.task.id), (Life::Started, &another.id));
    assert!(began.n > ended.n);
}

#[test]
fn they_outlive_the_runner() {
    let mut stage = Stage::with("exit 0");
    let task = stage.order(READS);
    stage.until(&task.id, State::Ended);
    stage.killed();
    stage.start();
    let mut watch_one = watch(&stage);
    let began = next(&mut watch_one);
    watch_one.recorded(began.n);
    let ended = next(&mut watch_one);
    assert_eq!((began.what, ended.what), (Life::Started, Life::Ended));
    stage.killed();
    stage.start();
    assert_eq!(next(&mut watch(&stage)), ended, "what was recorded is not told again");
}

#[test]
fn a_word_about_another_notice_ends_the_conversation_and_records_nothing() {
    let stage = Stage::with("exit 0");
    let task = stage.order(READS);
    stage.until(&task.id, State::Ended);
    let mut wrong = watch(&stage);
    let began = next(&mut wrong);
    wrong.recorded(began.n + 1);
    assert_eq!(wrong.rest(), b"");
    assert_eq!(next(&mut watch(&stage)), began);
}
