//! A token that is typed, and the way through a proxy.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::rig::{Home, Service};

/// R39: a token that is typed is not shown
#[test]
fn a_token_is_asked_for_on_the_terminal_and_not_shown() {
    let (home, service) = (Home::new(), Service::start());
    let token = service.token(60).to_string();
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let side = || OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let joins = home.command(["join"]);
    let mut apart = Command::new("setsid");
    apart.args(["--ctty", "--wait"]).arg(joins.get_program()).args(joins.get_args());
    apart.env_clear().envs(joins.get_envs().filter_map(|(name, value)| Some((name, value?))));
    apart.stdin(side()).stdout(side()).stderr(side());
    let mut child = apart.spawn().unwrap();
    drop(apart);

    let mut master = File::from(master);
    let until = Instant::now() + Duration::from_secs(20);
    while tcgetattr(&master).unwrap().local_modes.contains(LocalModes::ECHO) {
        assert!(Instant::now() < until, "what is typed is shown");
        thread::yield_now();
    }
    master.write_all(format!("{token}\n").as_bytes()).unwrap();
    let mut shown = Vec::new();
    // the last process's end is an error of the terminal's
    let _ = master.read_to_end(&mut shown);
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{shown}");
    assert!(shown.contains("Token of the invite: "), "{shown}");
    assert!(shown.contains("client       jump01"), "{shown}");
    assert!(!shown.contains(&token[20..40]), "{shown}");
}

/// Lets every CONNECT through; the port, and how many there were.
fn proxy() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for tcp in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || drop(pass(tcp.unwrap())));
        }
    });
    (port, count)
}

fn pass(mut client: TcpStream) -> std::io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?).lines();
    let line = head.next().unwrap()?;
    while head.next().is_some_and(|line| !line.unwrap().is_empty()) {}
    let mut server = TcpStream::connect(line.split(' ').nth(1).unwrap())?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        to.shutdown(std::net::Shutdown::Write)
    });
    std::io::copy(&mut server, &mut client)?;
    client.shutdown(std::net::Shutdown::Write)
}

#[test]
fn the_way_through_a_proxy_is_kept_in_the_profile() {
    let (home, service) = (Home::new(), Service::start());
    let (port, count) = proxy();
    let url = format!("http://127.0.0.1:{port}");
    home.join(&service.token(60), &["--proxy", &url, "--bind", "127.0.0.1"]).good();
    assert_eq!(count.load(Ordering::SeqCst), 2, "to the service and to the gate");
    let configuration = home.configuration();
    assert!(configuration.contains(&format!("proxy = \"{url}\"")), "{configuration}");
    assert!(configuration.contains("bind = \"127.0.0.1\""), "{configuration}");
    home.run(&["renew", "--if-needed"]);
    // of thirty days none is over
    assert_eq!(count.load(Ordering::SeqCst), 2);
    home.joined(&service, -20 * 24..24);
    let text = home.configuration() + &format!("proxy = '{url}'\n");
    std::fs::write(home.folder().join("config.toml"), text).unwrap();
    home.run(&["renew"]).good();
    assert_eq!(count.load(Ordering::SeqCst), 3);
}
