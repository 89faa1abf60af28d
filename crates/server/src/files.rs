//! Reading files that decide: configuration, keys, authorities, revocation lists.
//!
//! Whoever may write one of them, or replace it in its folder, decides who gets in. So a file is taken
//! only if it and its folders belong to root or to the user we run as and nobody else may write them;
//! a private key also only if nobody else may read it. Checked and read on one open descriptor.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// No file that decides is larger, in bytes: a revocation list of a hundred thousand entries fits.
pub const FILE_LIMIT: u64 = 8 * 1024 * 1024;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anybody.
    Open,
    /// Nobody but the owner, unless systemd handed it over as a credential.
    PrivateKey,
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// It cannot be opened or read.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It is a folder, a device, a socket.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// Larger than [`FILE_LIMIT`].
    #[error("{0} is larger than {FILE_LIMIT} bytes")]
    TooLarge(PathBuf),
    /// It, or a folder above it, belongs to somebody who must not decide.
    #[error("{path} belongs to uid {uid}; it must belong to root or to the user tsmgated runs as, \
             here uid {}", rustix::process::geteuid().as_raw())]
    ForeignOwner {
        /// Which file or folder.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// It, or a folder above it, can be written by others.
    #[error("{path} can be written by others (mode {mode:04o}); try: chmod go-w {path}")]
    ForeignWritable {
        /// Which file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A private key that others may read.
    #[error(
        "the private key {path} can be read by others (mode {mode:04o}); try: chmod 600 {path}"
    )]
    KeyReadable {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Reads a file that decides.
///
/// # Errors
/// It cannot be read, is too large, or others could have written it (or read it, for a key).
pub fn read(path: &Path, kind: Kind) -> Result<Vec<u8>, FileFault> {
    let unreadable = |cause| FileFault::Unreadable { path: path.to_owned(), cause };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(FileFault::NotAFile(path.to_owned()));
    }
    trusted(path, &metadata)?;
    if kind == Kind::PrivateKey && metadata.mode() & 0o077 != 0 && !is_credential(path) {
        let mode = metadata.mode() & 0o7777;
        return Err(FileFault::KeyReadable { path: path.to_owned(), mode });
    }
    // the folder of the name that was written, and the folders of the file that it led to
    let target = path.canonicalize().map_err(unreadable)?;
    let written = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let written = written.unwrap_or(Path::new(".")).canonicalize().map_err(unreadable)?;
    folders(&written)?;
    folders(target.parent().unwrap_or(Path::new("/")))?;
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(FileFault::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

/// Checks a folder and all above it. A sticky one, such as `/tmp`, may be writable by others: they
/// cannot replace there what is not theirs. The innermost may not: others could add files to it.
///
/// # Errors
/// The first folder that somebody else could change.
pub fn folders(innermost: &Path) -> Result<(), FileFault> {
    const STICKY: u32 = 0o1000;
    for (depth, folder) in innermost.ancestors().enumerate() {
        let unreadable = |cause| FileFault::Unreadable { path: folder.to_owned(), cause };
        let metadata = folder.metadata().map_err(unreadable)?;
        if depth > 0 && metadata.mode() & STICKY != 0 && metadata.uid() == 0 {
            continue;
        }
        trusted(folder, &metadata)?;
    }
    Ok(())
}

fn trusted(path: &Path, metadata: &Metadata) -> Result<(), FileFault> {
    let uid = metadata.uid();
    if uid != 0 && uid != rustix::process::geteuid().as_raw() {
        return Err(FileFault::ForeignOwner { path: path.to_owned(), uid });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(FileFault::ForeignWritable { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Whether systemd put it into our credentials folder, whose access it controls itself.
fn is_credential(path: &Path) -> bool {
    std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|folder| path.starts_with(folder))
}
