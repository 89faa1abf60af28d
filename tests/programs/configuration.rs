//! Every way to write the configuration wrong: refused by `check` and by `run` in the same words, with
//! file, line and column, and the nearest thing that would have been right.

use std::process::Command;

use tests::program::{built, have};
use tests::{Scene, SceneOptions};

use crate::stage::{check, config, refused, stage, told};

/// What is replaced, by what (`¦` marks the place that must be named), and what is said.
type Fault = (&'static str, &'static str, &'static str);

const KEYS: &[Fault] = &[
    ("[listen]", "[¦lissten]", "unknown key `lissten`; did you mean `listen`?"),
    ("address =", "¦adress =", "unknown key `adress`; did you mean `address`?"),
    ("[limits.login]\n", "[limits.login]\n¦idl = \"9s\"\n", "`idl`; did you mean `idle`?"),
    ("[limits.login]\n", "[limits.¦logins]\n", "unknown key `logins`; did you mean `login`?"),
    ("{ per_minute = 60000, burst = 10000", "{ ¦per_minutes = 1, burst = 1", "mean `per_minute`?"),
    ("roles = [\"login\"]", "¦netwoks = []\nroles = []", "`netwoks`; did you mean `networks`?"),
    ("[audit]\n", "[audit]\n¦zzzzzzzz = 1\n", "unknown key `zzzzzzzz`; known here: file, journal"),
];

const SYNTAX: &[Fault] = &[
    ("[tls]\n", "[tls\n", ""),
    ("[audit]\n", "[audit]\nfile = \"first\"\n¦", "duplicate key"),
    ("\"127.0.0.1:0\"", "127.0.0.1:0", ""),
    ("\"127.0.0.1:0\"", "¦\"here\"", "invalid socket address syntax"),
    ("[admission]\n", "[admission]\nconnections = ¦\"many\"\n", "invalid type: string \"many\""),
    ("[admission]\n", "[admission]\nconnections = ¦-1\n", "-1"),
    ("[tls]\n", "[tls]\nexpired_revocation_list = ¦\"ignore\"\n", "expected `refuse` or `warn`"),
    ("[tls]\n", "[tls]\nrevocation_list = ¦[]\n", "an empty list checks nothing"),
    ("identity = \"URI:tsmgate://client/jump01\"\n", "", "missing field `identity`"),
];

const NETWORKS: &[Fault] = &[
    ("[\"127.0.0.0/8\"", "[\n  \"127.0.0.0/8\",\n  ¦\"127.0.0.1/8\"", "did you mean 127.0.0.0/8?"),
    ("[\"127.0.0.0/8\"", "[¦\"127.0.0.1/8\"", "beyond its prefix; did you mean 127.0.0.0/8?"),
    ("[\"127.0.0.0/8\"", "[¦\"127.0.0.0/33\"", "`127.0.0.0/33` is not a network"),
    ("[\"127.0.0.0/8\"", "[¦\"our lan\"", "`our lan` is not a network"),
    ("[\"127.0.0.0/8\"", "[¦\"\"", "`` is not a network"),
    ("\"::1\"", "¦\"fe80::1%eth0\"", "`fe80::1%eth0` is not a network"),
    ("[\"127.0.0.0/8\"", "[¦\"::ffff:127.0.0.0/104\"", "IPv4 written as IPv6"),
    ("[admission]\n", "[admission]\nexempt = [¦\"10.0.0.1/8\"]\n", "did you mean 10.0.0.0/8?"),
    ("[listen]\n", "[listen]\nproxy_protocol_from = ¦[\"::/0\"]\n", "every address there is"),
    ("[listen]\n", "[listen]\nproxy_protocol_from = ¦[\"10.0.0.0/7\"]\n", "is wider than /8"),
    (
        "[listen]\n",
        "[listen]\nproxy_protocol_from = ¦[\"2000::/31\"]\n",
        "wider than /8 (IPv6: /32)",
    ),
    (
        "roles = [",
        "networks = [¦\"10.0.0.0/8\"]\nroles = [",
        "10.0.0.0/8 is outside of admission.allow",
    ),
    (
        "roles = [",
        "networks = [¦\"0.0.0.0/0\"]\nroles = [",
        "0.0.0.0/0 is outside of admission.allow",
    ),
];

const VALUES: &[Fault] = &[
    ("[limits.login]\n", "[limits.login]\nidle = ¦\"30\"\n", "`30` is not a length of time"),
    ("[limits.login]\n", "[limits.login]\nidle = ¦\"0s\"\n", "more than nothing"),
    ("[limits.login]\n", "[limits.login]\nidle = ¦\"169h\"\n", "at most a week"),
    (
        "[limits.login]\n",
        "[limits.login]\nidle = ¦\"99999999999999999999h\"\n",
        "not a length of time",
    ),
    ("[limits.http]\n", "[limits.http]\nbody = ¦\"1MB\"\n", "`1MB` is not a size"),
    ("[limits.login]\n", "[limits.login]\nper_connection = ¦0\n", "must be at least 1"),
    ("[admission]\n", "[admission]\nconnections = ¦0\n", "must be at least 1"),
    ("[admission]\n", "[admission]\nunproven = ¦0\n", "must be at least 1"),
    ("[tsm]\n", "[tsm]\nconnections = ¦0\n", "must be at least 1"),
    ("[admission]\n", "[admission]\nconnections = ¦65537\n", "must be at most 65536"),
    ("[admission]\n", "[admission]\nconnections_per_source = ¦65537\n", "at most 65536"),
    ("[admission]\n", "[admission]\nunproven = ¦9223372036854775807\n", "must be at most 65536"),
    ("[admission]\n", "[admission]\nunproven_per_source = ¦65537\n", "must be at most 65536"),
    ("[admission]\n", "[admission]\nsources_remembered = ¦16777217\n", "at most 16777216"),
    ("[tsm]\n", "[tsm]\nconnections = ¦9223372036854775807\n", "must be at most 65536"),
    ("in_flight = 100", "in_flight = ¦65537", "must be at most 65536"),
    ("in_flight = 100", "in_flight = ¦0", "must be at least 1"),
    ("roles = [", "limits = { in_flight = ¦65537 }\nroles = [", "must be at most 65536"),
    ("{ per_minute = 60000, burst = 10000 }", "¦{ per_minute = 0, burst = 1 }", "at least 1"),
    ("{ per_minute = 60000, burst = 1000 }", "¦{ per_minute = 1, burst = 0 }", "at least 1"),
    ("roles = [", "limits = { in_flight = ¦0 }\nroles = [", "must be at least 1"),
];

const NAMES: &[Fault] = &[
    ("[\"login\"]", "[¦\"logn\"]", "there is no role `logn`; did you mean `login`?"),
    ("[\"login\"]", "[¦\"qqqqqq\"]", "known: login, monitor, operator, tls-admin, admin"),
    ("name = \"jump01\"", "name = ¦\"jump 01\"", "1 to 64 letters, digits or .-_@"),
    ("name = \"jump01\"", "name = ¦\"\"", "1 to 64 letters, digits or .-_@"),
    ("name = \"jump01\"", "name = ¦\"\\u001b[2J\"", "1 to 64 letters, digits or .-_@"),
    ("\"URI:tsmgate://client/jump01\"", "¦\"jump01\"", "begins with URI:, DNS: or KEY:"),
    ("\"URI:tsmgate://client/jump01\"", "¦\"CN:jump01\"", "`CN:` is no kind of identity"),
    ("\"URI:tsmgate://client/jump01\"", "¦\"DNS:*.lan\"", "patterns are not supported"),
    ("\"URI:tsmgate://client/jump01\"", "¦\"KEY:abc=\"", "not the base64 of a SHA-256"),
    ("\"URI:tsmgate://client/jump01\"", "¦\"URI:\"", "is empty or has blanks"),
    ("\"URI:tsmgate://client/jump01\"", "¦\"URI:a\\u0000b\"", "is empty or has blanks"),
];

const APPENDED: &[(&str, &str)] = &[
    (
        "[[client]]\nname = ¦\"jump01\"\nidentity = \"URI:other\"\nroles = []\n",
        "there is a client `jump01` already",
    ),
    (
        "[[role]]\nname = \"night\"\npermissions = [¦\"backup.craete\"]\n",
        "there is no permission `backup.craete`",
    ),
    ("[[role]]\nname = \"night\"\npermissions = [¦\"*\"]\n", "`*` covers no permission"),
    ("[[role]]\nname = ¦\"admin\"\npermissions = []\n", "there is a role `admin` already"),
    ("[revoked]\nserials = [¦\"0x12\"]\n", "`0x12` is not a serial number"),
    ("[revoked]\npublic_keys_sha256 = [¦\"AAAA\"]\n", "not the base64 of a SHA-256"),
];

const LOCAL: &[Fault] = &[
    (
        "[audit]\n",
        "¦[[local]]\nuser = \"a\"\ngroup = \"b\"\nroles = []\n[audit]\n",
        "`user` and `group` stand together",
    ),
    ("[audit]\n", "¦[[local]]\nroles = []\n[audit]\n", "there has to be a `user` or a `group`"),
    ("[audit]\n", "¦[[local]]\nuser = \"1000\"\nroles = []\n[audit]\n", "`1000` is not the name"),
    ("[audit]\n", "¦[[local]]\ngroup = \"\"\nroles = []\n[audit]\n", "`` is not the name"),
    (
        "[audit]\n",
        "[[local]]\nuser = \"root\"\nroles = [¦\"logn\"]\n[audit]\n",
        "there is no role `logn`; did you mean `login`?",
    ),
    (
        "[audit]\n",
        "[[local]]\nuser = \"root\"\nroles = []\nlimits = { in_flight = ¦0 }\n[audit]\n",
        "must be at least 1",
    ),
    ("[audit]\n", "[[local]]\n¦name = \"root\"\nroles = []\n[audit]\n", "unknown key `name`"),
];

const API: &[Fault] = &[
    ("[tsm]\n", "[tsm]\napi = ¦\"https://localhost:8850\"\n", "TSM's certificate must be checked"),
    ("[tsm]\n", "[tsm]\napi = ¦\"https://localhost\"\n", "write it like https://localhost:8850"),
    ("[tsm]\n", "[tsm]\napi_certificate_sha256 = ¦\"00\"\n", "is not a SHA-256 in hexadecimal"),
    (
        "[tsm]\n",
        "[tsm]\napi_authority = ¦\"a.pem\"\n",
        "how `tsm.api` is checked, which is not set",
    ),
    (
        "[tsm]\n",
        "[tsm]\napi_authority = ¦\"a.pem\"\napi_certificate_sha256 = \"00\"\n",
        "one of them decides, remove the other",
    ),
    ("[tsm]\n", "[tsm]\napi_insecure = true\n", "unknown key `api_insecure`"),
];

/// Spoils a configuration, asks both commands, and puts it back.
fn refused_where_marked(scene: &Scene, spoilt: &str, says: &str) {
    let good = std::fs::read_to_string(config(scene)).unwrap();
    let file = config(scene).display().to_string();
    scene.write("tsmgated.toml", &spoilt.replace('¦', ""), 0o600);
    let said = refused(&config(scene), 65);
    assert!(said.contains(says), "{spoilt}\n{said}");
    let place = match spoilt.split_once('¦') {
        None => format!("tsmgated: {file}:"),
        Some((before, _)) => {
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            format!("tsmgated: {file}:{line}:{column}: ")
        }
    };
    assert!(said.starts_with(&place), "{spoilt}\n{said}not at {place}");
    scene.write("tsmgated.toml", &good, 0o600);
}

async fn all_refused(faults: &[Fault]) {
    let scene = stage(SceneOptions::default()).await;
    let good = std::fs::read_to_string(config(&scene)).unwrap();
    for (from, to, says) in faults {
        assert!(good.contains(from), "{from}");
        refused_where_marked(&scene, &good.replacen(from, to, 1), says);
    }
    assert_eq!(check(&config(&scene)).0, 0, "the scene itself is good");
}

/// R55: an unknown key is refused wherever it stands, with the nearest known one
#[tokio::test]
async fn an_unknown_key_is_refused_and_the_nearest_named() {
    all_refused(KEYS).await;
}

/// R55: what is not TOML, or not of the type, is refused where it stands
#[tokio::test]
async fn broken_toml_is_refused_with_its_place() {
    all_refused(SYNTAX).await;
}

/// R55: a network with host bits, nonsense, or IPv4 in IPv6 clothes is refused
#[tokio::test]
async fn a_bad_network_is_refused_with_its_place() {
    all_refused(NETWORKS).await;
}

/// R55: a time, size, count or rate that cannot be is refused
#[tokio::test]
async fn a_value_that_cannot_be_is_refused_with_its_place() {
    all_refused(VALUES).await;
}

/// R55: an unknown role or an identity that is none is refused
#[tokio::test]
async fn an_unknown_name_is_refused_with_its_place() {
    all_refused(NAMES).await;
}

/// R55: an entry for callers on this host names one user or one group, by name, and roles that there are
#[tokio::test]
async fn a_bad_local_entry_is_refused_with_its_place() {
    all_refused(LOCAL).await;
}

/// R63: a controller whose certificate is not checked by exactly one of the two ways is none
#[tokio::test]
async fn a_controller_that_is_not_checked_is_refused() {
    all_refused(API).await;
    let scene = stage(SceneOptions::default()).await;
    let good = std::fs::read_to_string(config(&scene)).unwrap();
    let with_authority = |file: &str| {
        let lines =
            format!("[tsm]\napi = \"https://localhost:8850\"\napi_authority = \"{file}\"\n");
        scene.write("tsmgated.toml", &good.replacen("[tsm]\n", &lines, 1), 0o600);
    };
    with_authority("missing.pem");
    let missing = scene.path("missing.pem").display().to_string();
    assert!(refused(&config(&scene), 66).contains(&format!("cannot read {missing}")));
    with_authority("empty.pem");
    scene.write("empty.pem", "", 0o644);
    assert!(refused(&config(&scene), 65).contains("empty.pem: there is no certificate in it"));
    scene.write("empty.pem", &scene.authority.pem(), 0o666);
    assert!(refused(&config(&scene), 66).contains("can be written by others"));
    scene.write("empty.pem", &scene.authority.pem(), 0o644);
    let (code, _, err) = check(&config(&scene));
    assert_eq!((code, err.as_str()), (0, ""));
}

/// R55: a second client of a name, an unknown permission, a serial number that is none
#[tokio::test]
async fn a_bad_entry_is_refused_with_its_place() {
    let scene = stage(SceneOptions::default()).await;
    let good = std::fs::read_to_string(config(&scene)).unwrap();
    for (more, says) in APPENDED {
        refused_where_marked(&scene, &format!("{good}\n{more}"), says);
    }
}

/// R55: a fault in a file of clients.d is named with that file, and only entries may stand there
#[tokio::test]
async fn a_fault_in_clients_d_names_its_file() {
    let scene = stage(SceneOptions::default()).await;
    let entry = |name: &str| {
        format!("[[client]]\nname = \"{name}\"\nidentity = \"URI:{name}\"\nroles = [\"login\"]\n")
    };
    scene.write("clients.d/10-good.toml", &entry("one"), 0o644);
    scene.write("clients.d/notes.txt", "not a [configuration", 0o644);
    assert!(check(&config(&scene)).1.contains("client one: login"));
    let cases = [
        (entry("jump01"), "2:8: there is a client `jump01` already"),
        (entry("one"), "2:8: there is a client `one` already"),
        (entry("two").replace("login", "logn"), "4:10: there is no role `logn`"),
        (entry("two").replace("roles", "rolls"), "4:1: unknown key `rolls`; did you mean `roles`?"),
        ("[admission]\nallow = [\"0.0.0.0/0\"]\n".into(), "1:2: unknown key `admission`"),
        ("[[role]]\nname = \"x\"\npermissions = []\n".into(), "1:3: unknown key `role`"),
    ];
    for (text, says) in cases {
        scene.write("clients.d/20-bad.toml", &text, 0o644);
        let said = refused(&config(&scene), 65);
        let says = format!("{}:{says}", scene.path("clients.d/20-bad.toml").display());
        assert!(said.contains(&says), "{said}not {says}");
    }
}

/// R55: the largest counts and the widest networks of balancers that are taken
#[tokio::test]
async fn what_is_just_within_the_bounds_is_taken() {
    let scene = stage(SceneOptions::default()).await;
    let proxies = "[listen]\nproxy_protocol_from = [\"10.0.0.0/8\", \"2001:db8::/32\"]\n";
    scene.edit("[listen]\n", proxies);
    scene.edit("in_flight = 100", "in_flight = 65536");
    let counts = "[admission]\nconnections = 65536\nconnections_per_source = 65536\n\
                  unproven = 65536\nunproven_per_source = 65536\nsources_remembered = 16777216\n";
    scene.edit("[admission]\n", counts);
    let (code, _, err) = check(&config(&scene));
    assert_eq!((code, err.as_str()), (0, ""));
}

/// R55: a lookup of TSM's users that fails is no answer: the configuration is not taken without them
#[tokio::test]
async fn a_failed_lookup_of_a_user_is_refused() {
    if !have("unshare", "util-linux") {
        return;
    }
    let scene = stage(SceneOptions::default()).await;
    scene.edit("[\"root\"]", "[\"0\", \"somebody\"]");
    assert_eq!(check(&config(&scene)).0, 0, "a user that is not there is only odd");
    // users are looked up in a file alone, which opens and cannot be read
    scene.write("switch", "passwd: files\n", 0o644);
    let broken = "mount --bind \"$0\" /etc/nsswitch.conf && \
                  mount --bind /proc/$$/mem /etc/passwd && exec \"$@\"";
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", broken]).arg(scene.path("switch")).arg(built("tsmgated"));
    let output = unshare.args(["check", "--config"]).arg(config(&scene)).output().unwrap();
    let (code, _, said) = told(&output);
    assert_eq!(code, 65, "{said}");
    assert!(said.contains("tsm.socket_owners: looking `somebody` up failed: "), "{said}");
}

/// R55: no file, not text, none of TSM's users: refused with the file's name
#[tokio::test]
async fn a_file_that_cannot_be_a_configuration_is_refused() {
    let scene = stage(SceneOptions::default()).await;
    let missing = scene.path("elsewhere.toml");
    let said = refused(&missing, 66);
    assert!(said.contains(&format!("cannot read {}", missing.display())), "{said}");

    let good = std::fs::read_to_string(config(&scene)).unwrap();
    let nobody = good.replace("[\"root\"]", "[\"no-such-user-here\"]");
    scene.write("tsmgated.toml", &nobody, 0o600);
    assert!(refused(&config(&scene), 65).contains("none of these users exists"));

    std::fs::write(config(&scene), b"[listen]\n# caf\xe9\n").unwrap();
    let said = refused(&config(&scene), 65);
    assert!(said.contains("tsmgated.toml: the file is not UTF-8 text"), "{said}");
}

/// R43: text of the configuration comes out escaped where it is shown
#[tokio::test]
async fn control_bytes_in_the_configuration_do_not_reach_the_terminal() {
    let scene = stage(SceneOptions::default()).await;
    let good = std::fs::read_to_string(config(&scene)).unwrap();
    let hostile = "\\u001b[2J\\u202e";
    for (from, to) in [
        ("[listen]", format!("[\"{hostile}\"]")),
        ("\"127.0.0.0/8\"", format!("\"{hostile}\"")),
        ("[\"login\"]", format!("[\"{hostile}\"]")),
        ("jump01\"\nroles", format!("{hostile}\"\nroles")),
    ] {
        scene.write("tsmgated.toml", &good.replacen(from, &to, 1), 0o600);
        let said = refused(&config(&scene), 65);
        let raw = said.trim_end().contains(|c: char| c.is_control() || c == '\u{202e}');
        assert!(!raw, "{said:?}");
    }
}
