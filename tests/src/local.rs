//! Callers on this host: users and groups that go when a test ends, and connections of theirs.

use std::io;
use std::os::unix::net::UnixStream as Blocking;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use tokio::net::UnixStream;
use tsmgate_wire::Answer;

use crate::program::have;
use crate::{Scene, SceneOptions, peer, wait};

/// Whether users can be made here; else the test is left out.
pub fn can_make_users() -> bool {
    ["useradd", "groupadd"].iter().all(|tool| have(tool, "passwd"))
}

/// A user and a group of this host, both of the same name; they go when the test ends.
#[derive(Debug)]
pub struct User {
    /// What both are called.
    pub name: String,
    /// The user's number.
    pub uid: u32,
}

impl User {
    /// Makes a user, with a group of the same name as a supplementary one.
    ///
    /// # Panics
    /// Where that cannot be done: the test runs as root.
    #[must_use]
    pub fn make() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tsmtest{}x{number}", std::process::id());
        tool("groupadd", &["--system", &name]);
        let shell = ["--shell", "/usr/sbin/nologin", "--gid", "nogroup", "--groups", &name, &name];
        tool("useradd", &[&["--system", "--no-create-home"][..], &shell].concat());
        let uid = nix::unistd::User::from_name(&name).unwrap().unwrap().uid.as_raw();
        Self { name, uid }
    }

    /// Takes the user out of its group.
    pub fn leave_the_group(&self) {
        tool("gpasswd", &["--delete", &self.name, &self.name]);
    }

    /// A program of this user's, with its primary group and no other.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        as_user(self.uid, program)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        for tool in ["userdel", "groupdel"] {
            wait::until_blocking("the end of a user", || {
                let output = Command::new(tool).arg(&self.name).output().ok()?;
                // 10: somebody else is just writing the table
                (!matches!(output.status.code(), Some(1 | 10))).then_some(())
            });
        }
    }
}

/// Runs a tool that writes the tables of users; others may do so at the same time.
fn tool(name: &str, arguments: &[&str]) {
    wait::until_blocking(name, || {
        let output = Command::new(name).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() || said.contains("lock"), "{name}: {said}");
        output.status.success().then_some(())
    });
}

/// A program as the user of a number, with the group `nogroup` and no other.
#[must_use]
pub fn as_user(uid: u32, program: &str) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program);
    command.uid(uid).gid(NOGROUP).current_dir("/");
    command
}

const NOGROUP: u32 = 65534;

/// A connection of the user of a number. Made on a thread that became that user: credentials are a
/// thread's, and a socket has those of who connected it.
///
/// # Errors
/// As the system's.
pub async fn connect_as(uid: u32, socket: &Path) -> io::Result<UnixStream> {
    let socket = socket.to_owned();
    let connected = std::thread::spawn(move || {
        let (user, group) = (Uid::from_raw(uid), Gid::from_raw(NOGROUP));
        set_thread_groups(&[])?;
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)?;
        Blocking::connect(socket)
    });
    let stream = tokio::task::spawn_blocking(|| connected.join()).await?.expect("a thread")?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// Connects as the user of a number, calls `login` once, and gives the answer.
///
/// # Errors
/// As the gate makes them; an end without an answer is `UnexpectedEof`.
pub async fn login_as(uid: u32, socket: &Path) -> io::Result<Answer> {
    let mut stream = connect_as(uid, socket).await?;
    peer::call(&mut stream, 1).await
}

/// A `[[local]]` entry: `who` is `user = \"…\"` or `group = \"…\"`, `roles` TOML.
#[must_use]
pub fn entry(who: &str, roles: &str) -> String {
    format!("[[local]]\n{who}\nroles = {roles}\n")
}

impl SceneOptions {
    /// The same with a local socket ([`Scene::local_socket`]), and these entries behind all others.
    #[must_use]
    pub fn with_local(self, entries: &str) -> Self {
        let listen = format!("{}\nlocal = \"run/local.sock\"", self.listen);
        let mut files = self.files;
        files.push(("run/.here".into(), String::new()));
        Self { listen, files, rest: format!("{}{entries}", self.rest), ..self }
    }
}

impl Scene {
    /// The scene's local socket, which others can reach from now on.
    ///
    /// # Panics
    /// Where the scene's folder cannot be opened.
    pub fn local_socket(&self) -> std::path::PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let open = || std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.path(""), open()).unwrap();
        self.path("run/local.sock")
    }
}
