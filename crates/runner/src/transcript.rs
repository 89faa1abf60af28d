//! What one command printed, as numbered events, a line each in a file. As much is kept as may be; then it is cut,
//! and the rest only counted.
//!
//! An event counts once it is written whole: who reads along never sees half of one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tsmgate_catalogue::runner::{End, Event, What};

use crate::clock;

/// How much is read for one answer at most, in bytes.
const BATCH: usize = 256 * 1024;
/// The last event is looked for in so many bytes.
const LOOK: u64 = 64 * 1024;

/// What one command printed.
#[derive(Debug)]
pub struct Transcript {
    path: PathBuf,
    file: Option<File>,
    /// Bytes in the file.
    written: u64,
    /// Events in the file.
    on_disk: u64,
    /// Events that could not be written; few, for output is not among them.
    beside: Vec<Event>,
    limit: u64,
    cut: bool,
}

impl Transcript {
    /// An empty one, which keeps `limit` bytes.
    ///
    /// # Errors
    /// As the system's.
    pub fn create(path: PathBuf, limit: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create_new(true).mode(0o600).open(&path)?;
        let (written, on_disk, beside) = (0, 0, Vec::new());
        Ok(Self { path, file: Some(file), written, on_disk, beside, limit, cut: false })
    }

    /// One that an earlier life wrote, with the end that it has, if it has one. Half a line at its end goes.
    ///
    /// # Errors
    /// As the system's.
    pub fn reopen(path: PathBuf) -> io::Result<(Self, Option<End>)> {
        let file = OpenOptions::new().read(true).append(true).open(&path)?;
        let (written, last) = match last_of(&file)? {
            Some(last) => (file.metadata()?.len(), Some(last)),
            None => whole_lines(&file)?,
        };
        file.set_len(written)?;
        let on_disk = last.as_ref().map_or(0, |last| last.n + 1);
        let end = match last.map(|event| event.what) {
            Some(What::End(end)) => Some(end),
            _ => None,
        };
        let (file, beside) = (Some(file), Vec::new());
        Ok((Self { path, file, written, on_disk, beside, limit: u64::MAX, cut: false }, end))
    }

    /// One of which the file is gone.
    pub fn missing(path: PathBuf) -> Self {
        let beside = Vec::new();
        Self { path, file: None, written: 0, on_disk: 0, beside, limit: 0, cut: true }
    }

    /// How many events there are.
    pub fn events(&self) -> u64 {
        self.on_disk + self.beside.len() as u64
    }

    /// Whether output is thrown away by now.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Adds events, as far as they are kept. Whether the disk took all that was to be kept.
    pub fn add(&mut self, all: Vec<What>) -> bool {
        let mut lines = Vec::new();
        let mut count = 0;
        for what in all {
            let printed = matches!(what, What::Stdout(_) | What::Stderr(_) | What::Progress { .. });
            if printed && self.cut {
                continue;
            }
            let next = self.on_disk + count;
            let line = line(next, &what);
            if printed && self.written + (lines.len() + line.len()) as u64 > self.limit {
                self.cut = true;
                lines.extend(self::line(next, &What::Cut));
            } else if self.beside.is_empty() {
                lines.extend(line);
            } else {
                // behind one that could not be written nothing can be
                self.aside(what);
                continue;
            }
            count += 1;
        }
        let written = self.write(&lines).is_ok();
        if written {
            self.written += lines.len() as u64;
            self.on_disk += count;
        } else {
            self.recover(&lines);
        }
        written && self.beside.is_empty()
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match &mut self.file {
            _ if lines.is_empty() => Ok(()),
            Some(file) => file.write_all(lines),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// The disk took none of it, or half: output ends here, and what else there was is held in memory.
    fn recover(&mut self, lines: &[u8]) {
        if let Some(file) = &self.file {
            let _ = file.set_len(self.written);
        }
        self.file = None;
        if !self.cut {
            self.cut = true;
            self.aside(What::Cut);
        }
        let all = lines.split(|byte| *byte == b'\n');
        for event in all.filter_map(|line| serde_json::from_slice::<Event>(line).ok()) {
            self.aside(event.what);
        }
    }

    fn aside(&mut self, what: What) {
        if matches!(what, What::State { .. } | What::Cut | What::End(_)) {
            let event = Event { n: self.events(), at: clock::now(), what };
            self.beside.push(event);
        }
    }

    /// Those that are in no file, from that number on.
    pub fn beside(&self, from: u64) -> Vec<Event> {
        self.beside.iter().filter(|event| event.n >= from).cloned().collect()
    }

    /// Events in the file.
    pub fn on_disk(&self) -> u64 {
        self.on_disk
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Nothing follows: the file is closed, on disk.
    pub fn close(&mut self) {
        if let Some(file) = self.file.take() {
            let _ = file.sync_all();
        }
    }
}

/// An event as it stands in the file. Texts that are no JSON do not exist, so that it always has one.
fn line(n: u64, what: &What) -> Vec<u8> {
    let event = Event { n, at: clock::now(), what: what.clone() };
    let mut line = serde_json::to_vec(&event).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The last event of a file that ends with a whole one. A short look: there may be many long files.
fn last_of(mut file: &File) -> io::Result<Option<Event>> {
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(LOOK)))?;
    let mut end = Vec::new();
    file.take(LOOK).read_to_end(&mut end)?;
    let line = end.strip_suffix(b"\n").and_then(|end| end.rsplit(|byte| *byte == b'\n').next());
    Ok(line.and_then(|line| serde_json::from_slice(line).ok()))
}

/// How many bytes of a file are whole events, and the last of them.
fn whole_lines(mut file: &File) -> io::Result<(u64, Option<Event>)> {
    file.seek(SeekFrom::Start(0))?;
    let mut lines = BufReader::new(file);
    let (mut written, mut last) = (0, None);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let Ok(event) = serde_json::from_slice::<Event>(&line) else { break };
        if !line.ends_with(b"\n") {
            break;
        }
        written += line.len() as u64;
        last = Some(event);
        line.clear();
    }
    Ok((written, last))
}

/// Reads along.
#[derive(Debug)]
pub struct Reader {
    lines: BufReader<File>,
    next: u64,
}

impl Reader {
    /// From the beginning of a transcript's file.
    ///
    /// # Errors
    /// As the system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { lines: BufReader::with_capacity(64 * 1024, file), next: 0 })
    }

    /// The number of the event that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Some of the lines up to the event `before`, without those below `from`; empty where there are none, or
    /// where only some were passed over ([`Self::next`] tells).
    ///
    /// # Errors
    /// As the system's.
    pub fn lines(&mut self, from: u64, before: u64) -> io::Result<Vec<Vec<u8>>> {
        let (mut found, mut size) = (Vec::new(), 0);
        while self.next < before && size < BATCH {
            let mut line = Vec::new();
            if self.lines.read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            size += line.len();
            line.pop();
            if self.next >= from {
                found.push(line);
            }
            self.next += 1;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
