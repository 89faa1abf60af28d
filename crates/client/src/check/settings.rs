//! Settings that can be given and are seldom meant.

use tsmgate_catalogue::command::{Command, FileKind, Kind};

use super::{Finding, Input, Severity, What};

/// The versions that Apache's `all` allows and that nobody should need.
const OLD: [&str; 2] = ["TLSv1", "TLSv1.1"];

/// Judges what was given beside the files.
pub(super) fn judge(command: &Command, inputs: &[Input]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for option in &command.options {
        let given = inputs.iter().filter(|input| input.option == option.long);
        let values = given.filter_map(|input| match &input.what {
            What::Value(value) => Some(value.as_str()),
            What::File { .. } | What::Secret(_) => None,
        });
        for value in values {
            match &option.kind {
                Kind::Choice(_) if value.ends_with("-secure") => {
                    findings.extend(without_certificate(command, inputs, &option.long, value));
                }
                Kind::Protocols => findings.extend(old_versions(&option.long, value)),
                _ => {}
            }
        }
    }
    findings
}

/// TLS towards a service whose certificate is not given.
fn without_certificate(
    command: &Command,
    inputs: &[Input],
    option: &str,
    value: &str,
) -> Option<Finding> {
    let takes = command.options.iter().find(|o| o.kind == Kind::SendFile(FileKind::Certificate))?;
    if inputs.iter().any(|input| input.option == takes.long) {
        return None;
    }
    Some(Finding {
        severity: Severity::Warning,
        what: format!(
            "--{option} {value} without --{}: TSM may trust no certificate there",
            takes.long
        ),
        hint: format!("give --{} with the service's certificate", takes.long),
    })
}

/// What a list of protocols allows of old, read as Apache's `SSLProtocol` is: `all` and names add, a dash takes
/// away, in their order.
fn old_versions(option: &str, value: &str) -> Option<Finding> {
    let mut allowed = [false; OLD.len()];
    for word in value.split([' ', ',']).filter(|word| !word.is_empty()) {
        let (adds, name) = match word.strip_prefix('-') {
            Some(name) => (false, name),
            None => (true, word.strip_prefix('+').unwrap_or(word)),
        };
        for (old, allowed) in OLD.iter().zip(&mut allowed) {
            if name.eq_ignore_ascii_case(old) || name.eq_ignore_ascii_case("all") {
                *allowed = adds;
            }
        }
    }
    let names: Vec<_> =
        OLD.iter().zip(allowed).filter(|(_, allowed)| *allowed).map(|(name, _)| *name).collect();
    if names.is_empty() {
        return None;
    }
    Some(Finding {
        severity: Severity::Note,
        what: format!("--{option} allows {}, which browsers refuse", names.join(" and ")),
        hint: String::new(),
    })
}
