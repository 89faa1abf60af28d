//! A folder with everything a configuration names, and a thread that is sent into the sandbox with it.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use tempfile::TempDir;
use tsmgate_server::config;
use tsmgate_server::sandbox::{Folders, Level, Sandbox, Surroundings, enter};

/// The folder.
pub(crate) struct Room {
    folder: TempDir,
}

impl Room {
    /// With these lines after `[tls]`, `[tsm]` and `[audit]`; `ROOM` in them is its path.
    pub(crate) fn new(rest: &str) -> Self {
        let room = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["run", "run2"] {
            fs::create_dir(room.path(folder)).unwrap();
        }
        let client = "[[client]]\nname = \"one\"\nidentity = \"URI:one\"\nroles = []\n";
        room.write("etc/clients.d/one.toml", client);
        for name in ["tls/server.pem", "tls/server.key", "tls/client-ca.pem", "lists/a.crl"] {
            room.write(name, "");
        }
        for name in ["secret", "outside/secret", "tsm/secret"] {
            room.write(name, "");
        }
        room.write("log/audit.jsonl", "one\n");
        room.configure_with("", rest);
        room
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path in it without symlinks, as folders are named.
    pub(crate) fn real(&self, name: &str) -> PathBuf {
        let room = self.folder.path().canonicalize().unwrap();
        if name.is_empty() { room } else { room.join(name) }
    }

    /// Writes a file, and makes its folder.
    pub(crate) fn write(&self, name: &str, contents: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// Another configuration, with these lines in `[tls]`.
    pub(crate) fn configure(&self, tls: &str) {
        self.configure_with(tls, "");
    }

    /// Another configuration, with these lines in `[tsm]`.
    pub(crate) fn configure_tsm(&self, tsm: &str) {
        self.configure_all("", tsm, "");
    }

    /// Another configuration, with these lines in `[tls]` and these at the end.
    pub(crate) fn configure_with(&self, tls: &str, rest: &str) {
        self.configure_all(tls, "", rest);
    }

    fn configure_all(&self, tls: &str, tsm: &str, rest: &str) {
        let tls = if tls.is_empty() { "revocation_list = \"../lists/a.crl\"" } else { tls };
        let audit = "[audit]\nfile = \"../log/audit.jsonl\"\n";
        let audit = if rest.contains("[audit]") { "" } else { audit };
        let text = format!(
            "[tls]\ncertificate = \"../tls/server.pem\"\nprivate_key = \"../tls/server.key\"\n\
             client_authority = \"../tls/client-ca.pem\"\n{tls}\n\
             [tsm]\nlogin_socket = \"../tsm/login\"\nsocket_owners = [\"root\", \"0\"]\n{tsm}\n{audit}{rest}"
        );
        self.write("etc/tsmgated.toml", &text.replace("ROOM", self.path("").to_str().unwrap()));
    }

    /// The folders of its configuration as it is now.
    pub(crate) fn folders(&self) -> Folders {
        self.folders_in(&Surroundings::default())
    }

    /// What a daemon on its configuration has of its sandbox; the thread that entered it is gone.
    pub(crate) fn sandbox(&self) -> Sandbox {
        let file = self.path("etc/tsmgated.toml");
        let config = config::load(&file).unwrap();
        std::thread::spawn(move || Sandbox::for_config(&config, &file)).join().unwrap()
    }

    fn folders_in(&self, surroundings: &Surroundings) -> Folders {
        let file = self.path("etc/tsmgated.toml");
        Folders::in_surroundings(&config::load(&file).unwrap(), &file, surroundings)
    }

    /// Sends a thread into the sandbox; `None`, and said so, where this kernel cannot hold it there.
    pub(crate) fn enter(&self) -> Option<Inside> {
        self.enter_in(&Surroundings::default())
    }

    /// The same in another environment.
    pub(crate) fn enter_in(&self, surroundings: &Surroundings) -> Option<Inside> {
        let inside = Inside::enter(self.folders_in(surroundings));
        let level = inside.level.to_string();
        if ["partly enforced", "has no landlock", "switched off"]
            .iter()
            .any(|it| level.contains(it))
        {
            assert!(std::env::var_os("REQUIRE_ALL").is_none(), "{level}");
            eprintln!("LEFT OUT: the sandbox of this kernel: {level}");
            return None;
        }
        assert!(level.contains("fully enforced"), "{level}");
        Some(inside)
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// A thread in the sandbox.
pub(crate) struct Inside {
    /// What the kernel made of it.
    pub(crate) level: Level,
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Inside {
    fn enter(folders: Folders) -> Self {
        let (jobs, given) = channel::<Job>();
        let (say, level) = channel();
        let thread = std::thread::spawn(move || {
            say.send(enter(&folders)).unwrap();
            for job in given {
                job();
            }
        });
        Self { level: level.recv().unwrap(), jobs: Some(jobs), thread: Some(thread) }
    }

    /// Has it do something.
    pub(crate) fn does<T: Send + 'static>(&self, what: impl FnOnce() -> T + Send + 'static) -> T {
        let (say, answer) = channel();
        let job = move || say.send(what()).unwrap();
        self.jobs.as_ref().unwrap().send(Box::new(job)).unwrap();
        answer.recv().unwrap()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.jobs = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// That the kernel refused it for want of a right.
pub(crate) fn denied<T>(done: std::io::Result<T>, what: &str) {
    match done {
        Ok(_) => panic!("{what}: it was allowed"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{what}"),
    }
}
