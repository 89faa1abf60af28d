//! `tsmgated audit verify`.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use super::{Exit, complain, say, status};
use crate::audit::chain::Head;
use crate::audit::verify::{Broken, Check, Verified};

/// A daemon that runs may be in the middle of a line: the check is made again, so often,
pub(super) const TRIES: usize = 5;
/// after so long.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// Checks files, oldest first, as one chain, and says what was found.
pub(super) fn verify(files: &[PathBuf], expected: Option<&Head>, as_json: bool) -> Exit {
    // what comes through a pipe comes once
    let again = files.iter().all(|file| file.is_file());
    let mut tries = 0;
    let (file, found) = loop {
        tries += 1;
        match check(files, expected) {
            (_, Err(Broken::Unfinished { .. })) if again && tries < TRIES => sleep(PAUSE),
            answer => break answer,
        }
    };
    let name = file.display();
    match found {
        Ok(verified) => {
            if as_json {
                say(&[in_json(file, Ok(&verified))]);
            } else {
                say(&told(&name.to_string(), &verified));
            }
            if verified.first == 1 { Exit::Done } else { Exit::Partial }
        }
        Err(Broken::Unreadable(error)) => {
            complain(&format!("cannot read {name}: {error}"));
            Exit::File
        }
        Err(broken) if as_json => {
            say(&[in_json(file, Err(&broken))]);
            Exit::Broken
        }
        Err(broken) => {
            say(&[format!("{name}: BROKEN"), broken.to_string()]);
            Exit::Broken
        }
    }
}

/// The answer, and the file it is about.
fn check<'a>(
    files: &'a [PathBuf],
    expected: Option<&Head>,
) -> (&'a Path, Result<Verified, Broken>) {
    let mut check = Check::new(expected);
    let mut last = Path::new("");
    for path in files {
        last = path;
        let read = open(path).map_err(Broken::Unreadable).and_then(|file| check.read(file));
        if let Err(broken) = read {
            return (path, Err(broken));
        }
    }
    (last, check.end())
}

fn open(path: &Path) -> io::Result<BufReader<File>> {
    File::open(path).map(BufReader::new)
}

/// The same for a program.
fn in_json(file: &Path, found: Result<&Verified, &Broken>) -> String {
    let file = file.to_string_lossy();
    status::json(&match found {
        Ok(Verified { first, head, torn }) => {
            let verdict = match first {
                0 => "empty",
                1 => "whole",
                _ => "partial",
            };
            json!({
                "file": file, "verdict": verdict, "first": first, "last": head.sequence, "torn": torn,
                "head": head.to_string(), "fault": null,
            })
        }
        Err(broken) => json!({ "file": file, "verdict": "broken", "fault": broken.to_string() }),
    })
}

fn told(name: &str, verified: &Verified) -> Vec<String> {
    if verified.first == 0 {
        return vec![format!("{name}: empty")];
    }
    let headline =
        if verified.first == 1 { "whole" } else { "in order, but not from the beginning" };
    let mut lines = vec![format!("{name}: {headline}")];
    lines.push(format!("lines {} to {}", verified.first, verified.head.sequence));
    if verified.first > 1 {
        let before = verified.first - 1;
        lines.push(format!("lines 1 to {before} are NOT here: in an earlier file, or missing"));
    }
    if verified.torn > 0 {
        lines.push(format!("torn lines, accounted for: {}", verified.torn));
    }
    lines.push(format!("head {}", verified.head));
    lines
}
