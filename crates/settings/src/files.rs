//! Reading files that decide: configuration, keys, authorities, revocation lists.
//!
//! Whoever may write one of them, or replace it in its folder, decides who gets in. So a file is taken
//! only if it and its folders belong to root or to the user we run as and nobody else may write them;
//! a private key also only if nobody else may read it. Checked and read on one open descriptor.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

/// No file that decides is larger, in bytes: a revocation list of a hundred thousand entries fits.
pub const FILE_LIMIT: u64 = 8 * 1024 * 1024;

/// No path leads over more symlinks; the kernel's own limit (path_resolution(7)).
const LINKS_LIMIT: usize = 40;

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
    #[error("cannot read {path}: {cause}{}", whoami(.cause))]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It is a folder, a device, a socket.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// Larger than such a file may be.
    #[error("{path} is larger than {limit} bytes")]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// How large it may be.
        limit: u64,
    },
    /// It, or a folder above it, belongs to somebody who must not decide.
    #[error("{path} belongs to uid {uid}; it must belong to root{}", others(.owners))]
    ForeignOwner {
        /// Which file or folder.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
        /// Whose it may be, beside root's.
        owners: Vec<u32>,
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

/// Who else may own it.
fn others(owners: &[u32]) -> String {
    let names: Vec<_> = owners.iter().filter(|uid| **uid != 0).map(u32::to_string).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(" or to uid {}", names.join(", ")),
    }
}

/// Who we are, where that is the reason.
fn whoami(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => {
            format!(", as uid {}", rustix::process::geteuid().as_raw())
        }
        _ => String::new(),
    }
}

/// What tells a file from what it was: device, inode, size, and both its times, in nanoseconds. `None`
/// where there is none.
pub type Print = Option<(u64, u64, u64, i128, i128)>;

/// How the file is that a name leads to now.
pub fn print(path: &Path) -> Print {
    let it = std::fs::metadata(path).ok()?;
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let (changed, moved) = (nanos(it.mtime(), it.mtime_nsec()), nanos(it.ctime(), it.ctime_nsec()));
    Some((it.dev(), it.ino(), it.size(), changed, moved))
}

/// Reads a file that decides.
///
/// # Errors
/// It cannot be read, is too large, or others could have written it (or read it, for a key).
pub fn read(path: &Path, kind: Kind) -> Result<Vec<u8>, FileFault> {
    let unreadable = |cause| FileFault::Unreadable { path: path.to_owned(), cause };
    let file = open(path, OFlags::empty()).map_err(unreadable)?;
    Owners(&[us()]).read_open(path, file, kind, FILE_LIMIT)
}

/// Opens without waiting: a pipe would keep us until somebody writes into it.
fn open(path: &Path, more: OFlags) -> io::Result<File> {
    let flags = i32::try_from((OFlags::NONBLOCK | more).bits()).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Whose files may decide, beside root's: users by number.
#[derive(Debug, Clone, Copy)]
pub struct Owners<'a>(pub &'a [u32]);

impl Owners<'_> {
    /// Reads a file that decides, of at most `limit` bytes, where these may have written it. One that is a
    /// symlink is none: they could have any file read that we may read and they may not.
    ///
    /// # Errors
    /// As [`read`].
    pub fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, FileFault> {
        let file =
            open(path, OFlags::NOFOLLOW).map_err(|cause| match Errno::from_io_error(&cause) {
                Some(Errno::LOOP) => FileFault::NotAFile(path.to_owned()),
                _ => FileFault::Unreadable { path: path.to_owned(), cause },
            })?;
        self.read_open(path, file, Kind::Open, limit)
    }

    /// Checks and reads what was opened by that name.
    fn read_open(
        &self,
        path: &Path,
        file: File,
        kind: Kind,
        limit: u64,
    ) -> Result<Vec<u8>, FileFault> {
        let unreadable = |cause| FileFault::Unreadable { path: path.to_owned(), cause };
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(FileFault::NotAFile(path.to_owned()));
        }
        self.trusted(path, metadata.uid(), metadata.mode())?;
        let target = self.led_to(path)?;
        if kind == Kind::PrivateKey && metadata.mode() & 0o077 != 0 && !is_credential(&target) {
            let mode = metadata.mode() & 0o7777;
            return Err(FileFault::KeyReadable { path: path.to_owned(), mode });
        }
        self.folders(target.parent().unwrap_or(Path::new("/")))?;
        // of the full size at once: a vector that grows leaves copies of a key behind
        let size = usize::try_from(metadata.len().min(limit)).unwrap_or_default();
        let mut bytes = Vec::with_capacity(size + 1);
        file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limit {
            return Err(FileFault::TooLarge { path: path.to_owned(), limit });
        }
        Ok(bytes)
    }

    /// Where a path leads, without symlinks. Checks the folders of every symlink on the way: whoever may
    /// write one of those decides where it leads.
    ///
    /// # Errors
    /// Something on the way is missing, or somebody else could change where it leads.
    pub fn led_to(&self, path: &Path) -> Result<PathBuf, FileFault> {
        let unreadable = |cause| FileFault::Unreadable { path: path.to_owned(), cause };
        let steps = |path: &Path| -> Vec<OsString> {
            path.components().rev().map(|step| step.as_os_str().to_owned()).collect()
        };
        // the folder of a bare file name
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let mut ahead = steps(&std::path::absolute(path).map_err(unreadable)?);
        let mut here = PathBuf::from("/");
        let mut links = 0;
        while let Some(step) = ahead.pop() {
            if step == "." {
                continue;
            }
            if step == ".." {
                here.pop();
                continue;
            }
            let next = here.join(&step);
            match std::fs::read_link(&next) {
                Ok(_) if links == LINKS_LIMIT => {
                    return Err(unreadable(Errno::LOOP.into()));
                }
                Ok(target) => {
                    links += 1;
                    self.folders(&here)?;
                    ahead.extend(steps(&target));
                }
                // what is no symlink has no target
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => here = next,
                Err(error) => return Err(unreadable(error)),
            }
        }
        Ok(here)
    }

    /// Checks a folder and all above it. A sticky one, such as `/tmp`, may be writable by others: they
    /// cannot replace there what is not theirs. The innermost may not: others could add files to it.
    ///
    /// # Errors
    /// The first folder that somebody else could change.
    pub fn folders(&self, innermost: &Path) -> Result<(), FileFault> {
        const STICKY: u32 = 0o1000;
        for (depth, folder) in innermost.ancestors().enumerate() {
            let unreadable = |cause| FileFault::Unreadable { path: folder.to_owned(), cause };
            let metadata = folder.metadata().map_err(unreadable)?;
            if depth > 0 && metadata.mode() & STICKY != 0 && metadata.uid() == 0 {
                continue;
            }
            self.trusted(folder, metadata.uid(), metadata.mode())?;
        }
        Ok(())
    }

    /// Checks that nobody but root and the owners could have written what has this owner and this mode.
    ///
    /// # Errors
    /// Who could.
    pub fn trusted(&self, path: &Path, uid: u32, mode: u32) -> Result<(), FileFault> {
        if uid != 0 && !self.0.contains(&uid) {
            let owners = self.0.to_vec();
            return Err(FileFault::ForeignOwner { path: path.to_owned(), uid, owners });
        }
        let mode = mode & 0o7777;
        if mode & 0o022 != 0 {
            return Err(FileFault::ForeignWritable { path: path.to_owned(), mode });
        }
        Ok(())
    }
}

/// As [`Owners::led_to`], where our own user is the other owner.
///
/// # Errors
/// As there.
pub fn led_to(path: &Path) -> Result<PathBuf, FileFault> {
    Owners(&[us()]).led_to(path)
}

/// As [`Owners::folders`], where our own user is the other owner.
///
/// # Errors
/// As there.
pub fn folders(innermost: &Path) -> Result<(), FileFault> {
    Owners(&[us()]).folders(innermost)
}

/// As [`Owners::trusted`], where our own user is the other owner.
///
/// # Errors
/// As there.
pub fn trusted(path: &Path, metadata: &Metadata) -> Result<(), FileFault> {
    Owners(&[us()]).trusted(path, metadata.uid(), metadata.mode())
}

/// The user we run as, by number.
pub fn us() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether systemd put it into our credentials folder, whose access it controls itself. An empty
/// variable names no folder, and a way out of the folder is not in it.
fn is_credential(target: &Path) -> bool {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY");
    let folder = folder.and_then(|folder| Path::new(&folder).canonicalize().ok());
    folder.is_some_and(|folder| target.starts_with(folder))
}
