//! As a person reads it: lines, colours, pipes; and the shape for programs.

use std::process::{Command, Stdio};

use crate::rig::{Certificates, Run, doctor, doctor_of};

/// A walk that ends at the name, as lines.
fn for_people(certificates: &Certificates) -> Command {
    let as_json = doctor_of("nosuch.invalid", certificates);
    let verb_and_json = 2;
    doctor(as_json.get_args().skip(verb_and_json))
}

#[test]
fn each_step_is_a_line_and_the_failure_is_explained_below() {
    let certificates = Certificates::new();
    let mut command = doctor_of("nosuch.invalid", &certificates);
    let arguments: Vec<_> = command
        .get_args()
        .filter(|argument| *argument != "--json")
        .map(ToOwned::to_owned)
        .collect();
    command = crate::rig::doctor(arguments.iter().skip(1));
    let run = Run::of(&mut command);
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
