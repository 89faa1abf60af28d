//! The pin in the configuration file: one line changed or added, everything else as it was, comments too.
//!
//! What comes out is read again before it is written: a file in which the line cannot be placed without
//! changing what others say is left alone. Written beside and renamed, so that nobody reads half of it.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use toml::{Spanned, Table, Value};

use crate::config::raw::Raw;
use tsmgate_settings::files::{self, FileFault};

/// Why the pin was not written.
#[derive(Debug, thiserror::Error)]
pub enum PinFault {
    /// `[tsm]` is written in a way that this cannot add to.
    #[error("{path}: no place was found for the line in [tsm]; write it there: {line}")]
    NoPlace {
        /// Which file.
        path: PathBuf,
        /// What to write.
        line: String,
    },
    /// Somebody else wrote it meanwhile.
    #[error("{0} was changed meanwhile; nothing was written, try again")]
    Changed(PathBuf),
    /// The way there is not one that we would read it by.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The system says no.
    #[error("cannot write {path}: {cause}; nothing was changed")]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// The text with the pin in it, and `tsm.api` where it has none; `None` where that would change more.
/// `raw` is what the text was read as, `address` what to write for `tsm.api`.
pub fn edited(text: &str, raw: &Raw, address: &str, pin: &str) -> Option<String> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let pin_line = format!("api_certificate_sha256 = \"{pin}\"{newline}");
    let new = match (&raw.tsm.api_certificate_sha256, &raw.tsm.api) {
        (Some(old), api) => {
            let mut new = text.to_owned();
            let span = old.span();
            text.get(span.clone())?;
            new.replace_range(span, &format!("\"{pin}\""));
            match api {
                Some(_) => new,
                None => after_header(&new, newline, &format!("api = \"{address}\"{newline}")),
            }
        }
        (None, Some(api)) => after_api(text, api, newline, &pin_line)?,
        (None, None) => {
            let lines = format!("api = \"{address}\"{newline}{pin_line}");
            after_header(text, newline, &lines)
        }
    };
    says_the_same(text, &new, address, pin).then_some(new)
}

/// Below the line of `tsm.api`, written as that is.
fn after_api(text: &str, api: &Spanned<String>, newline: &str, line: &str) -> Option<String> {
    let span = api.span();
    let start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
    let before = text.get(start..span.start)?;
    let lead = before.get(..before.rfind("api")?)?;
    let (above, below) = match text.get(span.end..)?.find('\n') {
        Some(end) => (text.get(..=span.end + end)?.to_owned(), text.get(span.end + end + 1..)?),
        None => (format!("{text}{newline}"), ""),
    };
    Some(format!("{above}{lead}{line}{below}"))
}

/// Below `[tsm]`, or in one of its own at the end.
fn after_header(text: &str, newline: &str, lines: &str) -> String {
    let is_header = |line: &str| line.split('#').next().unwrap_or_default().trim() == "[tsm]";
    let mut new = String::with_capacity(text.len() + lines.len() + 16);
    let mut placed = false;
    for line in text.split_inclusive('\n') {
        new.push_str(line);
        if !placed && is_header(line) {
            if !line.ends_with('\n') {
                new.push_str(newline);
            }
            new.push_str(lines);
            placed = true;
        }
    }
    if !placed {
        if !new.is_empty() && !new.ends_with('\n') {
            new.push_str(newline);
        }
        new.push_str(&format!("{newline}[tsm]{newline}{lines}"));
    }
    new
}

/// Whether the new text says what the old one does, and the two keys beside.
fn says_the_same(old: &str, new: &str, address: &str, pin: &str) -> bool {
    let (Ok(mut old), Ok(new)) = (old.parse::<Table>(), new.parse::<Table>()) else {
        return false;
    };
    let tsm = old.entry("tsm").or_insert_with(|| Value::Table(Table::new()));
    let Some(tsm) = tsm.as_table_mut() else { return false };
    tsm.entry("api").or_insert_with(|| Value::String(address.to_owned()));
    tsm.insert("api_certificate_sha256".to_owned(), Value::String(pin.to_owned()));
    old == new
}

/// Puts the text into the place of the file at `path`, which keeps owner, group and mode; a symlink stays
/// one. `seen` is how the file was before it was read.
///
/// # Errors
/// Somebody changed it meanwhile, or the system refuses.
pub fn replace(path: &Path, seen: &files::Print, text: &str) -> Result<(), PinFault> {
    let real = files::led_to(path)?;
    let unwritable = |cause| PinFault::Unwritable { path: real.clone(), cause };
    let folder = real.parent().unwrap_or(Path::new("/"));
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let old = real.metadata().map_err(unwritable)?;
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).and_then(
            |mut file| {
                file.write_all(text.as_bytes())?;
                fchown(&file, Some(old.uid()), Some(old.gid()))?;
                file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
                file.sync_all()
            },
        );
    let done = match written {
        Err(cause) => Err(unwritable(cause)),
        Ok(()) if files::print(path) != *seen => Err(PinFault::Changed(real.clone())),
        Ok(()) => std::fs::rename(&beside, &real).map_err(unwritable),
    };
    if done.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    done?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritable)
}

#[cfg(test)]
mod tests;
