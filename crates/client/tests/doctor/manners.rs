//! As a person reads it: lines, colours, pipes; and the shape for programs.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::rig::{Certificates, FakeGate, Run, doctor, doctor_of};

/// A walk that ends at the name, as lines.
fn for_people(certificates: &Certificates) -> Command {
    let as_json = doctor_of("nosuch.invalid", certificates);
    let verb_and_json = 2;
    doctor(as_json.get_args().skip(verb_and_json))
}

#[test]
fn each_step_is_a_line_and_the_failure_is_explained_below() {
    let certificates = Certificates::new();
    let run = Run::of(&mut for_people(&certificates));
    assert_eq!(run.code, Some(70));
    assert_eq!(run.talk, "");
    assert!(!run.out.contains('\x1b'), "no colour in a pipe: {run:?}");
    let lines: Vec<_> = run.out.lines().collect();
    let failed = lines.iter().position(|line| line.starts_with("failed     name ")).unwrap();
    assert!(lines[failed].contains(" ms  cannot reach nosuch.invalid:18850"), "{run:?}");
    assert!(lines[failed + 1].ends_with("where: here, on this host"));
    assert!(lines[failed + 2].contains("hint: check the host name"));
    assert!(lines[failed + 3].starts_with("not tried  connection"));
    assert_eq!(lines.last(), Some(&"the way ends at: name; exit code 70"));
    let coloured = Run::of(for_people(&certificates).args(["--color", "always"]));
    assert!(coloured.out.contains("\x1b["), "{coloured:?}");
    let verbose = Run::of(for_people(&certificates).arg("--verbose"));
    assert!(verbose.out.contains("(--gate)"), "{verbose:?}");
}

#[test]
fn a_reader_that_went_away_changes_nothing() {
    let certificates = Certificates::new();
    let mut command = for_people(&certificates);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(70));
    assert_eq!(output.stderr, b"");
}

#[test]
fn the_json_has_what_the_help_says() {
    let certificates = Certificates::new();
    let report = Run::of(&mut doctor_of("nosuch.invalid", &certificates)).report();
    for step in report.json["steps"].as_array().unwrap() {
        let mut keys: Vec<_> = step.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        let is_told = matches!(step["verdict"].as_str(), Some("warning" | "failed"));
        let all = ["found", "hint", "milliseconds", "name", "says", "side", "verdict", "what"];
        let least = ["found", "milliseconds", "name", "says", "verdict"];
        assert_eq!(keys, if is_told { &all[..] } else { &least[..] }, "{step:#?}");
    }
}

/// What a terminal shows of it.
fn on_a_terminal(certificates: &Certificates, environment: &[(&str, &str)]) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let terminal = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut command = for_people(certificates);
    command.envs(environment.iter().copied()).stdin(Stdio::null()).stderr(Stdio::null());
    let mut child = command.stdout(terminal).spawn().unwrap();
    // our own copy of the other side goes with the command: the last process's end is the terminal's
    drop(command);
    let (mut master, mut shown, mut piece) = (File::from(master), Vec::new(), [0; 1024]);
    while let Ok(read @ 1..) = master.read(&mut piece) {
        shown.extend_from_slice(&piece[..read]);
    }
    assert_eq!(child.wait().unwrap().code(), Some(70));
    String::from_utf8(shown).unwrap()
}

#[test]
fn a_terminal_that_can_is_coloured_and_no_other() {
    let certificates = Certificates::new();
    let coloured = on_a_terminal(&certificates, &[("TERM", "xterm")]);
    assert!(coloured.contains("\x1b[") && coloured.contains("failed"), "{coloured:?}");
    for environment in [&[("TERM", "dumb")][..], &[("TERM", "xterm"), ("NO_COLOR", "1")]] {
        let plain = on_a_terminal(&certificates, environment);
        assert!(!plain.contains('\x1b') && plain.contains("failed     name "), "{plain:?}");
    }
}

#[test]
fn a_signal_ends_a_walk_that_holds_no_session() {
    let certificates = Certificates::new();
    let (tell, came) = channel();
    // it takes the connection, says nothing, and waits until it is given up
    let gate = FakeGate::raw(move |mut tcp| {
        let _ = tell.send(());
        let _ = tcp.read_to_end(&mut Vec::new());
    });
    for signal in [Signal::INT, Signal::TERM] {
        let mut command = doctor_of(&format!("127.0.0.1:{}", gate.port()), &certificates);
        command.arg("--login").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        came.recv().unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("interrupted"));
    }
}
