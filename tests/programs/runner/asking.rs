//! Who may ask, and what is no question.

use tsmgate_catalogue::runner::{Ask, Id, RefusalCode, Said};

use super::stage::{READS, Stage, flag, is_root, start, user, value};

const MARKED: &str = "touch $HAND/ran";

/// Whatever was asked, nothing ran.
fn nothing_ran(stage: &Stage) {
    assert!(!stage.hand("ran").exists());
    assert!(stage.list().is_empty());
}

#[test]
fn a_user_who_may_not_ask_is_closed_without_a_word_and_nothing_runs() {
    let stage = Stage::configured(MARKED, "listen.users = [\"4711\"]");
    for _ in 0..20 {
        let mut conversation = stage.connect();
        // the runner may have closed before
        let ask = serde_json::to_string(&Ask::Start(Box::new(start(READS, vec![])))).unwrap();
        let stream = std::os::unix::net::UnixStream::connect(stage.path("run/socket")).unwrap();
        let _ = std::io::Write::write_all(&mut &stream, ask.as_bytes());
        assert_eq!(conversation.rest(), b"");
    }
    stage.line_with("refused: none of `listen.users`");
    let told = stage.log().iter().filter(|line| line.contains("listen.users")).count();
    assert!(told < 20, "each refusal has its line: {told}");
    assert!(!stage.hand("ran").exists());
    assert_eq!(std::fs::read_dir(stage.path("state/tasks")).unwrap().count(), 0);
}

#[test]
fn the_socket_is_private_and_the_runner_no_superuser() {
    let stage = Stage::with(MARKED);
    use std::os::unix::fs::MetadataExt;
    let socket = std::fs::metadata(stage.path("run/socket")).unwrap();
    assert_eq!((socket.mode() & 0o777 & !0o060, socket.uid()), (0o600, user()));
    let status = std::fs::read_to_string(format!("/proc/{}/status", stage.pid())).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", stage.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    if is_root() {
        // what is not dumpable is root's in /proc
        let memory = std::fs::metadata(format!("/proc/{}/mem", stage.pid())).unwrap();
        assert_eq!(memory.uid(), 0);
    }
}

#[test]
fn a_permission_that_is_not_served_is_refused() {
    let served = "serve.permissions = [\"security.external-ssl.list\", \"security.kms.*\"]";
    let stage = Stage::configured(MARKED, served);
    for other in
        ["security external-ssl disable", "security custom-cert list", "pending-changes list"]
    {
        assert_eq!(stage.refusal(start(other, vec![])), RefusalCode::NotServed, "{other}");
    }
    nothing_ran(&stage);
    stage.order(READS);
}

#[test]
fn without_a_list_nothing_is_served() {
    let stage = Stage::configured(MARKED, "serve.permissions = []");
    assert_eq!(stage.refusal(start(READS, vec![])), RefusalCode::NotServed);
    let would = stage.ask(&Ask::Would(start(READS, vec![]).order));
    assert!(matches!(would, Said::Refused(refused) if refused.code == RefusalCode::NotServed));
    nothing_ran(&stage);
}

#[test]
fn an_order_that_the_catalogue_has_not_is_refused() {
    let stage = Stage::with(MARKED);
    for order in [
        start("security", vec![]),
        start("security external-ssl list; id", vec![]),
        start("../../bin/sh", vec![]),
        start("jobs reconnect", vec![value("id", "1")]),
        start(READS, vec![flag("help")]),
        start(READS, vec![value("username", "root")]),
        start("security repository-ssl enable", vec![value("internal-only", "--help")]),
        start("security repository-ssl get-certificate-file", vec![value("file", "/etc/passwd")]),
    ] {
        assert_eq!(stage.refusal(order), RefusalCode::BadOrder);
    }
    nothing_ran(&stage);
}

#[test]
fn what_is_no_question_is_refused_without_repeating_it() {
    let stage = Stage::with(MARKED);
    let long = format!("\"{}\"\n", "x".repeat(300 * 1024));
    for bytes in
        ["\n", "{}\n", "\"tops3cret\"\n", "{\"start\":{\"tops3cret\":1}}\n", "\u{0}\n", &long]
    {
        let mut conversation = stage.connect();
        conversation.bytes(bytes.as_bytes());
        match conversation.next() {
            Some(Said::Refused(refused)) => {
                assert_eq!(refused.code, RefusalCode::BadOrder);
                assert!(!refused.message.contains("tops3cret"), "{}", refused.message);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(conversation.rest(), b"", "one question a connection");
    }
    // nothing may follow the line
    let mut conversation = stage.connect();
    conversation.bytes(b"\"list\"\n\"list\"\n");
    assert_eq!(conversation.rest(), b"");
    assert!(!stage.log().concat().contains("tops3cret"));
    nothing_ran(&stage);
}

#[test]
fn a_number_that_is_none_is_not_known() {
    let stage = Stage::with(MARKED);
    let id = Id::new("20200101-000000-000").unwrap();
    for ask in [
        Ask::Show(id.clone()),
        Ask::Cancel { id: id.clone(), by: "x".to_owned() },
        Ask::Output { id: id.clone(), from: 0 },
    ] {
        assert!(
            matches!(stage.ask(&ask), Said::Refused(refused) if refused.code == RefusalCode::UnknownId)
        );
    }
    let mut conversation = stage.connect();
    conversation.bytes(b"{\"show\":\"../../../etc\"}\n");
    assert!(matches!(conversation.next(), Some(Said::Task(_) | Said::Refused(_))));
}

#[test]
fn what_would_run_is_told_and_nothing_does() {
    let stage = Stage::configured(MARKED, "limits.run_most = \"1h\"");
    match stage.ask(&Ask::Would(start("security external-ssl disable", vec![]).order)) {
        Said::Would(would) => {
            let program = stage.path("bin/tsm").display().to_string();
            assert_eq!(would.arguments[..4], [&program, "security", "external-ssl", "disable"]);
            assert_eq!((would.run_most_seconds, would.ahead), (3600, 0));
        }
        other => panic!("{other:?}"),
    }
    nothing_ran(&stage);
}

#[test]
fn names_that_are_none_are_refused() {
    let stage = Stage::with(MARKED);
    for name in ["", "a\nb", "a\u{1b}b", &"x".repeat(2000)] {
        for field in 0..4 {
            let mut order = start(READS, vec![]);
            *[&mut order.client, &mut order.identity, &mut order.address, &mut order.request]
                [field] = name.to_owned();
            assert_eq!(stage.refusal(order), RefusalCode::BadOrder, "{name:?}");
        }
    }
    nothing_ran(&stage);
    let task = stage.order(READS);
    let ask = Ask::Cancel { id: task.id, by: "a\nb".to_owned() };
    assert!(
        matches!(stage.ask(&ask), Said::Refused(refused) if refused.code == RefusalCode::BadOrder)
    );
}
