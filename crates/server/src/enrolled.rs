//! Those who joined: what the enrolment service published, read and judged before it counts.
//!
//! The folder is another user's, who may do with it what an invite may do and nothing else: an entry that
//! cannot be taken is left out and said, and keeps no other from counting. What cannot be left out is who is
//! *denied*: where that cannot be read, nothing of the folder is taken, and what was in force stays so.

use std::io;
use std::path::{Path, PathBuf};

use tsmgate_gate::network::Networks;
use tsmgate_gate::policy::{Client, DenyList, Policy};
use tsmgate_settings::fault::ConfigFault;
use tsmgate_settings::files::{self, FileFault, Kind, Owners, Print};
use tsmgate_text::escape;

use crate::config::{CLIENTS_FOLDER, Enrolment, deny_list_of, joined};

/// The deny list in the folder.
const REVOKED: &str = "revoked.toml";
/// The most entries that are read.
pub const ENTRIES_MOST: usize = 4096;
/// The longest entry, in bytes.
const ENTRY_MOST: usize = 64 * 1024;

/// Why nothing of the folder is taken.
#[derive(Debug, thiserror::Error)]
pub enum EnrolledFault {
    /// A file or folder cannot be taken.
    #[error("enrolment: {0}")]
    File(#[from] FileFault),
    /// The deny list cannot be understood.
    #[error("enrolment: {0}")]
    Revoked(#[from] ConfigFault),
    /// More entries than are read.
    #[error("enrolment: more than {ENTRIES_MOST} entries in {0}")]
    TooMany(PathBuf),
}

/// What was published, at one moment.
#[derive(Debug, Default)]
pub struct Enrolled {
    clients: Vec<Client>,
    deny: DenyList,
    /// Entries that do not count, each a sentence.
    left_out: Vec<String>,
    /// What was there, just before it was read.
    pub prints: Prints,
}

/// What became of it in a policy.
#[derive(Debug, Default)]
pub struct Joined {
    /// Entries that do not count, each a sentence.
    pub left_out: Vec<String>,
    /// What was there, just before it was read.
    pub prints: Prints,
}

/// The files of the folder, and how they are. Cheap to compare.
pub type Prints = Vec<(PathBuf, Print)>;

/// The folder's files as they are now. What is not there has no print.
pub fn prints(folder: &Path) -> Prints {
    let clients = folder.join(CLIENTS_FOLDER);
    let mut paths = vec![folder.to_owned(), clients.clone(), folder.join(REVOKED)];
    // one that cannot be listed has changed by its own print
    paths.extend(entries(&clients).unwrap_or_default());
    paths.into_iter().map(|path| (path.clone(), files::print(&path))).collect()
}

/// The entries of the folder, in the order of their names; one more than are read, where there are more.
fn entries(clients: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in clients.read_dir()? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
        if found.len() > ENTRIES_MOST {
            break;
        }
    }
    found.sort();
    Ok(found)
}

impl Enrolled {
    /// Reads what was published for a gate that lets nobody in from outside of `allow`.
    ///
    /// # Errors
    /// The folder is not there, others than its owner could change it, or its deny list cannot be read.
    pub fn read(enrolment: &Enrolment, allow: &Networks) -> Result<Self, EnrolledFault> {
        let prints = prints(&enrolment.folder);
        let owners = [files::us(), enrolment.owner];
        let owners = Owners(&owners);
        let folder = enrolment.folder.join(CLIENTS_FOLDER);
        owners.folders(&owners.led_to(&folder)?)?;
        let file = enrolment.folder.join(REVOKED);
        let text = String::from_utf8_lossy(&owners.read(&file, Kind::Open)?).into_owned();
        let deny = deny_list_of(&file, &text)?;
        let unreadable = |cause| FileFault::Unreadable { path: folder.clone(), cause };
        let entries = entries(&folder).map_err(unreadable)?;
        if entries.len() > ENTRIES_MOST {
            return Err(EnrolledFault::TooMany(folder));
        }
        let (mut clients, mut left_out) = (Vec::new(), Vec::new());
        for path in entries {
            match entry(&path, owners, enrolment, allow) {
                Ok(client) => clients.push(client),
                Err(fault) => left_out.push(format!("an entry is left out: {fault}")),
            }
        }
        Ok(Self { clients, deny, left_out, prints })
    }

    /// The policy with what was published in the place of what was before.
    pub fn into_policy(self, policy: &Policy) -> (Policy, Joined) {
        let Self { clients, deny, mut left_out, prints } = self;
        let (policy, twins) = policy.with_joined(clients, deny);
        left_out.extend(twins.iter().map(|client| {
            let name = escape(&client.name);
            format!("an entry is left out: the configuration has a client `{name}` of its own")
        }));
        (policy, Joined { left_out, prints })
    }
}

fn entry(
    path: &Path,
    owners: Owners<'_>,
    enrolment: &Enrolment,
    allow: &Networks,
) -> Result<Client, EnrolledFault> {
    let bytes = owners.read(path, Kind::Open)?;
    let whole = |message: &str| ConfigFault::whole(path, message.to_owned());
    if bytes.len() > ENTRY_MOST {
        return Err(whole("it is larger than 64 KiB").into());
    }
    let text = String::from_utf8(bytes).map_err(|_| whole("it is no text"))?;
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    Ok(joined(path, &text, name, enrolment, allow)?)
}
