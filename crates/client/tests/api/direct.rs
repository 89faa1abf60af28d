//! A controller itself that misbehaves: what it does to a command, and what the command says.

use std::time::Duration;

use tsmsim::{ApiBehaviour, Place};

use crate::rig::{Controller, Run};

/// One command on a session that is good, the controller misbehaving after the login.
fn after_the_login(behaviour: ApiBehaviour) -> Run {
    let controller = Controller::start();
    controller.api().behave_next(ApiBehaviour::Honest);
    controller.api().behave_next(behaviour);
    let run = controller.ask(&["nodes", "--json"]);
    controller.is_left_alone();
    run
}

#[test]
fn each_way_to_misbehave_has_its_answer() {
    for (behaviour, code, what) in [
        (ApiBehaviour::Html(502), 69, "answers 502: <html>"),
        (ApiBehaviour::Html(200), 76, "text/html"),
        (ApiBehaviour::Empty(503), 69, "answers 503"),
        (ApiBehaviour::Status(500), 69, "answers 500: "),
        (ApiBehaviour::Status(409), 65, "answers 409: "),
        (ApiBehaviour::WrongType, 76, "text/html, not JSON"),
        (ApiBehaviour::Gzip, 76, "encoded as gzip"),
        (ApiBehaviour::Truncated, 76, "the answer ends in the middle"),
        (ApiBehaviour::CloseInBody, 76, "the answer ends in the middle"),
        (ApiBehaviour::CloseInHeader, 76, "the answer ends in the middle"),
        (ApiBehaviour::EndlessBody, 76, "larger than 4194304 bytes"),
        (ApiBehaviour::Huge(5 << 20), 76, "larger than 4194304 bytes"),
        (ApiBehaviour::Raw("SSH-2.0-x\r\n\r\n".into()), 76, "it is not HTTP/1.1"),
        (ApiBehaviour::Plant(Place::Location), 76, "status 302"),
    ] {
        let run = after_the_login(behaviour.clone());
        assert_eq!(run.code, Some(code), "{behaviour:?}: {run:?}");
        run.says(code, what, "");
    }
}

#[test]
fn slow_but_honest_is_good_enough_and_silence_is_not() {
    after_the_login(ApiBehaviour::SlowBody(Duration::from_millis(1))).good();
    after_the_login(ApiBehaviour::Plant(Place::SetCookie)).good();
    after_the_login(ApiBehaviour::Plant(Place::Header)).good();
    let controller = Controller::start();
    controller.api().behave_next(ApiBehaviour::Honest);
    controller.api().behave_next(ApiBehaviour::Silent);
    let run = controller.run(controller.asked(&["nodes"]).args(["--timeout", "2s"]));
    run.says(70, "no answer in time from https://localhost:", "--timeout");
    controller.is_left_alone();
}

#[test]
fn a_controller_that_is_gone_cannot_be_reached() {
    let controller = Controller::start();
    controller.runtime.block_on(controller.tsm.stop());
    let run = controller.ask(&["nodes"]);
    run.says(70, "cannot reach https://localhost:", "check that TSM runs there");
    assert!(run.talk.contains("connection refused"), "{run:?}");
}
