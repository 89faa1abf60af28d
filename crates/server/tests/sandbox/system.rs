//! Sockets, processes and users; what is inherited, and what is said of it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{User, getppid};
use tsmgate_server::config;
use tsmgate_server::sandbox::{Sandbox, Surroundings};

use crate::room::{Room, denied};

/// R56: no TCP connection and no port from in here; a port that was bound before goes on
#[test]
fn tcp_is_what_was_bound_before() {
    let room = Room::new("");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let Some(inside) = room.enter() else { return };
    denied(inside.does(move || TcpStream::connect(address)), "connecting");
    denied(inside.does(|| TcpListener::bind("127.0.0.1:0")), "binding");
    let mut caller = TcpStream::connect(address).unwrap();
    caller.write_all(b"hello").unwrap();
    let mut heard = [0; 5];
    inside
        .does(move || {
            let (mut arrival, _) = listener.accept()?;
            arrival.read_exact(&mut heard).map(|()| heard)
        })
        .map(|heard| assert_eq!(&heard, b"hello"))
        .unwrap();
}

const PIN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// R56: the port of TSM's controller is connected to, at whatever address, and no other; none is bound
#[test]
fn tsms_port_is_the_one_that_is_connected_to() {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [tsm, other] = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
    let room = Room::new("");
    room.configure_tsm(&format!(
        "api = \"https://localhost:{}\"\napi_certificate_sha256 = \"{PIN}\"",
        tsm.port()
    ));
    let Some(inside) = room.enter() else { return };
    assert!(inside.does(move || TcpStream::connect(tsm)).is_ok());
    let named = ("localhost", tsm.port());
    assert!(inside.does(move || TcpStream::connect(named)).is_ok(), "looked up from in here");
    denied(inside.does(move || TcpStream::connect(other)), "another port");
    denied(inside.does(|| TcpListener::bind("127.0.0.1:0")), "binding");
    assert!(inside.level.is_full(), "{}", inside.level);
}

/// R56, R53: a reload that needs another port asks for a restart; one that needs none does not
#[test]
fn another_port_takes_a_restart() {
    let room = Room::new("");
    let Some(_) = room.enter() else { return };
    let file = room.path("etc/tsmgated.toml");
    let api = |port: u16| {
        format!("api = \"https://localhost:{port}\"\napi_certificate_sha256 = \"{PIN}\"")
    };
    let holds = |sandbox: &Sandbox, tsm: &str| {
        room.configure_tsm(tsm);
        sandbox.holds(&config::load(&file).unwrap(), &file)
    };
    let outside = |port: u16| {
        let what = "of tsm.api, is outside of what the sandbox allows";
        Err(format!("restart needed: port {port}, {what}"))
    };
    let without = room.sandbox();
    assert_eq!(holds(&without, &api(8850)), outside(8850));
    let with = room.sandbox();
    assert_eq!(holds(&with, &api(8850)), Ok(()));
    assert_eq!(holds(&with, &api(8850).replace("localhost", "tsm.example")), Ok(()));
    assert_eq!(holds(&with, &api(8851)), outside(8851));
    assert_eq!(holds(&with, ""), Ok(()));
    assert_eq!(holds(&Sandbox::none(), &api(8851)), Ok(()));
}

/// R56: TSM's socket is reached after TSM made it and its folder anew, although neither is granted
#[test]
fn a_unix_socket_elsewhere_is_reached_also_when_made_anew() {
    let room = Room::new("");
    let Some(inside) = room.enter() else { return };
    for life in ["first", "second", "third"] {
        let _ = fs::remove_dir_all(room.path("tsm"));
        fs::create_dir(room.path("tsm")).unwrap();
        let tsm = UnixListener::bind(room.path("tsm/login")).unwrap();
        let path = room.path("tsm/login");
        let mut ours = inside.does(move || UnixStream::connect(path)).unwrap();
        ours.write_all(b"?").unwrap();
        let mut heard = [0; 1];
        tsm.accept().unwrap().0.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"?", "{life}");
    }
}

/// R56: no other process is sent a signal, and an abstract socket is reached only where systemd has one
#[test]
fn other_processes_are_out_of_reach() {
    let room = Room::new("");
    let name = format!("tsmgate-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _notified = UnixListener::bind_addr(&address).unwrap();
    let Some(inside) = room.enter() else { return };
    assert_eq!(kill(getppid(), None), Ok(()), "from outside");
    assert_eq!(inside.does(|| kill(getppid(), None)), Err(Errno::EPERM));
    let abstractly = address.clone();
    let reached = inside.does(move || UnixStream::connect_addr(&abstractly));
    denied(reached, "an abstract socket");

    let notify = Surroundings { abstract_notify: true, ..Surroundings::default() };
    let inside = room.enter_in(&notify).unwrap();
    assert!(inside.does(move || UnixStream::connect_addr(&address)).is_ok());
    assert_eq!(inside.does(|| kill(getppid(), None)), Err(Errno::EPERM));
}

/// R56: users' names are looked up from in here, those that exist and those that do not
#[test]
fn users_can_be_looked_up() {
    let room = Room::new("");
    let Some(inside) = room.enter() else { return };
    // not root: a module of systemd's knows that one without looking
    let daemon = inside.does(|| User::from_name("daemon")).unwrap().unwrap();
    assert_eq!(daemon.uid.as_raw(), 1);
    assert!(inside.does(|| User::from_name("no-such-user-here")).unwrap().is_none());
}

/// R56: what is started from in here is in here, and gains no privilege
#[test]
fn threads_inherit_it_and_no_new_privileges() {
    let room = Room::new("");
    let Some(inside) = room.enter() else { return };
    let path = room.path("outside/secret");
    let read = inside.does(move || std::thread::spawn(move || fs::read(path)).join().unwrap());
    denied(read, "from a thread of a thread");
    assert!(inside.does(|| rustix::thread::no_new_privs().unwrap()));
    assert!(!rustix::thread::no_new_privs().unwrap(), "not the thread outside");
    std::thread::spawn(|| {
        tsmgate_server::process::forbid_new_privileges().unwrap();
        assert!(rustix::thread::no_new_privs().unwrap());
    })
    .join()
    .unwrap();
}

/// R56: how much is enforced is said; so are a folder that is not there, and one that is everything
#[test]
fn the_level_says_what_is_enforced() {
    let room = Room::new("");
    let Some(inside) = room.enter() else { return };
    let level = inside.level.to_string();
    assert!(level.starts_with("landlock ABI ") && level.ends_with(", fully enforced"), "{level}");
    assert!(inside.level.is_full());

    room.configure("revocation_list = \"../later/a.crl\"");
    let level = room.enter().unwrap().level.clone();
    let later = room.path("later").display().to_string();
    assert!(level.to_string().contains(&format!("{later} is not there and not granted")));
    assert!(level.is_full());

    room.configure("revocation_list = \"/clients.crl\"");
    let level = room.enter().unwrap().level.clone();
    assert!(level.to_string().contains("a configured file lies directly in /"), "{level}");
    assert!(!level.is_full());
}
