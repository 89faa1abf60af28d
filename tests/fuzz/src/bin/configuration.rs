//! The configuration, as text: refused with a place, or checked, with nothing in it that could not be.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use fuzz::is_visible;
use tsmgate_server::config::{self, Config};

static FILE: LazyLock<PathBuf> = LazyLock::new(|| fuzz::folder().join("tsmgated.toml"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).expect("the folder can be written");
    match config::load(&FILE) {
        Ok(config) => holds(&config),
        Err(fault) => {
            let said = fault.to_string();
            let beside_paths = 3 * FILE.as_os_str().len();
            assert!(is_visible(&said), "{said:?}");
            assert!(said.len() < tsmgate_text::TEXT_LIMIT + 64 + beside_paths, "{said}");
        }
    }
});

fn holds(config: &Config) {
    let counts = &config.admission;
    let connections = [counts.connections, counts.connections_per_source, config.tsm.connections];
    let unproven = [counts.unproven, counts.unproven_per_source];
    for count in connections.into_iter().chain(unproven) {
        assert!((1..=65_536).contains(&count), "{count}");
    }
    assert!(config.proxies.iter().all(|network| !network.is_wider_than(8, 32)));
    let (login, http, command) = (&config.login, &config.http, &config.command);
    for time in [
        config.handshake_timeout,
        config.stop_grace,
        login.first_byte,
        login.idle,
        login.call,
        login.lifetime,
        http.header,
        http.idle,
        http.call,
        http.lifetime,
        command.run,
        command.run_most,
    ] {
        assert!(!time.is_zero() && time.as_secs() <= 7 * 24 * 3600, "{time:?}");
    }
    assert!(command.run <= command.run_most && login.per_connection > 0);
    for (place, client) in config.clients.iter().enumerate() {
        let same = |other: &&tsmgate_gate::policy::Client| other.name == client.name;
        assert_eq!(config.clients.iter().position(|other| same(&other)), Some(place));
        assert!(is_visible(&client.name) && !client.name.is_empty());
    }
    assert!(config.tsm.login.owners.iter().any(|_| true), "somebody may answer there");
    for warning in &config.warnings {
        assert!(is_visible(warning), "{warning:?}");
    }
}
