//! The files as systemd reads them, without running any: no complaint, a tight sandbox, and what they
//! say is what the program takes for granted.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::program::{built, have, texts};
use tsmgate_server::config::raw::{AUDIT_FILE, CONFIG_FILE, LISTEN_ADDRESS, PRIVATE_KEY};

use crate::machine::units;
use crate::{root, shipped};

/// The units in a folder of their own, with the programs where they were built: `verify` looks for them.
fn copies(of: &str, folder: &Path) -> Vec<PathBuf> {
    let renew = shipped("systemd/tsmgate-renew");
    let copy = |unit: &PathBuf| {
        let text = std::fs::read_to_string(unit).unwrap();
        let text = text
            .replace("/usr/bin/tsmgated", built("tsmgated").to_str().unwrap())
            .replace("/usr/bin/tsmgate forward", &format!("{} forward", built("tsmgate").display()))
            .replace("/usr/bin/tsmgate renew", &format!("{} renew", built("tsmgate").display()))
            .replace("/usr/bin/tsmgate-runner", built("tsmgate-runner").to_str().unwrap())
            .replace("/usr/bin/tsmgate-authority", built("tsmgate-authority").to_str().unwrap())
            .replace("/usr/lib/tsmgate/tsmgate-renew", renew.to_str().unwrap());
        let path = folder.join(unit.file_name().unwrap());
        std::fs::write(&path, text).unwrap();
        path
    };
    units(&shipped(of)).iter().map(copy).collect()
}

#[test]
fn systemd_has_nothing_to_say_about_the_units() {
    if !have("systemd-analyze", "systemd") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let units = copies("systemd", folder.path());
    assert!(units.len() >= 10, "{units:?}");
    // a misspelt directive is a message, and exit code 0
    let output = Command::new("systemd-analyze").arg("verify").args(&units).output().unwrap();
    assert_eq!(texts(&output), (String::new(), String::new()));
    assert!(output.status.success(), "{}", output.status);

    // and it would have
    let misspelt = folder.path().join("misspelt.service");
    let text = std::fs::read_to_string(folder.path().join("tsmgated.service")).unwrap();
    std::fs::write(&misspelt, text.replace("ProtectHome=", "ProtectHomes=")).unwrap();
    let output = Command::new("systemd-analyze").arg("verify").arg(&misspelt).output().unwrap();
    assert!(texts(&output).1.contains("ProtectHomes"), "{output:?}");
}

#[test]
fn systemd_has_nothing_to_say_about_the_units_of_a_user() {
    if !have("systemd-analyze", "systemd") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let units = copies("systemd/user", folder.path());
    assert_eq!(units.len(), 4, "{units:?}");
    let output = Command::new("systemd-analyze")
        .args(["--user", "verify"])
        .args(&units)
        .env("XDG_RUNTIME_DIR", folder.path())
        .output()
        .unwrap();
    assert_eq!(texts(&output), (String::new(), String::new()));
    assert!(output.status.success(), "{}", output.status);
}

/// R56: the units leave no more exposed than they must; that of the runner has room for Java.
#[test]
fn the_exposure_is_at_most_1_3() {
    if !have("systemd-analyze", "systemd") {
        return;
    }
    for unit in [
        "systemd/tsmgated.service",
        "systemd/tsmgate-runner.service",
        "systemd/tsmgate-authority.service",
        "systemd/tsmgate-forward.service",
    ] {
        let output = Command::new("systemd-analyze")
            .args(["--no-pager", "security", "--offline=true"])
            .arg(shipped(unit))
            .output()
            .unwrap();
        let (table, complaints) = texts(&output);
        assert_eq!(complaints, "");
        let line = table.lines().find(|line| line.contains("Overall exposure level")).unwrap();
        let figure = line.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        println!("{line}");
        assert!(figure.parse::<f64>().unwrap() <= 1.3, "{table}");
    }
}

/// The value of a directive.
fn directive(unit: &str, name: &str) -> String {
    let text = std::fs::read_to_string(shipped("systemd").join(unit)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    line.unwrap_or_else(|| panic!("{unit} has no {name}")).to_owned()
}

#[test]
fn the_units_say_what_the_program_takes_for_granted() {
    let service = |name| directive("tsmgated.service", name);
    assert_eq!(directive("tsmgated.socket", "ListenStream"), LISTEN_ADDRESS);
    assert_eq!(service("LoadCredential"), format!("server.key:{PRIVATE_KEY}"));
    assert_eq!(format!("/var/log/{}/audit.jsonl", service("LogsDirectory")), AUDIT_FILE);
    assert_eq!(CONFIG_FILE, "/etc/tsmgate/tsmgated.toml", "tmpfiles.conf makes another folder");
    let sample = std::fs::read_to_string(shipped("systemd/tsmgated.toml")).unwrap();
    let sample: toml::Table = sample.parse().unwrap();
    let grace = sample["stop"]["grace"].as_str().unwrap().trim_end_matches('s');
    let stop: u32 = service("TimeoutStopSec").parse().unwrap();
    assert!(stop >= 2 * grace.parse::<u32>().unwrap(), "systemd would kill what may still finish");
}

#[test]
fn the_units_of_the_runner_say_what_the_program_takes_for_granted() {
    use tsmgate_runner::config::raw;
    let service = |name| directive("tsmgate-runner.service", name);
    let socket = |name| directive("tsmgate-runner.socket", name);
    assert_eq!(socket("ListenStream"), raw::SOCKET);
    assert_eq!([socket("SocketGroup").as_str()], raw::USERS);
    assert_eq!(format!("/var/lib/{}", service("StateDirectory")), raw::STATE);
    assert_eq!(service("BindReadOnlyPaths"), format!("-{}", raw::CONFIG_FILE));
    assert_eq!(service("User"), "tsmgate-runner", "sysusers.conf makes another");
    // it outlives the gate, and the gate's folder does not
    let gates = directive("tsmgated.service", "RuntimeDirectory");
    assert!(!raw::SOCKET.starts_with(&format!("/run/{gates}/")));
}

#[test]
fn the_unit_of_the_authority_says_what_the_program_takes_for_granted() {
    use tsmgate_authority::config::raw;
    let service = |name| directive("tsmgate-authority.service", name);
    let state = format!("/var/lib/{}", service("StateDirectory"));
    assert_eq!(
        (format!("{state}/pki"), format!("{state}/gate")),
        (raw::FOLDER.into(), raw::PUBLISHED.into())
    );
    assert_eq!(service("StateDirectoryMode"), "0755", "the gate reads a folder in it");
    assert_eq!(service("LoadCredential"), format!("ca.key:{}/ca.key", raw::FOLDER));
    assert_eq!(format!("/var/log/{}/audit.jsonl", service("LogsDirectory")), raw::AUDIT_FILE);
    // whose folder the configuration is in, and nobody's keys or records
    assert_eq!(service("SupplementaryGroups"), "tsmgate");
    let text = std::fs::read_to_string(shipped("systemd/tsmgate-authority.service")).unwrap();
    assert!(text.contains("InaccessiblePaths=-/var/log/tsmgate "), "{text}");
    let stop: u64 = service("TimeoutStopSec").parse().unwrap();
    assert!(stop > 5 + tsmgate_authority::connection::LIFE.as_secs());
}

#[test]
fn the_units_of_the_forward_say_what_the_program_takes_for_granted() {
    let service = |name| directive("tsmgate-forward.service", name);
    let socket = |name| directive("tsmgate-forward.socket", name);
    // a folder for others to look into, and for root alone to write
    assert_eq!(socket("DirectoryMode"), "0755");
    let stop: u64 = service("TimeoutStopSec").parse().unwrap();
    let most = tsmgate_client::forward::GRACE
        + tsmgate_client::Gate::TIMEOUT
        + tsmgate_client::forward::LAST;
    assert!(stop > most.as_secs(), "systemd would kill what may finish");
    let files: u64 = service("LimitNOFILE").parse().unwrap();
    let connections = u64::try_from(tsmgate_client::forward::CONNECTIONS).unwrap();
    assert!(files > 4 * connections, "not enough files for all connections");
    assert_eq!(directive("user/tsmgate-forward.socket", "DirectoryMode"), "0700");
    assert_eq!(directive("user/tsmgate-forward.socket", "SocketMode"), "0600");
}

#[test]
fn the_users_are_members_of_a_group_that_is_there_and_the_folders_are_roots() {
    if !root() || !have("systemd-sysusers", "systemd") || !have("systemd-tmpfiles", "systemd") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("etc");
    std::fs::create_dir(&etc).unwrap();
    // what TSM's installer left
    std::fs::write(etc.join("group"), "root:x:0:\ntsmadmin:x:4711:dora\n").unwrap();
    std::fs::write(etc.join("passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    let run = |program: &str, arguments: &[&str], file: &str| {
        let output = Command::new(program)
            .arg(format!("--root={}", folder.path().display()))
            .args(arguments)
            .arg(shipped("systemd").join(file))
            .output()
            .unwrap();
        assert!(output.status.success(), "{program}: {:?}", texts(&output));
    };
    run("systemd-sysusers", &[], "sysusers.conf");
    let group = std::fs::read_to_string(etc.join("group")).unwrap();
    assert!(group.contains("tsmadmin:x:4711:dora,tsmgate,tsmgate-runner\n"), "{group}");
    let passwd = std::fs::read_to_string(etc.join("passwd")).unwrap();
    let runner = passwd.lines().find(|line| line.starts_with("tsmgate-runner:")).unwrap();
    assert!(runner.ends_with(":/var/lib/tsmgate-runner:/usr/sbin/nologin"), "{runner}");
    let user = passwd.lines().find(|line| line.starts_with("tsmgate:")).unwrap();
    assert!(user.ends_with(":/nonexistent:/usr/sbin/nologin"), "{user}");

    run("systemd-tmpfiles", &["--create"], "tmpfiles.conf");
    let uid: u32 = user.split(':').nth(2).unwrap().parse().unwrap();
    let owner = |path: &str| {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(folder.path().join(path)).unwrap();
        (metadata.uid(), metadata.mode() & 0o7777)
    };
    assert_eq!(owner("etc/tsmgate"), (0, 0o750));
    assert_eq!(owner("etc/tsmgate/clients.d"), (0, 0o750));
    assert_eq!(owner("var/log/tsmgate"), (uid, 0o750));
}
