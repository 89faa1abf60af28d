//! Where TSM's controller is, in the lists: an address of the service's own, whatever the callers' are.

use tsmgate_server::config::{Api, ApiTrust};
use tsmgate_server::ip_dropin::controller::Controller;
use tsmgate_server::ip_dropin::{Peers, Unit, text};

use crate::{Installed, networks};

fn controller(host: &str) -> Controller {
    let trust = ApiTrust::Pin([0; 32]);
    Controller::of(Some(&Api { host: host.to_owned(), port: 8850, trust }))
}

/// R25: where TSM's controller is, is in the service's list, by address, and `check` misses it elsewhere
#[test]
fn tsms_controller_is_part_of_the_lists() {
    let (allow, none) = (networks("10.0.0.0/8"), networks(""));
    let list = |section| format!("[{section}]\nIPAddressDeny=any\nIPAddressAllow=10.0.0.0/8\n");
    for (host, words, dropped) in [
        ("localhost", "localhost", Some("127.0.0.0/8")),
        ("LOCALHOST", "localhost", Some("127.0.0.0/8")),
        ("127.0.0.1", "localhost", Some("127.0.0.0/8")),
        ("::1", "localhost", Some("127.0.0.0/8")),
        ("192.0.2.7", "192.0.2.7", Some("192.0.2.7/32")),
        ("2001:db8::7", "2001:db8::7", Some("2001:db8::7/128")),
        ("10.1.2.3", "10.1.2.3", None),
    ] {
        let controller = controller(host);
        assert_eq!(controller.words().join(" "), words, "{host}");
        assert_eq!(controller.warning(), None, "{host}");
        let metrics_on_loopback = false;
        let peers = Peers { allow: &allow, proxies: &none, metrics_on_loopback, controller };
        let installed = Installed::new(&[
            ("etc/tsmgated.socket", &list("Socket")),
            ("etc/tsmgated.service", &list("Service")),
        ]);
        let said = installed.against_peers(&peers);
        assert_eq!(said.len(), usize::from(dropped.is_some()), "{host}: {said:?}");
        if let Some(network) = dropped {
            let says = format!("tsmgated.service drops the packets of {network}, where tsm.api is");
            assert!(said[0].contains(&says), "{said:?}");
        }
        for unit in Unit::ALL {
            let text = text(unit, &peers);
            installed.put(&format!("etc/{}.d/50-allowlist.conf", unit.name()), &text);
        }
        let service = format!("10.0.0.0/8 {words}");
        assert_eq!(installed.lists(Unit::Socket), ("10.0.0.0/8".to_owned(), "any".to_owned()));
        assert_eq!(installed.lists(Unit::Service), (service, "any".to_owned()));
        assert_eq!(installed.against_peers(&peers), Vec::<String>::new());
    }
}

/// R25: a controller whose name nobody knows is said to be missing from the list
#[test]
fn a_controller_that_is_nowhere_is_said() {
    let controller = controller("tsm.invalid");
    assert_eq!(controller, Controller::Unknown("tsm.invalid".to_owned()));
    assert_eq!(controller.warning().unwrap(), "tsm.api: `tsm.invalid` has no address now");
    let none = networks("");
    let metrics_on_loopback = false;
    let peers = Peers { allow: &none, proxies: &none, metrics_on_loopback, controller };
    let text = text(Unit::Service, &peers);
    assert!(text.contains("# tsm.api: tsm.invalid could not be looked up; "), "{text}");
}
