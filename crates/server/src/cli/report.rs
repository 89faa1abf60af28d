//! `tsmgated audit report`.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;

use time::OffsetDateTime;
use tsmgate_text::escape;

use super::verify::{PAUSE, TRIES};
use super::{Exit, complain, say};
use crate::audit::report::figures::State;
use crate::audit::report::{Reader, Report, Since};
use crate::config::raw::AUDIT_FILE;
use crate::process;

const AFTER_HELP: &str = "\
Without --html and --json a short summary goes to the terminal. The exit code is that of `audit verify`: \
0 where the chain is whole, 1 where it is broken (the report is made all the same), 2 where it begins \
elsewhere.

Example:
  tsmgated audit report audit.jsonl.1 audit.jsonl --since 7d --html review.html";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// The audit file; several, oldest first, are read as one chain
    #[arg(default_value = AUDIT_FILE)]
    files: Vec<PathBuf>,
    /// How far back the figures go, as 12h, 7d or 4w; everything without it. Give older files too: who
    /// is in them is not new
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Write a page for people to this file; one that is there is replaced
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

/// Reads the files, and writes, prints or sums up what they say.
pub(super) fn report(arguments: &Arguments) -> Exit {
    let Arguments { files, since, html, json } = arguments;
    if let Some(page) = html
        && let Some(file) = files.iter().find(|file| is_same(file, page))
    {
        complain(&format!("--html {} would replace the audit; name another file", shown(file)));
        return Exit::Usage;
    }
    let report = match read(files, *since) {
        Ok(report) => report,
        Err((file, error)) => {
            complain(&format!("cannot read {}: {error}", shown(file)));
            return Exit::File;
        }
    };
    if let Some(page) = html {
        if let Err(error) = write(page, &report.html()) {
            complain(&format!("cannot write {}: {error}", shown(page)));
            return Exit::File;
        }
        complain(&format!("the report is in {}", shown(page)));
    }
    if *json {
        say(&[report.json()]);
    } else if html.is_some() {
        say(&[report.headline()]);
    } else {
        say(&report.summary());
    }
    match report.chain.state {
        State::Whole => Exit::Done,
        State::Partial | State::Empty => Exit::Partial,
        State::Broken => Exit::Broken,
    }
}

/// Reads all files; again where the daemon may be in the middle of a line.
fn read(files: &[PathBuf], since: Option<Since>) -> Result<Report, (&Path, io::Error)> {
    let mut tries = 0;
    loop {
        tries += 1;
        let now = OffsetDateTime::now_utc();
        let mut reader = Reader::new(since.map(|since| since.before(now)), now);
        // a pipe gives what it has once
        let mut again = tries < TRIES;
        for path in files {
            let failed = |error| (path.as_path(), error);
            let file = File::open(path).map_err(failed)?;
            again &= file.metadata().is_ok_and(|metadata| metadata.is_file());
            reader.read(&path.display().to_string(), BufReader::new(file)).map_err(failed)?;
        }
        if !(again && reader.is_unfinished()) {
            return Ok(reader.end());
        }
        sleep(PAUSE);
    }
}

/// Writes a file whole or not at all: readable to whom the audit is. What is there is replaced only
/// where it is a file: renaming would also put a page in the place of a link or a device.
fn write(path: &Path, page: &str) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("there is something else than a file"));
    }
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::InvalidFilename)?);
    name.push(format!(".{}", process::random_name()));
    let draft = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&draft)?;
    let written = file.write_all(page.as_bytes()).and_then(|()| file.sync_all());
    let written = written.and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

fn is_same(left: &Path, right: &Path) -> bool {
    let of = |path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    of(left).is_some_and(|left| of(right) == Some(left))
}

fn shown(path: &Path) -> String {
    escape(path.display().to_string())
}
