//! `tsmgate` on the far side of a proxy: real ones, and some that are none.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output};
use std::thread;

use tests::program::{Gated, command, have, texts};
use tests::{Scene, SceneOptions, wait};

use crate::client::tsmgate;
use crate::stage::{run, stage};

/// A program that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn listening(mut program: Command, port: u16) -> Ends {
    let ends = Ends(program.spawn().unwrap());
    wait::until_blocking("the proxy", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
    ends
}

/// tinyproxy, for the user anna with the password `Pass-1`, to this port alone.
fn tinyproxy(folder: &Path, to: u16) -> (Ends, u16) {
    let (port, file) = (free_port(), folder.join("tinyproxy.conf"));
    let text = format!(
        "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nAllow 127.0.0.1\n\
         BasicAuth anna Pass-1\nConnectPort {to}\nLogFile \"{}\"\n",
        folder.join("tinyproxy.log").display()
    );
    std::fs::write(&file, text).unwrap();
    let mut program = Command::new("tinyproxy");
    program.arg("-d").arg("-c").arg(&file);
    (listening(program, port), port)
}

/// microsocks, for the same.
fn microsocks() -> (Ends, u16) {
    let port = free_port();
    let mut program = Command::new("microsocks");
    program.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-u", "anna", "-P", "Pass-1"]);
    (listening(program, port), port)
}

fn whoami(scene: &Scene, gated: &Gated, proxy: &str, more: &[&str]) -> Output {
    tsmgate(scene, gated, "jump01", &[&["whoami", "--proxy", proxy], more].concat())
}

fn failed(output: &Output, code: i32, what: &str) {
    let (out, err) = texts(output);
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    assert!(err.contains(what), "{what} in {err}");
    assert!(!err.contains("Pass-1"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_a_gate_leads_through_real_proxies() {
    if !have("tinyproxy", "tinyproxy") || !have("microsocks", "microsocks") {
        return;
    }
    let scene = stage(SceneOptions::api("[\"monitor\", \"login\"]")).await;
    let gated = run(&scene);
    scene.write("proxy-password", "Pass-1\n", 0o600);
    scene.write("wrong-password", "Pass-2\n", 0o600);
    let file = |name: &str| scene.path(name).to_string_lossy().into_owned();
    let (password, wrong) = (file("proxy-password"), file("wrong-password"));
    let (http, http_port) = tinyproxy(&scene.path("."), gated.address().port());
    let (socks, socks_port) = microsocks();
    let mut asked = scene.tsm.counts().calls;
    for proxy in [
        format!("http://anna@127.0.0.1:{http_port}"),
        format!("socks5://anna@127.0.0.1:{socks_port}"),
    ] {
        let good = whoami(&scene, &gated, &proxy, &["--proxy-password-file", &password]);
        let (out, err) = texts(&good);
        assert!(
            good.status.success() && out.contains("client       jump01"),
            "{proxy}: {out}{err}"
        );
        let login = ["login", "--proxy", &proxy, "--proxy-password-file", &password];
        let login = tsmgate(&scene, &gated, "jump01", &login);
        assert!(login.status.success(), "{:?}", texts(&login));
        asked += 1;
        assert_eq!(scene.tsm.counts().calls, asked, "that login, and nobody else's");

        let bad = whoami(&scene, &gated, &proxy, &["--proxy-password-file", &wrong]);
        failed(&bad, 70, ": the proxy ");
        let nobody = whoami(&scene, &gated, &proxy.replace("anna@", ""), &[]);
        failed(&nobody, 70, "password");
    }
    // the port of the gate is the only one that this proxy connects to
    let other = command("tsmgate")
        .args(["whoami", "--gate", "127.0.0.1:1", "--proxy"])
        .arg(format!("http://anna@127.0.0.1:{http_port}"))
        .args(["--proxy-password-file", &password, "--ca", &file("ca.pem")])
        .args(["--cert", &file("client.pem"), "--key", &file("client.key")])
        .output()
        .unwrap();
    failed(&other, 70, "the proxy does not connect to the gate");
    drop((http, socks));
    let gone = whoami(&scene, &gated, &format!("http://127.0.0.1:{http_port}"), &[]);
    failed(&gone, 70, "the proxy cannot be reached: connection refused");
}

/// A listener that answers whatever it hears with this, and then says nothing.
fn answers(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let bytes = bytes.clone();
            thread::spawn(move || {
                let mut heard = [0; 512];
                let _ = stream.read(&mut heard);
                let _ = stream.write_all(&bytes);
                // until the other side has enough
                while stream.read(&mut heard).is_ok_and(|read| read > 0) {}
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_proxy_costs_its_time_and_nothing_else() {
    let scene = stage(SceneOptions::api("[\"monitor\"]")).await;
    let gated = run(&scene);
    let not_connected = "the proxy does not connect to the gate";
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("http", b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec(), not_connected),
        ("http", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), not_connected),
        ("http", [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'y'; 100_000]].concat(), not_connected),
        ("socks5", vec![5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0], not_connected),
        ("socks5", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), not_connected),
    ];
    for (scheme, bytes, said) in cases {
        let port = answers(bytes);
        failed(&whoami(&scene, &gated, &format!("{scheme}://127.0.0.1:{port}"), &[]), 70, said);
    }
    // one that says yes and connects to nobody: what follows is between us and the gate
    let port = answers(b"HTTP/1.1 200 OK\r\n\r\n".to_vec());
    let proxy = format!("http://127.0.0.1:{port}");
    let late = whoami(&scene, &gated, &proxy, &["--timeout", "1s"]);
    failed(&late, 70, "no answer in time while in the TLS handshake");
    let silent = answers(Vec::new());
    let proxy = format!("socks5://127.0.0.1:{silent}");
    let late = whoami(&scene, &gated, &proxy, &["--timeout", "1s"]);
    failed(&late, 70, "no answer in time while connecting through the proxy");
    for (url, said) in [
        ("anna:Pass-1@proxy:1", "not an address of a proxy"),
        ("http://anna:Pass-1@proxy:1", "a proxy's password does not go into its address"),
        ("https://proxy:1", "give http://HOST:PORT"),
        ("http://", "give http://HOST:PORT"),
    ] {
        failed(&whoami(&scene, &gated, url, &[]), 64, said);
    }
    scene.nothing_reached_tsm();
}
