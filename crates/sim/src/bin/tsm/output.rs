//! What the program says on standard output, line by line, each at once.

use std::io::Write;

use crate::faults::Faults;

/// Standard output.
#[derive(Debug)]
pub(crate) struct Output {
    lines: u64,
    hangs_after: Option<u64>,
    apart: bool,
}

impl Output {
    pub(crate) fn new(faults: &Faults) -> Self {
        Self { lines: 0, hangs_after: faults.hangs_after(), apart: faults.lists_apart() }
    }

    /// One line. Text of the controller's goes out as it is: the real one is not known to clean it.
    pub(crate) fn line(&mut self, text: &str) {
        self.bytes(format!("{text}\n").as_bytes());
        self.lines += 1;
        if self.hangs_after == Some(self.lines) {
            Faults::hang();
        }
    }

    /// Seen: a setting, as lists show it.
    pub(crate) fn setting(&mut self, key: &str, value: &str) {
        if self.apart {
            self.line(&format!("Key: {key}"));
            self.line(&format!("    Value: {value}"));
        } else {
            self.line(&format!("{key}: {value}"));
        }
    }

    /// Bytes, without a line's end.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        // who closed the other end does not want to read it
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }
}
