//! The address lists that systemd would read from its folders: of the two units, their drop-ins and the
//! slices above them, with file and line of each entry.
//!
//! Only what decides about `IPAddressAllow=` and `IPAddressDeny=` is read; systemd is not asked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::prefix::Prefix;
use super::{FOLDER, Unit};

/// Where systemd looks, the one that counts most first (systemd.unit(5)).
pub const FOLDERS: [&str; 6] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    FOLDER,
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];

/// No file of a unit is larger, in bytes; the rest of one that is would not be looked at.
const FILE_LIMIT: u64 = 256 * 1024;
/// More files in one folder of drop-ins are not looked at.
const FILES_LIMIT: usize = 256;
/// More entries of one list are not looked at.
const ENTRIES_LIMIT: usize = 4096;

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The networks that it stands for; none where systemd cannot read it, and leaves it out.
    pub networks: Vec<Prefix>,
    /// As it was written.
    pub word: String,
    /// In which file.
    pub file: PathBuf,
    /// In which line, from 1.
    pub line: usize,
}

/// The lists that count for a unit.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Whether there is such a unit, or a drop-in for it.
    pub present: bool,
    /// `IPAddressAllow=`
    pub allow: Vec<Entry>,
    /// `IPAddressDeny=`
    pub deny: Vec<Entry>,
    /// Files that could not be looked at, or not in full.
    pub unread: Vec<PathBuf>,
}

impl Lists {
    /// The lists of a unit and of the slices above it, which are added (systemd.resource-control(5)).
    pub fn of(unit: Unit, folders: &[PathBuf]) -> Self {
        let mut lists = Self::default();
        for slice in ["-.slice", "system.slice"] {
            lists.add(Self::of_one(slice, "Slice", folders));
        }
        lists.present = false;
        lists.add(Self::of_one(unit.name(), unit.section(), folders));
        lists
    }

    fn of_one(name: &str, section: &str, folders: &[PathBuf]) -> Self {
        let mut lists = Self::default();
        let files = written(name, folders, &mut lists.unread);
        lists.present = !files.is_empty();
        for file in files {
            match text(&file) {
                Some((text, whole)) => {
                    lists.read(&file, &text, section);
                    lists.unread.extend((!whole).then_some(file));
                }
                None => lists.unread.push(file),
            }
        }
        lists
    }

    fn add(&mut self, more: Self) {
        self.present |= more.present;
        self.allow.extend(more.allow);
        self.deny.extend(more.deny);
        self.unread.extend(more.unread);
    }

    /// Reads one file over what earlier ones said.
    fn read(&mut self, file: &Path, text: &str, section: &str) {
        let mut here = false;
        for (line, statement) in statements(text) {
            if let Some(name) = statement.strip_prefix('[') {
                here = name.strip_suffix(']') == Some(section);
                continue;
            }
            let Some((key, value)) = statement.split_once('=').filter(|_| here) else { continue };
            let list = match key.trim_end() {
                "IPAddressAllow" => &mut self.allow,
                "IPAddressDeny" => &mut self.deny,
                _ => continue,
            };
            let value = value.trim();
            if value.is_empty() {
                list.clear();
            }
            for word in value.split_whitespace() {
                if list.len() == ENTRIES_LIMIT {
                    self.unread.push(file.to_owned());
                    return;
                }
                let (networks, word) = (Prefix::of_word(word), word.to_owned());
                list.push(Entry { networks, word, file: file.to_owned(), line });
            }
        }
    }
}

/// The file of a unit, where it has one, and its drop-ins in the order in which they count.
pub(crate) fn written(name: &str, folders: &[PathBuf], unread: &mut Vec<PathBuf>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    files.extend(folders.iter().map(|folder| folder.join(name)).find(|file| there(file)));
    files.extend(dropins(name, folders, unread));
    files
}

/// Sections and assignments, each with the number of the line where it begins. A backslash at a line's
/// end joins the next one to it, over comments between them (systemd.syntax(7)).
pub(crate) fn statements(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with(['#', ';']) || (line.is_empty() && open.is_none()) {
            continue;
        }
        let (begun, mut statement) = open.take().unwrap_or((number + 1, String::new()));
        match line.strip_suffix('\\') {
            Some(start) => {
                statement.push_str(start);
                statement.push(' ');
                open = Some((begun, statement));
            }
            None => {
                statement.push_str(line);
                found.push((begun, statement.trim().to_owned()));
            }
        }
    }
    found.extend(open);
    found
}

/// The drop-ins of a unit in the order in which they count: by file name, whatever folder they are in. Of
/// two with one name the unit's own goes before its type's, and then the folder that counts more.
fn dropins(name: &str, folders: &[PathBuf], unread: &mut Vec<PathBuf>) -> Vec<PathBuf> {
    let kind = name.rsplit('.').next().unwrap_or_default();
    let mut chosen = BTreeMap::new();
    for folder in [name, kind]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(format!("{name}.d"))))
    {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(_) => {
                unread.push(folder);
                continue;
            }
        };
        for (number, entry) in entries.enumerate() {
            let Some(entry) = entry.ok().filter(|_| number < FILES_LIMIT) else {
                unread.push(folder);
                break;
            };
            let file = entry.path();
            if file.extension().is_some_and(|extension| extension == "conf") {
                chosen.entry(entry.file_name()).or_insert(file);
            }
        }
    }
    chosen.into_values().collect()
}

/// Whether something of that name is there, a symlink to nowhere included.
fn there(file: &Path) -> bool {
    file.symlink_metadata().is_ok()
}

/// A file's text, and whether that is all of it. An empty device, by which a unit is masked, is empty.
pub(crate) fn text(file: &Path) -> Option<(String, bool)> {
    if file.canonicalize().is_ok_and(|target| target == Path::new("/dev/null")) {
        return Some((String::new(), true));
    }
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(file).ok()?.take(FILE_LIMIT + 1).read_to_end(&mut bytes).ok()?;
    let whole = bytes.len() as u64 <= FILE_LIMIT;
    Some((String::from_utf8_lossy(&bytes).into_owned(), whole))
}
