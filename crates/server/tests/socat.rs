//! The old `socat` line: what is read from it, what is not, and that the configuration made from it loads.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use tsmgate_server::config::{self, Config};
use tsmgate_server::socat::advice::advice;
use tsmgate_server::socat::configuration::configuration;
use tsmgate_server::socat::{LINE_LIMIT, LineFault, Listens, OldLine, read};

const SOCKET: &str = "/var/run/tableau/tab-controller-login-8850";

/// Loads a configuration as `tsmgated check` would.
fn load(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tsmgated.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    config::load(&path).unwrap_or_else(|fault| panic!("{fault}\n{text}"))
}

/// What the comments say to fill in, filled in.
fn filled(text: &str) -> String {
    let examples =
        ["# allow", "# [[client]]", "# name", "# identity", "# roles", "# revocation_list"];
    let fill = |line: &str| {
        if line == "allow = []" {
            return String::new();
        }
        match examples.iter().any(|example| line.starts_with(example)) {
            true => format!("{}\n", &line[2..]),
            false => format!("{line}\n"),
        }
    };
    text.lines().map(fill).collect()
}

fn old(line: &str) -> OldLine {
    read(line).unwrap_or_else(|fault| panic!("{line}: {fault}"))
}

/// R55: the forms in which people have the line, and where each listened
#[test]
fn a_line_is_understood_in_each_form() {
    let tcp = |address: &str, port| Listens::Tcp(address.parse().unwrap(), port);
    let v4 = tcp("0.0.0.0", 9999);
    let v6 = tcp("::", 9999);
    let cases = [
        ("socat TCP-LISTEN:9999,fork,reuseaddr UNIX-CONNECT:@", v4),
        ("socat tcp-listen:9999,fork,reuseaddr unix-connect:@", v4),
        ("socat TCP4-LISTEN:9999,fork UNIX-CLIENT:@", v4),
        ("socat TCP4-L:9999,fork UNIX:@", v4),
        ("socat TCP6-LISTEN:9999,fork UNIX:@", v6),
        ("socat TCP-LISTEN:9999,pf=ip6,fork UNIX:@", v6),
        ("socat -6 TCP-LISTEN:9999,fork UNIX:@", v6),
        ("socat -4 TCP6-LISTEN:9999,fork UNIX:@", v6),
        ("socat TCP-LISTEN:9999,bind=127.0.0.1,fork @", tcp("127.0.0.1", 9999)),
        ("socat TCP6-LISTEN:9999,bind=[2001:db8::5] @", tcp("2001:db8::5", 9999)),
        ("socat TCP6-LISTEN:9999,bind=[::ffff:10.0.0.5] @", tcp("10.0.0.5", 9999)),
        ("socat OPENSSL-LISTEN:9999,cert=/a.pem,cafile=/ca.pem UNIX-CONNECT:@", v4),
        ("socat UNIX-CONNECT:@ TCP-LISTEN:9999,fork", v4),
        ("/usr/bin/socat -d -d -lf /var/log/socat.log TCP-LISTEN:9999 UNIX-CONNECT:@", v4),
        ("socat -dd -lf/var/log/s.log -t5 -T 60 -b4096 TCP-L:9999 @", v4),
        ("sudo -u tableau socat TCP-LISTEN:9999 UNIX-CONNECT:@", v4),
        ("  nohup sudo socat TCP-LISTEN:9999,fork UNIX-CONNECT:@ >/dev/null 2>&1 &", v4),
        ("# socat TCP-LISTEN:9999 UNIX-CONNECT:@", v4),
        ("ExecStart=/usr/bin/socat TCP-LISTEN:9999,fork UNIX-CONNECT:@", v4),
        ("ExecStart=-/usr/bin/socat -d TCP-LISTEN:9999,fork UNIX-CONNECT:@", v4),
        ("ExecStart=@/usr/bin/socat bridge TCP-LISTEN:9999 UNIX-CONNECT:@", v4),
        ("ExecStart = /usr/bin/socat \\\n  TCP-LISTEN:9999,fork \\\n  UNIX-CONNECT:@", v4),
        ("[Service]\nUser=tableau\nExecStart=/usr/bin/socat TCP-LISTEN:9999 UNIX-CONNECT:@\n", v4),
        ("sh -c 'socat TCP-LISTEN:9999,fork UNIX-CONNECT:@'", v4),
        ("su - tableau -c \"socat TCP-LISTEN:9999,fork UNIX-CONNECT:'@'\"", v4),
        ("socat \"TCP-LISTEN:9999,fork\" 'UNIX-CONNECT:\"@\"'", v4),
        (
            "socat TCP-LISTEN:$PORT UNIX-CONNECT:@",
            Listens::TcpSomewhere("0.0.0.0".parse().unwrap()),
        ),
        ("socat TCP-LISTEN:tsm UNIX-CONNECT:@", Listens::TcpSomewhere("0.0.0.0".parse().unwrap())),
        (
            "socat TCP-LISTEN:99999 UNIX-CONNECT:@",
            Listens::TcpSomewhere("0.0.0.0".parse().unwrap()),
        ),
        ("socat - UNIX-CONNECT:@", Listens::Nowhere),
        ("socat STDIO UNIX-CONNECT:@", Listens::Nowhere),
        ("socat UNIX-LISTEN:/tmp/tsm,mode=666,fork UNIX-CONNECT:@", Listens::Nowhere),
        ("socat UDP-LISTEN:9999 UNIX-CONNECT:@", Listens::Nowhere),
    ];
    for (line, listens) in cases {
        let line = line.replace('@', if line.contains("=@") { "@" } else { SOCKET });
        let line = line.replace("UNIX-CONNECT:@", &format!("UNIX-CONNECT:{SOCKET}"));
        let old = old(&line);
        assert_eq!(old.listens, listens, "{line}");
        assert_eq!(old.socket.as_deref(), Some(SOCKET), "{line}");
        let config = load(&configuration(&old));
        assert_eq!(config.tsm.login.path.to_str(), Some(SOCKET), "{line}");
        assert_eq!(config.listen.port(), 18850, "{line}");
        if let Listens::Tcp(address, _) | Listens::TcpSomewhere(address) = listens {
            assert_eq!(config.listen.ip(), address, "{line}");
        }
        assert!(config.clients.is_empty(), "it opened the gate: {line}");
        let filled = load(&filled(&configuration(&old)));
        assert_eq!(filled.clients[0].name, "jump01", "{line}");
        assert!(!filled.allow.is_empty() && filled.tls.revocation_lists.len() == 1, "{line}");
    }
}

/// R55: whom the old line let in becomes the allowlist, if it can be said in numbers
#[test]
fn a_range_becomes_the_allowlist() {
    let cases = [
        ("range=10.0.0.0/8", Some("10.0.0.0/8")),
        ("range=10.0.0.0:255.0.0.0", Some("10.0.0.0/8")),
        ("range=10.1.2.3/8", Some("10.0.0.0/8")),
        ("range=10.1.2.3:255.255.255.255", Some("10.1.2.3/32")),
        ("range=[2001:db8::1]/32", Some("2001:db8::/32")),
        ("range=0.0.0.0/0", None),
        ("range=0.0.0.0:0.0.0.0", None),
        ("range=10.0.0.0:255.0.255.0", None),
        ("range=10.0.0.0/33", None),
        ("range=10.0.0.0", None),
        ("range=jump.example.com/32", None),
        ("range=2001:db8::/32", None),
        ("range=[::ffff:10.0.0.0]/104", None),
        ("range=10.0.0.0/8,range=11.0.0.0/8", None),
        ("fork", None),
    ];
    for (options, network) in cases {
        let old = old(&format!("socat TCP-LISTEN:9999,{options} UNIX-CONNECT:{SOCKET}"));
        assert_eq!(old.range.map(|range| range.to_string()).as_deref(), network, "{options}");
        let config = load(&configuration(&old));
        let allow: Vec<_> = config.allow.iter().map(ToString::to_string).collect();
        assert_eq!(allow, network.into_iter().collect::<Vec<_>>(), "{options}");
        let said = advice(&old).join("\n");
        let carried =
            network.is_some() || options == "fork" || options.starts_with("range=0.0.0.0");
        assert_eq!(
            said.contains("not understood: the option `range="),
            !carried,
            "{options}: {said}"
        );
    }
}

/// R55: what made a line unsafe is named, and what did not is not
#[test]
fn dangers_are_named() {
    let tls = "OPENSSL-LISTEN:9999,cert=/c.pem,";
    let cases: &[(String, &[&str], &[&str])] = &[
        (
            "TCP-LISTEN:9999,fork".into(),
            &["danger: no TLS", "danger: no certificate", "danger: no `range=`"],
            &["verify", "root"],
        ),
        ("TCP-LISTEN:9999,range=10.0.0.0/8".into(), &["danger: no TLS"], &["danger: no `range="]),
        ("TCP-LISTEN:9999,range=0.0.0.0/0".into(), &["every address", "danger: no `range="], &[]),
        ("TCP-LISTEN:9999,bind=127.0.0.1".into(), &["danger: no TLS"], &["danger: no `range="]),
        ("TCP-LISTEN:9999,su=root".into(), &["danger: it ran as root"], &[]),
        ("TCP-LISTEN:9999,su=tableau".into(), &["note: `su=tableau`"], &["danger: it ran as root"]),
        (format!("{tls}verify=0"), &["danger: verify=0"], &["no TLS", "not understood"]),
        (format!("{tls}verify=1"), &["danger: no cafile="], &["verify=0", "no TLS"]),
        (format!("{tls}cafile=/ca.pem"), &["`cafile=/ca.pem`"], &["no cafile", "verify=0"]),
        (format!("{tls}key=/k.pem"), &["`/k.pem`", "`/c.pem`"], &["not understood"]),
        ("UNIX-LISTEN:/tmp/x,mode=0666".into(), &["danger: the socket `/tmp/x`"], &["no TLS"]),
    ];
    for (listener, said, unsaid) in cases {
        let text = advice(&old(&format!("socat {listener} UNIX-CONNECT:{SOCKET}"))).join("\n");
        assert!(said.iter().all(|part| text.contains(part)), "{listener}: {said:?}\n{text}");
        assert!(!unsaid.iter().any(|part| text.contains(part)), "{listener}: {unsaid:?}\n{text}");
    }
    for (front, root) in [
        ("sudo socat", true),
        ("sudo -n -u root socat", true),
        ("sudo --user=root socat", true),
        ("sudo -u tableau socat", false),
        ("socat", false),
    ] {
        let text = advice(&old(&format!("{front} TCP-L:9999 {SOCKET}"))).join("\n");
        assert_eq!(text.contains("it ran as root"), root, "{front}: {text}");
    }
    for option in ["-v", "-x", "-r /tmp/dump", "-R/tmp/dump"] {
        let text = advice(&old(&format!("socat {option} TCP-L:9999 {SOCKET}"))).join("\n");
        assert!(text.contains("cookies and all"), "{option}: {text}");
    }
}

/// R55: what is not understood is named and not carried over
#[test]
fn what_is_not_understood_is_named() {
    let cases = [
        ("socat TCP-LISTEN:9999,frok UNIX-CONNECT:@", "the option `frok`"),
        ("socat TCP-LISTEN:9999,bind=eth0 UNIX-CONNECT:@", "the option `bind=eth0`"),
        ("socat TCP-LISTEN:9999,bind=10.0.0.1,bind=10.0.0.2 UNIX-CONNECT:@", "`bind=10.0.0.2`"),
        ("socat --frob TCP-LISTEN:9999 UNIX-CONNECT:@", "socat's option `--frob`"),
        ("socat -u TCP-LISTEN:9999 UNIX-CONNECT:@", "socat's option `-u`"),
        ("socat UDP-LISTEN:9999 UNIX-CONNECT:@", "`UDP-LISTEN:9999` is no TCP listener"),
        ("socat EXEC:/bin/x UNIX-CONNECT:@", "`EXEC:/bin/x` is no TCP listener"),
        ("socat - UNIX-CONNECT:@", "standard input"),
        ("socat TCP-LISTEN:$PORT UNIX-CONNECT:@", "the port `$PORT`"),
        ("socat TCP-LISTEN:9999 UNIX-CONNECT:$SOCKET", "the socket's path `$SOCKET`"),
        ("socat TCP-LISTEN:9999 UNIX-CONNECT:run/x", "the socket's path `run/x`"),
        ("taskset -c 1 socat TCP-LISTEN:9999 UNIX-CONNECT:@", "front of `socat`: `taskset -c 1`"),
        ("socat TCP-L:1 UNIX:@; socat TCP-L:2 UNIX:@", "more than one `socat`"),
        ("sh -c 'socat TCP-L:1 UNIX:@'", "the shell or `su` around"),
    ];
    for (line, named) in cases {
        let old = old(&line.replace('@', SOCKET));
        let said = advice(&old);
        let found =
            said.iter().any(|line| line.starts_with("not understood") && line.contains(named));
        assert!(found, "{line}: {said:#?}");
        load(&configuration(&old));
    }
    let bound = old(&format!("socat TCP-L:9999,bind=10.0.0.1,bind=10.0.0.2 {SOCKET}"));
    assert_eq!(bound.listens, Listens::Tcp("0.0.0.0".parse().unwrap(), 9999), "one was guessed");
}

/// R55: a line that opens no Unix socket is refused with a hint
#[test]
fn what_is_no_bridge_to_a_socket_is_refused() {
    let none = "connects to a Unix socket";
    let cases = [
        ("", "no `socat`"),
        ("ssh -L 9999:/x host", "no `socat`"),
        ("socatt TCP-L:1 UNIX:/x", "no `socat`"),
        ("socat", "the line has 0"),
        ("socat -V", "the line has 0"),
        ("socat TCP-LISTEN:9999,fork", "the line has 1"),
        ("socat TCP-LISTEN:9999 , fork UNIX:/x", "the line has 4"),
        ("socat 'TCP-LISTEN:9999 UNIX:/x", "quote"),
        ("socat TCP-LISTEN:9999 TCP:host:9999", none),
        ("socat TCP-LISTEN:9999 UNIX-CONNECT:", none),
        ("socat UNIX-LISTEN:/tmp/x,fork TCP:tsm:9999", "`tsmgate login` replaces"),
        ("socat TCP-L:9999 EXEC:'socat - UNIX:/x'", "starts a program for each connection"),
        ("socat TCP-L:9999 SYSTEM:\"sudo socat - UNIX:/x\"", "starts a program"),
        ("socat TCP-L:9999 'UNIX:/x!!STDOUT'", "an address for each direction"),
        ("socat TCP-L:9999 ABSTRACT-CONNECT:x", none),
        ("socat UNIX:/a UNIX:/b", "both sides"),
    ];
    for (line, hint) in cases {
        let fault = read(line).unwrap_err().to_string();
        assert!(fault.contains(hint), "{line}: {fault}");
    }
    let long = format!("socat TCP-LISTEN:1 UNIX:/{}", "x".repeat(LINE_LIMIT));
    assert_eq!(read(&long), Err(LineFault::TooLong));
}

/// R55: which port, which firewall rule, what to stop
#[test]
fn the_advice_names_port_rule_and_what_to_stop() {
    let text = |listener: &str| {
        let old = old(&format!("socat {listener} UNIX-CONNECT:{SOCKET}"));
        (configuration(&old), advice(&old).join("\n"))
    };
    let (file, said) = text("TCP-LISTEN:9999,bind=10.0.0.5,range=10.0.0.0/8");
    for part in [
        "close: the firewall's rule for TCP port 9999, address 10.0.0.5",
        "ufw status numbered",
        "--remove-port=9999/tcp",
        "nft -a list ruleset | grep -w 9999",
        "sport = :9999",
        "systemctl disable --now UNIT",
        "ufw allow proto tcp from 10.0.0.0/8 to any port 18850",
        "tsmgate pki init",
        "[[client]]",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(
        file.contains("8000 to 9000") && file.contains("address = \"10.0.0.5:18850\""),
        "{file}"
    );
    assert!(file.contains("write: address = \"10.0.0.5:9999\""), "{file}");
    let (file, said) = text("TCP-LISTEN:18850");
    assert!(file.contains("end socat before tsmgated starts"), "{file}");
    assert!(said.contains("the rule stays for tsmgated"), "{said}");
    let (file, _) = text("TCP-LISTEN:8851");
    assert!(file.contains("TSM may want that port itself"), "{file}");
    let (file, said) = text("TCP-LISTEN:9999,bind=127.0.0.1");
    assert!(file.contains("Only this host itself") && said.contains("ssh -L"), "{file}{said}");
    assert!(!said.contains("ufw delete"), "{said}");
    let (file, _) = text("TCP-LISTEN:443");
    assert!(file.contains("below 1024"), "{file}");
}

/// R43: what the line holds reaches no terminal and no file as it is
#[test]
fn a_hostile_line_is_escaped_and_bounded() {
    let path = "/run/a\"]\u{202e}\\\\ö 😀";
    let old = old(&format!("socat TCP-L:9999,a\u{1b}[2J\u{7}=\u{202e} 'UNIX:{path}'"));
    let (file, said) = (configuration(&old), advice(&old).join("\n"));
    assert!(!(file.clone() + &said).contains(['\u{1b}', '\u{7}', '\u{202e}']), "{file:?}{said:?}");
    let socket = load(&file).tsm.login.path;
    assert_eq!(socket.to_str(), Some("/run/a]\u{202e}\\ö 😀"), "socat takes its own quotes away");
    let long = format!("socat TCP-L:9999,{} UNIX:/x", "o,".repeat(1900));
    let said = advice(&read(&long).unwrap());
    assert!(said.iter().all(|line| line.len() < 1024), "{said:#?}");
}

/// Pieces of lines, so that chance meets more than refusals.
fn line() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "socat",
        "sudo",
        "-u",
        "ExecStart=/usr/bin/socat",
        "TCP-LISTEN:9999",
        "tcp6-l:1",
        "OPENSSL-LISTEN:443",
        "UNIX-CONNECT:/x",
        "UNIX:/run/tableau/a",
        "/a/b",
        "-",
        "EXEC:'a b'",
        ",",
        ",fork",
        ",range=10.0.0.0/8",
        ",range=[::1]/128",
        ",bind=::1",
        ",su=root",
        ",verify=0",
        "=",
        ":",
        "'",
        "\"",
        "\\",
        "\n",
        "&",
        ">",
        "$X",
        "!!",
        "[",
        "]",
        "-d",
        "-lf",
        "\u{1b}",
        "\u{202e}",
        "ö",
    ]);
    let piece = prop_oneof![8 => piece.prop_map(str::to_owned), 1 => ".{0,6}"];
    let chance =
        prop::collection::vec((piece, prop::bool::weighted(0.4)), 0..24).prop_map(|pieces| {
            pieces
                .into_iter()
                .map(|(text, blank)| text + if blank { " " } else { "" })
                .collect::<String>()
        });
    let bridge = ("[ -~]{0,20}", "[^\u{0}]{0,20}").prop_map(|(options, path)| {
        let options = options.replace([' ', '\'', '"', '\\', ';', '&', '|', '<', '>', '#'], "");
        format!("socat TCP-LISTEN:9999,{options} 'UNIX-CONNECT:/{}'", path.replace('\'', ""))
    });
    prop_oneof![chance, bridge, ".*"]
}

proptest! {
    /// R43: no line makes it panic, and each gives a file that loads and stays closed, or a hint
    #[test]
    fn any_line_gives_a_file_that_loads_or_a_hint(line in line()) {
        match read(&line) {
            Ok(old) => {
                let text = configuration(&old);
                prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
                prop_assert!(load(&text).clients.is_empty());
                load(&filled(&text));
                for said in advice(&old) {
                    prop_assert!(!said.chars().any(char::is_control), "{said:?}");
                }
            }
            Err(fault) => prop_assert!(fault.to_string().len() > 20),
        }
    }
}
