//! Address lists for systemd's packet filter: what is printed, how installed ones are read, and where they
//! and the configuration differ.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

mod controller;

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tsmgate_gate::network::Networks;
use tsmgate_server::ip_dropin::controller::Controller;
use tsmgate_server::ip_dropin::disagreement::disagreements;
use tsmgate_server::ip_dropin::installed::Lists;
use tsmgate_server::ip_dropin::prefix::{Prefix, dropped};
use tsmgate_server::ip_dropin::write::{WriteFault, Written, write};
use tsmgate_server::ip_dropin::{MADE_BY, Peers, Unit, text};

fn networks(words: &str) -> Networks {
    words.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// Folders in systemd's order, `etc` before `run` before `lib`, with these files.
struct Installed(tempfile::TempDir);

impl Installed {
    fn new(files: &[(&str, &str)]) -> Self {
        let installed = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            installed.put(name, text);
        }
        installed
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn folders(&self) -> Vec<PathBuf> {
        ["etc", "run", "lib"].map(|name| self.0.path().join(name)).to_vec()
    }

    fn lists(&self, unit: Unit) -> (String, String) {
        let lists = Lists::of(unit, &self.folders());
        let words = |entries: &[tsmgate_server::ip_dropin::installed::Entry]| {
            entries.iter().map(|entry| entry.word.clone()).collect::<Vec<_>>().join(" ")
        };
        (words(&lists.allow), words(&lists.deny))
    }

    /// The disagreements with `admission.allow`, without the name of the temporary folder.
    fn against(&self, allow: &str) -> Vec<String> {
        let allow = networks(allow);
        let proxies = Networks::default();
        let peers = Peers {
            allow: &allow,
            proxies: &proxies,
            metrics_on_loopback: false,
            controller: Controller::None,
        };
        self.against_peers(&peers)
    }

    fn against_peers(&self, peers: &Peers<'_>) -> Vec<String> {
        let root = format!("{}/", self.0.path().display());
        let lines = disagreements(peers, &self.folders());
        lines.into_iter().map(|line| line.replace(&root, "")).collect()
    }
}

/// R25: what is printed lets through whom the configuration lists and nobody else, in both units
#[test]
fn the_printed_lists_say_what_the_configuration_says() {
    let none = Networks::default();
    let cases = [
        ("10.20.1.0/24", "", false, "10.20.1.0/24", ""),
        ("10.20.1.7 2001:db8::/32", "", false, "10.20.1.7/32 2001:db8::/32", ""),
        ("10.0.0.0/8 10.20.1.0/24 10.0.0.0/8", "", false, "10.0.0.0/8", ""),
        ("10.20.1.0/24", "10.9.0.2", false, "10.20.1.0/24 10.9.0.2/32", ""),
        ("10.20.1.0/24", "", true, "10.20.1.0/24", "localhost"),
        ("127.0.0.1", "", false, "127.0.0.1/32", ""),
        ("", "", false, "", ""),
    ];
    for (allow, proxies, metrics_on_loopback, expected, more) in cases {
        let (allow, proxies) = (networks(allow), networks(proxies));
        let peers = Peers {
            allow: &allow,
            proxies: &proxies,
            metrics_on_loopback,
            controller: Controller::None,
        };
        let installed = Installed::new(&[]);
        for unit in Unit::ALL {
            let text = text(unit, &peers);
            assert!(text.starts_with(MADE_BY), "{text}");
            assert_eq!(text.contains("nobody\n"), allow.is_empty(), "{text}");
            installed.put(&format!("etc/{}.d/50-allowlist.conf", unit.name()), &text);
        }
        let both = [expected, more].join(" ");
        assert_eq!(installed.lists(Unit::Socket), (expected.to_owned(), "any".to_owned()));
        assert_eq!(installed.lists(Unit::Service), (both.trim().to_owned(), "any".to_owned()));
        // what is printed is what `check` wants to see
        assert_eq!(installed.against_peers(&peers), Vec::<String>::new());
    }
    let peers = Peers {
        allow: &none,
        proxies: &none,
        metrics_on_loopback: false,
        controller: Controller::None,
    };
    assert!(!text(Unit::Socket, &peers).contains("IPAddressAllow=localhost"));
}

/// R25: lists are read as systemd reads them: order of folders and names, resets, keywords, bad words
#[test]
fn installed_lists_are_read_as_systemd_reads_them() {
    let unit = ("lib/tsmgated.socket", "[Socket]\nIPAddressAllow=1.1.1.1\n");
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[unit], "1.1.1.1"),
        (&[unit, ("etc/tsmgated.socket", "[Socket]\nIPAddressAllow=2.2.2.2\n")], "2.2.2.2"),
        (&[unit, ("etc/tsmgated.socket", "")], ""),
        (
            &[unit, ("run/tsmgated.socket.d/a.conf", "[Socket]\nIPAddressAllow=3.3.3.3 4.4.4.4")],
            "1.1.1.1 3.3.3.3 4.4.4.4",
        ),
        (
            &[
                unit,
                (
                    "run/tsmgated.socket.d/a.conf",
                    "[Socket]\nIPAddressAllow=\nIPAddressAllow=3.3.3.3",
                ),
            ],
            "3.3.3.3",
        ),
        // by name, whatever the folder; and the same name counts once
        (
            &[
                ("etc/tsmgated.socket.d/b.conf", "[Socket]\nIPAddressAllow=2.2.2.2"),
                ("lib/tsmgated.socket.d/a.conf", "[Socket]\nIPAddressAllow=1.1.1.1"),
                ("lib/tsmgated.socket.d/b.conf", "[Socket]\nIPAddressAllow=9.9.9.9"),
                ("etc/socket.d/b.conf", "[Socket]\nIPAddressAllow=8.8.8.8"),
                ("etc/socket.d/c.conf", "[Socket]\nIPAddressAllow=3.3.3.3"),
            ],
            "1.1.1.1 2.2.2.2 3.3.3.3",
        ),
        (&[("etc/tsmgated.socket.d/a.txt", "[Socket]\nIPAddressAllow=1.1.1.1")], ""),
        (&[("etc/tsmgated.socket.d/a.conf", "[Service]\nIPAddressAllow=1.1.1.1")], ""),
        (&[("etc/tsmgated.socket.d/a.conf", "IPAddressAllow=1.1.1.1")], ""),
        (
            &[(
                "etc/tsmgated.socket.d/a.conf",
                "[Socket]\nipaddressallow=1.1.1.1\nIPAddress=2.2.2.2",
            )],
            "",
        ),
        (
            &[(
                "etc/tsmgated.socket.d/a.conf",
                "[Socket]\n#IPAddressAllow=1.1.1.1\n; IPAddressAllow=1.1.1.1\n IPAddressAllow = 2.2.2.2 \\\n\
             # between\n  3.3.3.3\n",
            )],
            "2.2.2.2 3.3.3.3",
        ),
        (&[unit, ("etc/system.slice", "[Slice]\nIPAddressAllow=5.5.5.5")], "5.5.5.5 1.1.1.1"),
        (&[unit, ("etc/-.slice.d/a.conf", "[Slice]\nIPAddressAllow=5.5.5.5")], "5.5.5.5 1.1.1.1"),
    ];
    for (files, allow) in cases {
        assert_eq!(Installed::new(files).lists(Unit::Socket).0, *allow, "{files:?}");
    }
    let masked = Installed::new(&[unit, ("etc/x", "")]);
    std::os::unix::fs::symlink("/dev/null", masked.0.path().join("etc/tsmgated.socket")).unwrap();
    assert_eq!(masked.lists(Unit::Socket).0, "");
}

#[test]
fn words_are_read_as_systemd_reads_them() {
    let cases = [
        ("any", "0.0.0.0/0 ::/0"),
        ("localhost", "127.0.0.0/8 ::1/128"),
        ("link-local", "169.254.0.0/16 fe80::/64"),
        ("multicast", "224.0.0.0/4 ff00::/8"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("::ffff:10.0.0.0/104", "::ff00:0:0/104"),
        ("Any", ""),
        ("foo", ""),
        ("10.0.0.0/33", ""),
        ("10.0.0.0/+8", ""),
        ("10.0.0.0/", ""),
        ("10.0.0.0/255.0.0.0", ""),
        ("[::1]", ""),
        ("fe80::1%eth0", ""),
        ("\"10.0.0.1\"", ""),
        ("10.0.0.1,", ""),
    ];
    for (word, expected) in cases {
        let read: Vec<_> = Prefix::of_word(word).iter().map(ToString::to_string).collect();
        let read = read.join(" ");
        // Rust writes a mapped network in its own way
        assert!(read == expected || word.contains("ffff"), "{word}: {read}");
        assert_eq!(read.is_empty(), expected.is_empty(), "{word}");
    }
}

/// R25: what check says: which network, which file and line, dropped or let through
#[test]
fn disagreements_name_network_file_and_line() {
    let list = |section: &str, allow: &str| {
        format!("# a\n[{section}]\nIPAddressDeny=any\nIPAddressAllow={allow}\n")
    };
    let both = |socket: &str, service: &str| {
        Installed::new(&[
            ("lib/tsmgated.socket", "[Socket]\n"),
            ("lib/tsmgated.service", "[Service]\n"),
            ("etc/tsmgated.socket.d/50-allowlist.conf", &list("Socket", socket)),
            ("etc/tsmgated.service.d/50-allowlist.conf", &list("Service", service)),
        ])
    };
    let socket = "etc/tsmgated.socket.d/50-allowlist.conf";
    let drops = "drops the packets of";
    let cases: &[(&str, &str, &str, &[&[&str]])] = &[
        ("10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8", &[]),
        ("10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/9 10.128.0.0/9", &[]),
        ("10.0.0.0/9 10.128.0.0/9", "10.0.0.0/8", "10.0.0.0/8", &[]),
        ("any", "any", "0.0.0.0/0 ::/0", &[]),
        ("10.0.0.0/8", "10.0.0.0/8 localhost", "10.0.0.0/8", &[]),
        (
            "10.0.0.0/8",
            "10.0.0.0/8",
            "10.0.0.0/8 192.168.1.0/24",
            &[
                &[socket, ":3: tsmgated.socket", drops, "192.168.1.0/24, which", "print-ip-dropin"],
                &[":3: tsmgated.service", drops, "192.168.1.0/24, which"],
            ],
        ),
        (
            "10.0.0.0/9",
            "10.0.0.0/8",
            "10.0.0.0/8",
            &[&["tsmgated.socket", drops, "10.0.0.0/8 (at least of 10.128.0.0/9)"]],
        ),
        (
            "10.0.0.0/8 10.9.0.1 11.0.0.0/8",
            "10.0.0.0/8",
            "10.0.0.0/8",
            &[&[socket, ":4: tsmgated.socket lets 11.0.0.0/8 through", "harmless"]],
        ),
        (
            "10.0.0.0/8 foo\u{1b}",
            "10.0.0.0/8",
            "10.0.0.0/8",
            &[&[socket, ":4: `foo\\u{1b}` is no address", "leaves it out"]],
        ),
        (
            "::ffff:10.0.0.0/104",
            "10.0.0.0/8",
            "10.0.0.0/8",
            &[&[":3:", drops, "10.0.0.0/8"], &[":4:", "lets ::ffff:10.0.0.0/104", "harmless"]],
        ),
    ];
    for (socket, service, allow, expected) in cases {
        let said = both(socket, service).against(allow);
        assert_eq!(said.len(), expected.len(), "{socket} | {service} | {allow}: {said:#?}");
        for (line, parts) in said.iter().zip(*expected) {
            assert!(parts.iter().all(|part| line.contains(part)), "{parts:?}: {line}");
        }
    }
}

/// R25: a list in one unit of the two does not do what it looks like
#[test]
fn a_list_in_one_unit_alone_is_named() {
    let deny = "[Service]\nIPAddressDeny=any\nIPAddressAllow=10.0.0.0/8\n";
    let installed = Installed::new(&[("etc/tsmgated.service", deny)]);
    assert_eq!(installed.against("10.0.0.0/8"), Vec::<String>::new(), "there is no socket unit");
    installed.put("etc/tsmgated.socket", "[Socket]\n");
    let said = installed.against("10.0.0.0/8");
    assert_eq!(said.len(), 1, "{said:?}");
    let parts = ["etc/tsmgated.service:2: only tsmgated.service", "that systemd passes in"];
    assert!(parts.iter().all(|part| said[0].contains(part)), "{said:?}");

    let deny = deny.replace("Service", "Socket");
    let installed = Installed::new(&[("etc/tsmgated.socket", &deny), ("lib/tsmgated.service", "")]);
    let said = installed.against("10.0.0.0/8");
    assert!(said.len() == 1 && said[0].contains("only tsmgated.socket"), "{said:?}");

    // the slice above both: recommended by systemd's manual, and dangerous without lists below it
    let installed = Installed::new(&[
        ("lib/tsmgated.socket", "[Socket]\n"),
        ("lib/tsmgated.service", "[Service]\n"),
        ("etc/system.slice.d/deny.conf", "[Slice]\nIPAddressDeny=any\n"),
    ]);
    let said = installed.against("10.0.0.0/8");
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].starts_with("etc/system.slice.d/deny.conf:2: tsmgated.socket drops"),
        "{said:?}"
    );
    assert_eq!(Installed::new(&[]).against("10.0.0.0/8"), Vec::<String>::new());
}

/// R25: metrics and balancers count too
#[test]
fn metrics_and_balancers_are_part_of_the_comparison() {
    let list = |section| format!("[{section}]\nIPAddressDeny=any\nIPAddressAllow=10.0.0.0/8\n");
    let installed = Installed::new(&[
        ("etc/tsmgated.socket", &list("Socket")),
        ("etc/tsmgated.service", &list("Service")),
    ]);
    let (allow, balancers, none) = (networks("10.0.0.0/8"), networks("172.16.0.2"), networks(""));
    let said = installed.against_peers(&Peers {
        allow: &allow,
        proxies: &none,
        metrics_on_loopback: true,
        controller: Controller::None,
    });
    assert!(said.len() == 1 && said[0].contains("metrics.listen"), "{said:?}");
    let said = installed.against_peers(&Peers {
        allow: &allow,
        proxies: &balancers,
        metrics_on_loopback: false,
        controller: Controller::None,
    });
    assert!(said.len() == 2 && said[0].contains("drops the packets of 172.16.0.2/32"), "{said:?}");
}

/// R43: what cannot be read, or has no end, is named and bounded
#[test]
fn odd_files_are_named_and_bounded() {
    let many: String =
        (0..5000).map(|n| format!("IPAddressAllow=10.{}.{}.0/24\n", n / 250, n % 250)).collect();
    let installed = Installed::new(&[
        ("etc/tsmgated.socket", &format!("[Socket]\nIPAddressDeny=any\n{many}")),
        ("etc/tsmgated.socket.d/folder.conf/x", ""),
        ("etc/tsmgated.service", &format!("[Service]\n{}", "# filler\n".repeat(40_000))),
    ]);
    let said = installed.against("10.0.0.0/8");
    for name in ["etc/tsmgated.socket:", "folder.conf:", "etc/tsmgated.service:"] {
        assert!(
            said.iter().any(|line| line.contains(name) && line.contains("not read")),
            "{said:#?}"
        );
    }
    let foreign: String = (0..100).map(|n| format!("IPAddressAllow=11.0.{n}.0/24\n")).collect();
    let installed = Installed::new(&[(
        "etc/tsmgated.socket",
        &format!("[Socket]\nIPAddressDeny=any\n{foreign}"),
    )]);
    let said = installed.against("");
    assert_eq!(said.len(), 21, "{said:#?}");
    assert!(said[20].contains("and 80 more"), "{said:#?}");
}

/// R25: files are written whole, again only where they changed, and never over somebody else's
#[test]
fn drop_ins_are_written_and_replaced_but_not_over_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (socket, service) =
        (path("tsmgated.socket.d/50-allowlist.conf"), path("tsmgated.service.d/50-allowlist.conf"));
    let none = Networks::default();
    let put = |allow: &str| {
        let allow = networks(allow);
        write(
            folder.path(),
            &Peers {
                allow: &allow,
                proxies: &none,
                metrics_on_loopback: false,
                controller: Controller::None,
            },
        )
    };
    let both = |how: fn(PathBuf) -> Written| vec![how(socket.clone()), how(service.clone())];
    assert_eq!(put("10.0.0.0/8").unwrap(), both(Written::Anew));
    assert_eq!(put("10.0.0.0/8").unwrap(), both(Written::Unchanged));
    assert_eq!(put("11.0.0.0/8").unwrap(), both(Written::Anew));
    let content = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert!(content(&socket).contains("IPAddressAllow=11.0.0.0/8\n"));
    let entries = std::fs::read_dir(path("tsmgated.socket.d")).unwrap().count();
    assert_eq!(entries, 1, "something was left behind");

    std::fs::write(&service, "[Service]\nIPAddressAllow=1.1.1.1\n").unwrap();
    assert!(matches!(put("12.0.0.0/8"), Err(WriteFault::Foreign(path)) if path == service));
    assert!(content(&socket).contains("11.0.0.0/8"), "one of the two was written");
    assert!(content(&service).contains("1.1.1.1"));
    std::fs::remove_file(&service).unwrap();
    std::os::unix::fs::symlink("/dev/null", &service).unwrap();
    assert!(matches!(put("12.0.0.0/8"), Err(WriteFault::Foreign(_))));
    let missing = folder.path().join("missing");
    let peers = Peers {
        allow: &none,
        proxies: &none,
        metrics_on_loopback: false,
        controller: Controller::None,
    };
    assert!(matches!(write(&missing, &peers), Err(WriteFault::Unwritable { .. })));
}

/// Few bits, so that lists meet.
fn prefix() -> impl Strategy<Value = Prefix> {
    (0_u32..16, 0_u8..=4, any::<bool>()).prop_map(|(bits, length, v6)| match v6 {
        true => {
            Prefix::new(std::net::Ipv6Addr::from(u128::from(bits) << 124).into(), length).unwrap()
        }
        false => Prefix::new(std::net::Ipv4Addr::from(bits << 28).into(), length).unwrap(),
    })
}

proptest! {
    /// R25: the answer about a network is that about each of its parts, allowed before denied
    #[test]
    fn a_network_is_dropped_where_one_of_its_parts_is(
        network in prefix(),
        allow in prop::collection::vec(prefix(), 0..5),
        deny in prop::collection::vec(prefix(), 0..5),
    ) {
        let v4 = (0_u32..16).map(|bits| Prefix::new(std::net::Ipv4Addr::from(bits << 28).into(), 4));
        let v6 = (0_u128..16).map(|bits| Prefix::new(std::net::Ipv6Addr::from(bits << 124).into(), 4));
        let holds = |list: &[Prefix], part: &Prefix| list.iter().any(|entry| entry.covers(part));
        let lost = v4.chain(v6).map(Option::unwrap).any(|part| {
            network.covers(&part) && !holds(&allow, &part) && holds(&deny, &part)
        });
        let found = dropped(network, &allow, &deny);
        prop_assert_eq!(found.is_some(), lost);
        if let Some(part) = found {
            prop_assert!(network.covers(&part) && holds(&deny, &part));
            prop_assert!(!allow.iter().any(|entry| entry.covers(&part) || part.covers(entry)));
        }
    }
}
