//! A machine to boot: this one's own root under an overlay that nobody keeps, with the shipped units and
//! the built programs in their places, in a namespace that ends with us. It runs `inside/cases.sh` and
//! nothing else, and answers what each case said.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tests::program::{built, have};

use crate::{root, shipped};

/// Longer than a boot takes on a loaded machine, in seconds. The cases have less: `boot-test.service`.
const BOUND: &str = "300";

/// What the cases said, by name, and all that helps to see why.
struct Answers {
    /// Whether it held, and its talk.
    cases: BTreeMap<String, (bool, String)>,
    console: String,
    journal: String,
}

/// That a case held.
///
/// # Panics
/// Where it did not, with its talk, the console and the journal.
pub fn holds(case: &str) {
    static BOOTED: OnceLock<Option<Answers>> = OnceLock::new();
    let Some(answers) = BOOTED.get_or_init(boot) else { return };
    match answers.cases.get(case) {
        Some((true, talk)) => println!("{case}:\n{talk}"),
        Some((false, talk)) => panic!("{talk}\n\njournal:\n{}", answers.journal),
        None => panic!(
            "no answer from {case}\n\nconsole:\n{}\n\njournal:\n{}",
            answers.console, answers.journal
        ),
    }
}

/// Boots it, once; `None` where that cannot be had.
fn boot() -> Option<Answers> {
    let tools = [
        ("systemd-nspawn", "systemd-container"),
        ("dbus-daemon", "dbus"),
        ("unshare", "util-linux"),
        ("ip", "iproute2"),
        ("ps", "procps"),
        ("python3", "python3"),
        ("openssl", "openssl"),
        ("curl", "curl"),
        ("strace", "strace"),
        ("faketime", "faketime"),
        ("javac", "default-jdk-headless"),
    ];
    if !root() || !tools.iter().all(|(tool, package)| have(tool, package)) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    for name in ["stage", "out"] {
        std::fs::create_dir(place.join(name)).unwrap();
    }
    // the mounts are in a namespace of their own and go with it; so do the processes
    let output = Command::new("timeout")
        .args(["--kill-after=5", BOUND, "unshare", "--mount", "--pid", "--fork", "--kill-child"])
        .args(["--mount-proc", "sh", "-c", &stage(place)])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let file = |name: &str| text(&std::fs::read(place.join("out").join(name)).unwrap_or_default());
    let answers = file("answers");
    let mut cases = BTreeMap::new();
    for line in answers.lines() {
        let (held, name) = match line.strip_prefix("not ok ") {
            Some(name) => (false, name),
            None => (true, line.strip_prefix("ok ").unwrap_or(line)),
        };
        cases.insert(name.to_owned(), (held, file(&format!("talk/{name}"))));
    }
    let console =
        format!("{}\n{}{}\n{answers}", output.status, text(&output.stdout), text(&output.stderr));
    Some(Answers { cases, console, journal: file("journal") })
}

/// The shell that makes the machine below a folder and becomes it.
fn stage(place: &Path) -> String {
    let mut stage = format!(
        "set -eu\n\
         cd {place}/stage\n\
         mount -t tmpfs -o size=1g tmpfs .\n\
         mount -t tmpfs tmpfs /run\n\
         cd {place}/stage\n\
         mkdir up work root\n\
         mount -t overlay overlay -o lowerdir=/,upperdir=up,workdir=work root\n\
         cd root\n\
         ln -sf /dev/null etc/systemd/system/timers.target\n",
        place = place.display(),
    );
    let mut install = |mode: u32, from: &Path, to: &str| {
        writeln!(stage, "install -D -m {mode} {} {to}", from.display()).unwrap();
    };
    for name in ["tsmgated", "tsmgate", "tsmgate-runner", "tsmgate-authority", "tsmsim", "tsm"] {
        install(755, &built(name), &format!("usr/bin/{name}"));
    }
    for folder in ["systemd", "tests/systemd/inside"] {
        for unit in units(&shipped(folder)) {
            let name = unit.file_name().unwrap().to_str().unwrap();
            install(644, &unit, &format!("usr/lib/systemd/system/{name}"));
        }
    }
    for (from, mode, to) in PLACES {
        install(*mode, &shipped(from), to);
    }
    let machine = format!(
        "exec env SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --directory=. --boot --register=no --keep-unit \
         --private-network --machine=tsmgate-test --console=pipe --bind={place}/out:/out \
         --bind-ro={inside}:/inside {AS_ON_A_HOST} systemd.unit=boot-test.target\n",
        place = place.display(),
        inside = shipped("tests/systemd/inside").display(),
    );
    stage + &machine
}

/// What systemd-nspawn would keep from the machine, and a host does not: Landlock, and systemd's packet
/// filter, which is a program for the kernel and wants the unified hierarchy of control groups.
const AS_ON_A_HOST: &str = "--capability=CAP_BPF,CAP_NET_ADMIN --system-call-filter='bpf \
                            landlock_create_ruleset landlock_add_rule landlock_restrict_self'";

/// What is not a unit: from where, its mode, to where.
const PLACES: &[(&str, u32, &str)] = &[
    ("systemd/tsmgate-renew", 755, "usr/lib/tsmgate/tsmgate-renew"),
    ("systemd/sysusers.conf", 644, "usr/lib/sysusers.d/tsmgate.conf"),
    ("systemd/tmpfiles.conf", 644, "usr/lib/tmpfiles.d/tsmgate.conf"),
    ("systemd/tsmgate-authority.toml", 644, "usr/share/doc/tsmgated/tsmgate-authority.toml"),
    ("systemd/README.md", 644, "usr/share/doc/tsmgated/operating.md"),
    ("tests/systemd/inside/tsm", 755, "opt/tsm/tsm"),
];

/// The unit files of a folder.
pub fn units(folder: &Path) -> Vec<std::path::PathBuf> {
    let ends = ["service", "socket", "timer", "target"];
    let is_unit = |path: &std::path::PathBuf| {
        path.extension().is_some_and(|end| ends.iter().any(|wanted| end == *wanted))
    };
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut units: Vec<_> = entries.filter(is_unit).collect();
    units.sort();
    units
}
