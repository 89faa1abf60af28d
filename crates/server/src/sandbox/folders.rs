//! Which folders the sandbox leaves us, and for what: those the configuration names, and what looking
//! up a user's name takes; and the one port that may be connected to, which is TSM's.
//!
//! Folders and never files: a rule binds what stands there now, and a certificate renewed by rename is
//! another file. For the same reason a folder that is not there cannot be granted, and its parent is
//! not granted in its place: that could be all of /var. A reload that needs it asks for a restart.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use landlock::{AccessFs, BitFlags, make_bitflags};

use crate::config::{CLIENTS_FOLDER, Config, MetricsAddress};
use crate::credentials;

type Rights = BitFlags<AccessFs>;

const READ: Rights = make_bitflags!(AccessFs::{ReadFile | ReadDir});
/// The audit's: files are begun, lengthened, cut, put aside and removed. Not moved to other folders.
const WRITE: Rights = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | RemoveFile
});
/// A service's own: folders are made in it as well.
const KEEP: Rights = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | RemoveFile | MakeDir
});
/// Unix sockets are made, and removed at the end.
const SOCKETS: Rights = make_bitflags!(AccessFs::{MakeSock | RemoveFile});

/// What `getpwnam` opens, with its modules: the name of a TSM user is looked up at each reload, a local caller and
/// his groups when he connects. `/etc`
/// as a whole, because `passwd` is replaced by rename. Modules that ask a daemon do so over Unix sockets;
/// one that asks the network itself finds no one from in here.
const NAMES: &[&str] = &[
    "/etc",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/run/systemd/userdb",
    "/run/userdb",
    "/run/host/userdb",
    "/usr/local/lib/userdb",
    "/var/lib/extrausers",
    "/var/lib/sss/mc",
];

/// No file is behind more symlinks; the kernel's own limit (path_resolution(7)).
const LINKS_LIMIT: usize = 40;

/// What the service manager tells the process in its environment.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `$CREDENTIALS_DIRECTORY`: files handed over.
    pub credentials: Option<PathBuf>,
    /// `$RUNTIME_DIRECTORY`: folders for sockets.
    pub runtime: Vec<PathBuf>,
    /// `$NOTIFY_SOCKET` is an abstract one, which has no path.
    pub abstract_notify: bool,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        let named = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let runtime = named("RUNTIME_DIRECTORY");
        let abstractly = |socket: &OsStr| socket.as_encoded_bytes().starts_with(b"@");
        Self {
            credentials: named("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            runtime: runtime.iter().flat_map(std::env::split_paths).collect(),
            abstract_notify: named("NOTIFY_SOCKET").is_some_and(|socket| abstractly(&socket)),
        }
    }
}

/// Where a resolver says whom it asks; often a symlink into a folder of its own.
const RESOLVER: &str = "/etc/resolv.conf";

/// The folders, each with what is done there, and the port.
#[derive(Debug, Clone)]
pub struct Folders {
    folders: Vec<Folder>,
    abstract_notify: bool,
    /// Of `tsm.api`, at whatever address: the kernel's rules know ports alone.
    port: Option<u16>,
}

#[derive(Debug, Clone)]
struct Folder {
    /// Without symlinks, as far as it is there.
    path: PathBuf,
    rights: Rights,
    /// What a rule binds: device and inode; `None` where it is not there.
    bound: Option<Bound>,
    /// The configuration cannot be loaded without it; the others are granted where they are there.
    needed: bool,
}

type Bound = (u64, u64);

impl Folders {
    /// What this configuration, read from `config_file`, and this process need.
    pub fn of(config: &Config, config_file: &Path) -> Self {
        Self::in_surroundings(config, config_file, &Surroundings::of_process())
    }

    /// The same with another environment than the process's own.
    pub fn in_surroundings(
        config: &Config,
        config_file: &Path,
        surroundings: &Surroundings,
    ) -> Self {
        let mut folders = Self::of_file(config_file);
        folders.abstract_notify = surroundings.abstract_notify;
        let read = [Self::of_credentials(config), Self::of_enrolled(config)];
        for Folder { path, rights, needed, .. } in read.into_iter().flat_map(|all| all.folders) {
            folders.add(&path, rights, needed);
        }
        if let Some(credentials) = &surroundings.credentials {
            folders.add(credentials, READ, false);
        }
        folders.add(parent(&config.audit.file), WRITE, true);
        if let Some(MetricsAddress::Unix(socket)) = &config.metrics {
            folders.add(parent(socket), SOCKETS, true);
        }
        if let Some(socket) = &config.local_socket {
            folders.add(parent(socket), SOCKETS, true);
        }
        for folder in &surroundings.runtime {
            folders.add(folder, SOCKETS, false);
        }
        for folder in NAMES {
            folders.add(Path::new(folder), READ, false);
        }
        if let Some(api) = &config.tsm.api {
            folders.port = Some(api.port);
            let (folder, on_the_way) = folders_of(Path::new(RESOLVER));
            for folder in on_the_way.iter().chain([&folder]) {
                folders.add(folder, READ, false);
            }
        }
        folders
    }

    /// What a service beside the gate needs, in the surroundings of this process: files that it reads again, the
    /// file of its audit, and folders that it keeps.
    pub fn of_service(reads: &[&Path], audit: &Path, keeps: &[&Path]) -> Self {
        let mut folders = Self::none();
        folders.abstract_notify = Surroundings::of_process().abstract_notify;
        reads.iter().for_each(|file| folders.add_of(file));
        folders.add(parent(audit), WRITE, true);
        keeps.iter().for_each(|folder| folders.add(folder, KEEP, true));
        folders
    }

    /// What the configuration file and those of `clients.d` need, whatever they say.
    pub(super) fn of_file(config_file: &Path) -> Self {
        let mut folders = Self::none();
        folders.add_of(config_file);
        let clients = parent(config_file).join(CLIENTS_FOLDER);
        if clients.is_dir() {
            folders.add(&clients, READ, true);
        }
        for entry in clients.read_dir().into_iter().flatten().flatten() {
            folders.add_of(&entry.path());
        }
        folders
    }

    /// What certificates, key and lists need.
    pub(super) fn of_credentials(config: &Config) -> Self {
        let mut folders = Self::none();
        credentials::files_of(config).iter().for_each(|file| folders.add_of(file));
        folders
    }

    /// What who joined and who is out need: the folder, and with it all that is ever made in it.
    pub(super) fn of_enrolled(config: &Config) -> Self {
        let mut folders = Self::none();
        if let Some(enrolment) = &config.enrolment {
            folders.add(&enrolment.folder, READ, true);
        }
        folders
    }

    fn none() -> Self {
        Self { folders: Vec::new(), abstract_notify: false, port: None }
    }

    fn add_of(&mut self, file: &Path) {
        let (folder, on_the_way) = folders_of(file);
        self.add(&folder, READ, true);
        for folder in on_the_way {
            self.add(&folder, READ, false);
        }
    }

    fn add(&mut self, path: &Path, rights: Rights, needed: bool) {
        let path = real(path);
        let bound = bound(&path);
        match self.folders.iter_mut().find(|folder| folder.path == path) {
            Some(folder) => {
                folder.rights |= rights;
                folder.needed |= needed;
            }
            None => self.folders.push(Folder { path, rights, bound, needed }),
        }
    }

    /// What a rule is made for.
    pub(super) fn granted(&self) -> impl Iterator<Item = (&Path, BitFlags<AccessFs>)> {
        let there = self.folders.iter().filter(|folder| folder.bound.is_some());
        there.map(|folder| (folder.path.as_path(), folder.rights))
    }

    /// The folders of the configuration that are not there.
    pub(super) fn absent(&self) -> Vec<PathBuf> {
        let absent = self.folders.iter().filter(|folder| folder.needed && folder.bound.is_none());
        absent.map(|folder| folder.path.clone()).collect()
    }

    /// The port that may be connected to, at whatever address; `None`: none.
    pub(super) fn port(&self) -> Option<u16> {
        self.port
    }

    pub(super) fn hold_everything(&self) -> bool {
        self.folders.iter().any(|folder| folder.path == Path::new("/"))
    }

    pub(super) fn notify_abstractly(&self) -> bool {
        self.abstract_notify
    }

    /// What `other`, made of a configuration read anew, needs and a sandbox of these folders does not
    /// give. As the kernel sees it: a folder beneath a granted one is granted too, and one that was
    /// removed and made anew since is another.
    pub fn missing(&self, other: &Self) -> Vec<PathBuf> {
        let needed = other.folders.iter().filter(|folder| folder.needed);
        let missing = needed.filter(|folder| {
            let above = folder.path.ancestors().filter_map(bound);
            let given = above.map(|bound| self.given(bound)).fold(Rights::empty(), |a, b| a | b);
            !given.contains(folder.rights)
        });
        missing.map(|folder| folder.path.clone()).collect()
    }

    fn given(&self, bound: Bound) -> Rights {
        let here = self.folders.iter().filter(|folder| folder.bound == Some(bound));
        here.map(|folder| folder.rights).fold(Rights::empty(), |a, b| a | b)
    }
}

/// What the kernel would bind a rule to. Nothing but folders: a rule for a file would end with it.
fn bound(path: &Path) -> Option<Bound> {
    let metadata = path.metadata().ok().filter(std::fs::Metadata::is_dir)?;
    Some((metadata.dev(), metadata.ino()))
}

/// Without symlinks and dots, as far as it is there.
fn real(path: &Path) -> PathBuf {
    // the folder of a bare file name
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = path.ancestors().find_map(|above| {
        let rest = path.strip_prefix(above).ok()?;
        let above = above.canonicalize().ok()?;
        Some(if rest.as_os_str().is_empty() { above } else { above.join(rest) })
    });
    real.unwrap_or(path)
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// The folder a file is in; and where symlinks lead there, the folders in which they stand, so that a
/// renewal may swap a link as well as replace a file. A symlink to a folder counts where it stays within
/// the folder it stands in (`current -> releases/7`): for one that leads elsewhere (`/var/run -> /run`)
/// half of the system would be granted.
fn folders_of(file: &Path) -> (PathBuf, Vec<PathBuf>) {
    let mut on_the_way = Vec::new();
    let mut file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    for _ in 0..LINKS_LIMIT {
        let folder = parent(&file).to_owned();
        on_the_way.extend(folder.ancestors().filter_map(swapped_within));
        let Ok(target) = file.read_link() else { break };
        file = folder.join(target);
        on_the_way.push(folder);
    }
    (parent(&file).to_owned(), on_the_way)
}

/// The folder in which a symlink to a folder stands, where that holds what it leads to.
fn swapped_within(link: &Path) -> Option<PathBuf> {
    link.read_link().ok()?;
    let stands_in = link.parent()?.canonicalize().ok()?;
    let leads_to = link.canonicalize().ok()?;
    let within = stands_in != Path::new("/") && leads_to.starts_with(&stands_in);
    within.then_some(stands_in)
}
