//! The README's commands, as written, on a copy of this machine that nobody keeps: an overlay of its
//! root with a network of its own, a TSM group, and the simulator where TSM's socket would be.
//!
//! The two commands at its top and the builds are left out: `tests/run` is what runs this.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::program::{built, have, texts};

/// Lines that begin so are not run here. Each is run by `tests/run` itself, which builds and plays the
/// demo; a release build differs from it by its profile alone, and `tests/bench` makes one.
const RUN_ELSEWHERE: &[&str] = &["cargo demo", "tests/run", "cargo build --release"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The `sh` blocks of a page, in order.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut parts = page.split("```sh\n");
    parts.next();
    for part in parts {
        let block = part.split("```").next().unwrap();
        let elsewhere = |line: &&str| !RUN_ELSEWHERE.iter().any(|start| line.starts_with(start));
        blocks.push(block.lines().filter(elsewhere).map(|line| format!("{line}\n")).collect());
    }
    blocks
}

/// What stands around the README's commands: a host with TSM on it before them, and the proof that
/// they did what the README says after them.
const BEFORE: &str = r#"
set -euo pipefail
ip link set lo up
ip addr add 10.20.1.5/32 dev lo
echo '10.20.1.5 tsm.example.com' >> /etc/hosts
groupadd --force tsmadmin
mkdir -p /var/run/tableau
tsmsim --socket /var/run/tableau/tab-controller-login-8850 --log /tsm.log --api 127.0.0.1:8850 --api-certificate /tsm.pem --api-name localhost --api-job-step 20 --api-assumed-routes > /tsm.ready &
for _ in $(seq 1000); do grep -q ready /tsm.ready && break; read -rt 0.01 <> <(:) || :; done
grep -q ready /tsm.ready
# the vendor's program, which knows where its TSM is
mkdir -p /opt/tableau/tableau_server/packages/customer-bin.current
cat > /opt/tableau/tableau_server/packages/customer-bin.current/tsm <<'EOF'
#!/bin/sh
export TSM_SIM_SOCKET=/var/run/tableau/tab-controller-login-8850 TSM_SIM_URL=https://localhost:8850 TSM_SIM_CERTIFICATE=/tsm.pem
exec /usr/local/bin/tsm "$@"
EOF
chmod 755 /opt/tableau/tableau_server/packages/customer-bin.current/tsm
set -x
"#;
const LISTENING: &str = r#"
{ set +x; } 2>/dev/null
for _ in $(seq 1000); do (: > /dev/tcp/10.20.1.5/18850) 2>/dev/null && break; read -rt 0.01 <> <(:) || :; done
set -x
"#;
/// The runner is there, and the gate has read its configuration anew.
const RUNNING: &str = r#"
{ set +x; } 2>/dev/null
for _ in $(seq 1000); do [ -S /run/tsmgate-runner/runner.sock ] && grep -q '"event.action":"reload"' /var/log/tsmgate/audit.jsonl && break; read -rt 0.01 <> <(:) || :; done
openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.crt -days 60 -subj /CN=tableau.example.com -addext basicConstraints=critical,CA:FALSE 2>/dev/null
set -x
"#;
/// What the README says in words: the files come to the jump host, which here is the same.
const BROUGHT: &str = r#"
mkdir /root/jump01
cd /root/jump01
cp /root/tsmgate-pki/ca.pem /root/tsmgate-pki/clients/jump01.* .
"#;
const AFTER: &str = r#"
{ set +x; } 2>/dev/null
[ "$(stat -c %a tsm.cookies)" = 600 ]
grep -q AUTH_COOKIE tsm.cookies
grep -q "Password-less login request from user 'tsmgate'" /tsm.log
grep '"event.action":"request"' /var/log/tsmgate/audit.jsonl | grep '"tsmgate.operation":"restart"' | grep -q '"event.outcome":"success"'
grep '"event.action":"login"' /var/log/tsmgate/audit.jsonl | grep '"event.outcome":"success"' | grep -q jump01
[ "$(ps -o user= -C tsmgated)" = tsmgate ]
[ "$(ps -o user= -C tsmgate-runner)" = tsmgate+ ] || [ "$(ps -o user:20= -C tsmgate-runner | tr -d ' ')" = tsmgate-runner ]
tsmgate security external-ssl list | grep -q 'ssl.enabled: true'
grep '"event.action":"command-ended"' /var/log/tsmgate/audit.jsonl | grep -q 'pending-changes apply'
echo "the README holds"
"#;

#[test]
fn every_command_of_the_readme_works_as_written() {
    let tools = [("unshare", "util-linux"), ("ip", "iproute2"), ("bash", "bash"), ("ps", "procps")];
    if !nix::unistd::Uid::effective().is_root() {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "this test needs root");
        eprintln!("LEFT OUT: the README's commands (needs root)");
        return;
    }
    if !tools.iter().all(|(tool, package)| have(tool, package)) {
        return;
    }
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut script = BEFORE.to_owned();
    for block in blocks(&readme) {
        if block.starts_with("export TSMGATE_GATE") {
            script.push_str(BROUGHT);
        }
        script.push_str(&block);
        if block.contains("-HUP -x tsmgated") {
            script.push_str(RUNNING);
        }
        if block.trim_end().ends_with('&') {
            script.push_str(LISTENING);
        }
    }
    script.push_str(AFTER);

    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    std::fs::write(place.join("script"), script).unwrap();
    let programs = ["tsmgated", "tsmgate-runner", "tsmgate", "tsmsim", "tsm"]
        .map(|name| built(name).display().to_string());
    // the mounts are in a namespace of their own and go with it; so do the processes
    let stage = format!(
        "set -eu\n\
         mount -t tmpfs -o size=1g tmpfs {place}/stage\n\
         mkdir {place}/stage/up {place}/stage/work {place}/stage/root\n\
         mount -t overlay overlay -o lowerdir=/,upperdir={place}/stage/up,workdir={place}/stage/work \
         {place}/stage/root\n\
         cd {place}/stage/root\n\
         install -m 755 {programs} usr/local/bin/\n\
         install -m 644 {place}/script script\n\
         mount -t proc proc proc\n\
         mount --rbind /dev dev\n\
         mount -t tmpfs tmpfs tmp\n\
         exec chroot . /bin/bash /script\n",
        place = place.display(),
        programs = programs.join(" "),
    );
    std::fs::create_dir(place.join("stage")).unwrap();
    let output = Command::new("timeout")
        .args(["120", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c"])
        .arg(stage)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success() && out.contains("the README holds"), "{out}\n{err}");
}
