//! Sessions at a controller itself: by password, by a gate's login lane, renewed once, ended always.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use tsmsim::ApiBehaviour;

use crate::rig::controller::PASSWORD;
use crate::rig::{Controller, Run};

#[test]
fn a_password_opens_a_session_that_is_ended_with_the_command() {
    let controller = Controller::start();
    controller.ask(&["nodes", "--json"]).good();
    let requests = controller.api().requests();
    let lines: Vec<_> =
        requests.iter().map(|one| format!("{} {}", one.method, one.target)).collect();
    let asked = ["POST /api/0.5/login", "GET /api/0.5/nodes", "POST /api/0.5/logout"];
    assert_eq!(lines, asked);
    let body: serde_json::Value = serde_json::from_slice(&requests[0].body).unwrap();
    let wanted = serde_json::json!({"authentication": {"name": "anna", "password": PASSWORD}});
    assert_eq!(body, wanted);
    assert_eq!(requests[0].header("cookie"), None);
    let cookie = &controller.tsm.cookies()[0];
    for request in &requests[1..] {
        assert_eq!(request.header("cookie"), Some(&*format!("AUTH_COOKIE={cookie}")));
        for absent in ["origin", "referer", "authorization"] {
            assert_eq!(request.header(absent), None);
        }
    }
    controller.is_left_alone();
    assert_eq!(controller.api().connections().len(), 1);
}

#[test]
fn a_session_is_ended_after_a_failure_too() {
    let controller = Controller::start();
    controller.ask(&["jobs", "show", "99"]).says(65, "404", "");
    assert_eq!(controller.tsm.cookies().len(), 1);
    controller.is_left_alone();
    // also where the connection did not outlive it
    controller.api().behave_next(ApiBehaviour::Honest);
    controller.api().behave_next(ApiBehaviour::Truncated);
    controller.ask(&["nodes"]).says(76, "ends in the middle", "");
    assert_eq!(controller.tsm.cookies().len(), 2);
    controller.is_left_alone();
}

#[test]
fn a_wrong_password_and_a_wrong_group_are_told_apart() {
    let controller = Controller::start();
    let wrong = controller.path("wrong");
    fs::write(&wrong, "another SECRET\n").unwrap();
    fs::set_permissions(&wrong, PermissionsExt::from_mode(0o600)).unwrap();
    let mut command = controller.unknown(&["nodes"]);
    command.args(["--username", "anna"]).arg("--password-file").arg(&wrong);
    let run = controller.run(&mut command);
    run.says(65, "answers 401: The user name or the password is wrong.", "--username");
    let run = controller.run(&mut controller.user("otto", &["nodes"]));
    run.says(77, "answers 403", "TSM's group on its host (tsmadmin by default)");
    assert_eq!(controller.targets().len(), 0, "nothing was asked without a session");
}

/// R39: a password comes from nowhere that others can read.
#[test]
fn a_password_file_has_to_be_its_owners_and_one_line() {
    let controller = Controller::start();
    for mode in [0o640, 0o604, 0o660, 0o666] {
        fs::set_permissions(controller.path("password"), PermissionsExt::from_mode(mode)).unwrap();
        let run = controller.ask(&["nodes"]);
        run.says(66, "holds a secret, and is accessible to group or others", "chmod 600 /");
    }
    fs::set_permissions(controller.path("password"), PermissionsExt::from_mode(0o600)).unwrap();
    for text in ["", "\n", "two\nlines SECRET\n", "a\u{1b}b", "\u{ff}x\r\r\n"] {
        fs::write(controller.path("password"), text).unwrap();
        let run = controller.ask(&["nodes"]);
        run.says(66, "holds not one line of text", "on one line");
    }
    fs::write(controller.path("password"), b"\xff\xfe").unwrap();
    controller.ask(&["nodes"]).says(66, "holds not one line of text", "");
    assert!(controller.api().requests().is_empty());
    for line in [format!("{PASSWORD}\r\n"), PASSWORD.to_owned()] {
        fs::write(controller.path("password"), line).unwrap();
        controller.ask(&["nodes"]).good();
    }
}

/// No terminal, no file, no password: stdin is not asked.
#[test]
fn a_password_is_not_read_from_stdin() {
    let controller = Controller::start();
    let mut command = controller.unknown(&["nodes", "--username", "anna"]);
    // a session of its own has no terminal
    let mut apart = std::process::Command::new("setsid");
    apart.arg("--wait").arg(command.get_program()).args(command.get_args()).env_clear();
    command.stdin(Stdio::null());
    let run = Run::with_input(&mut apart, format!("{PASSWORD}\n").as_bytes());
    run.says(65, "there is no terminal to ask for a password", "--password-file");
    assert!(controller.api().requests().is_empty());
}

#[test]
fn a_session_that_ran_out_is_taken_anew_once() {
    let controller = Controller::start();
    // node1's details come on a session that has ended meanwhile
    controller.api().behave_next(ApiBehaviour::Honest);
    controller.api().behave_next(ApiBehaviour::Honest);
    controller.api().storm(1);
    controller.ask(&["nodes"]).good();
    let asked = ["GET /api/0.5/nodes", "GET /api/0.5/nodes/node1", "GET /api/0.5/nodes/node1"];
    assert_eq!(controller.targets(), asked);
    assert_eq!(controller.tsm.cookies().len(), 2);
    // one that is refused at once is not taken again
    let controller = Controller::start();
    controller.api().behave_next(ApiBehaviour::Honest);
    controller.api().storm(1);
    controller.ask(&["nodes"]).says(65, "answers 401", "takes no session");
    assert_eq!(controller.tsm.cookies().len(), 1);
    controller.is_left_alone();
}

#[test]
fn a_logout_that_hangs_keeps_nobody_for_long() {
    let controller = Controller::start();
    controller.api().behave_next(ApiBehaviour::Honest);
    controller.api().behave_next(ApiBehaviour::Honest);
    controller.api().behave_next(ApiBehaviour::Silent);
    let began = std::time::Instant::now();
    let run = controller.run(controller.asked(&["nodes", "--json"]).args(["--timeout", "60s"]));
    run.good();
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_logout_that_fails_is_nobodys_trouble() {
    for behaviour in [
        ApiBehaviour::CloseInHeader,
        ApiBehaviour::CloseInBody,
        ApiBehaviour::Raw("SSH-2.0-x\r\n\r\n".into()),
        ApiBehaviour::Html(502),
        ApiBehaviour::EndlessBody,
    ] {
        let controller = Controller::start();
        controller.api().behave_next(ApiBehaviour::Honest);
        controller.api().behave_next(ApiBehaviour::Honest);
        controller.api().behave_next(behaviour);
        let run = controller.ask(&["nodes", "--json"]);
        assert_eq!((run.code, run.talk.as_str()), (Some(0), ""), "{run:?}");
    }
}

#[test]
fn a_login_that_gives_no_cookie_is_no_login() {
    for headers in [
        "",
        "Set-Cookie: other=1\r\n",
        "Set-Cookie: AUTH_COOKIE=\r\n",
        "Set-Cookie: AUTH_COOKIE=a SECRET\r\n",
        "Set-Cookie: AUTH_COOKIE=SECRET1\r\nSet-Cookie: AUTH_COOKIE=SECRET2\r\n",
    ] {
        let controller = Controller::start();
        let answer = format!("HTTP/1.1 204 No Content\r\n{headers}\r\n");
        controller.api().behave_next(ApiBehaviour::Raw(answer.into()));
        let run = controller.ask(&["nodes"]);
        run.says(76, "the login gives no usable cookie", "version");
    }
}

#[test]
fn the_socket_of_this_host_can_give_the_session() {
    let controller = Controller::start();
    let mut command = controller.unknown(&["nodes"]);
    controller.run(command.arg("--socket").arg(controller.tsm.socket())).good();
    assert_eq!(controller.api().requests()[0].target, "/api/0.5/nodes", "no login by password");
    controller.is_left_alone();
    let run = controller.run(controller.unknown(&["nodes"]).args(["--socket", "/no/such"]));
    run.says(69, "no session from TSM at /no/such: there is no socket", "start TSM");
}

#[test]
fn a_gate_can_give_the_session() {
    use tsmgate_wire::{Answer, Cookie, Login, Secret};

    let controller = Controller::start();
    let value = controller.api().open_session("tsmsvc");
    let cookie = Cookie::new("AUTH_COOKIE".into(), Secret::new(value.clone()), 7200).unwrap();
    let answer = Answer::Granted(Login { username: "tsmsvc".into(), cookie });
    let lane = crate::rig::gate::LoginLane::start(tsmgate_wire::encode_reply(1, &answer).to_vec());
    let mut command = controller.unknown(&["nodes"]);
    command.args(["--gate", &format!("localhost:{}", lane.port)]);
    command.arg("--ca").arg(lane.certificates.path("ca.pem"));
    command.arg("--cert").arg(lane.certificates.path("client.pem"));
    command.arg("--key").arg(lane.certificates.path("client.key"));
    controller.run(&mut command).good();
    let requests = controller.api().requests();
    assert_eq!(requests[0].header("cookie"), Some(&*format!("AUTH_COOKIE={value}")));
    assert!(!controller.api().is_open(&value), "ended with the command");
}
