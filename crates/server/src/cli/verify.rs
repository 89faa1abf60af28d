//! `tsmgated audit verify`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::{Exit, complain, say};
use crate::audit::chain::Head;
use crate::audit::verify::{Broken, verify as verify_chain};

/// Checks a file and says what was found.
pub(super) fn verify(path: &Path, expected: Option<&Head>) -> Exit {
    let file = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) => {
            complain(&format!("cannot read {}: {error}", path.display()));
            return Exit::File;
        }
    };
    let name = path.display();
    match verify_chain(file, expected) {
        Ok(verified) if verified.first == 0 => say(&[format!("{name}: empty")]),
        Ok(verified) => {
            let mut lines = vec![format!("{name}: whole")];
            lines.push(format!("lines {} to {}", verified.first, verified.head.sequence));
            if verified.first > 1 {
                let before = verified.first - 1;
                lines.push(format!("lines 1 to {before} are in an earlier file, or missing"));
            }
            if verified.torn > 0 {
                lines.push(format!("torn lines, accounted for: {}", verified.torn));
            }
            lines.push(format!("head {}", verified.head));
            say(&lines);
        }
        Err(Broken::Unreadable(error)) => {
            complain(&format!("cannot read {name}: {error}"));
            return Exit::File;
        }
        Err(broken) => {
            say(&[format!("{name}: BROKEN"), broken.to_string()]);
            return Exit::Broken;
        }
    }
    Exit::Done
}
