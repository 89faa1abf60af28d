//! The README's commands, as written, on a copy of this machine that nobody keeps: an overlay of its root, two
//! network namespaces for the TSM host and the jump host, a TSM group, and the simulator where TSM's socket
//! would be. The jump host sees nothing of the other's files. What the README shows as an answer is compared.
//!
//! The two commands at its top and the builds are left out: `tests/run` is what runs this.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::program::{built, have, texts};

/// Lines that begin so are not run here. Each is run by `tests/run` itself, which builds and plays the
/// demo; the release build is tested on small programs, and differs from `tests/run`'s by profile and paths alone.
const RUN_ELSEWHERE: &[&str] = &["cargo demo", "tests/run", "systemd/package/release"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Where a block is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host {
    /// ` ```sh `: on the TSM host, and wherever keys are made.
    Tsm,
    /// ` ```sh jump `: on the jump host.
    Jump,
}

/// A block of commands, and what the page shows of their output.
#[derive(Debug)]
struct Block {
    host: Host,
    commands: String,
    shown: Vec<String>,
}

/// The `sh` blocks of a page, in order; a `text` block that follows one at once is its output.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for part in page.split("\n```").collect::<Vec<_>>().chunks(2) {
        let [before, fenced] = part else { continue };
        let (kind, body) = fenced.split_once('\n').unwrap();
        let lines = || body.lines().map(str::to_owned);
        let host = match kind {
            "sh" => Host::Tsm,
            "sh jump" => Host::Jump,
            "text" => {
                if let Some(block) = blocks.last_mut().filter(|_| before.trim().is_empty()) {
                    block.shown = lines().collect();
                }
                continue;
            }
            _ => continue,
        };
        let elsewhere = |line: &String| !RUN_ELSEWHERE.iter().any(|start| line.starts_with(start));
        let commands = lines().filter(elsewhere).map(|line| line + "\n").collect();
        blocks.push(Block { host, commands, shown: Vec::new() });
    }
    blocks
}

/// Whether the line is as shown, where an ellipsis stands for anything.
fn is_as_shown(line: &str, shown: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    for part in parts {
        match rest.find(part) {
            Some(at) if part.is_empty() || !rest.is_empty() => rest = &rest[at + part.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || shown.ends_with('…')
}

/// What stands around the README's commands: a host with TSM on it before them, and the proof that
/// they did what the README says after them.
const BEFORE: &str = r#"
set -euo pipefail
trap 'echo "failed in line $LINENO: $BASH_COMMAND" >&2' ERR
ip link set lo up
ip netns add jump
ip link add tsm0 type veth peer name jump0 netns jump
ip addr add 10.20.1.2/24 dev tsm0
ip link set tsm0 up
ip -n jump addr add 10.20.1.5/24 dev jump0
ip -n jump link set jump0 up
ip -n jump link set lo up
echo '10.20.1.2 tsm.example.com' >> /etc/hosts
mkdir -p /home/jump
cat > /jump-shell <<'EOF'
set -euo pipefail
# of the TSM host's files the jump host has none
for hidden in /run/tableau /run/tsmgate /run/tsmgate-runner /etc/tsmgate /var/log/tsmgate /var/lib /root /opt; do
    [ ! -d $hidden ] || mount -t tmpfs tmpfs $hidden
done
mkdir -p /run/user/0
chmod 700 /run/user/0
export HOME=/home/jump XDG_RUNTIME_DIR=/run/user/0
cd
exec 2>&1
[ ! -e .before ] || . ./.before
set -x
. $1
{ set +x; } 2>/dev/null
export -p > .before
EOF
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
/// Around the output of a block.
const BEGIN: &str = "== begin";
const END: &str = "== end";
const LISTENING: &str = r#"
{ set +x; } 2>/dev/null
for port in 18850 18851; do
    for _ in $(seq 1000); do (: > /dev/tcp/10.20.1.2/$port) 2>/dev/null && break; read -rt 0.01 <> <(:) || :; done
done
set -x
"#;
/// The runner is there, and the gate has read its configuration anew.
const RUNNING: &str = r#"
{ set +x; } 2>/dev/null
for _ in $(seq 1000); do [ -S /run/tsmgate-runner/runner.sock ] && grep -q '"event.action":"reload"' /var/log/tsmgate/audit.jsonl && break; read -rt 0.01 <> <(:) || :; done
openssl req -x509 -newkey rsa:2048 -nodes -keyout /home/jump/server.key -out /home/jump/server.crt -days 60 -subj /CN=tableau.example.com -addext basicConstraints=critical,CA:FALSE 2>/dev/null
set -x
"#;
/// What the README says in words: the line of the invite comes to the jump host, where it is pasted.
const INVITE: (&str, &str) = (
    "tsmgate pki invite jump01 --roles operator,login\n",
    "--roles operator,login | tee /home/jump/token\n",
);
const BROUGHT: &str = r#"
cp /passwordless_login.thrift /home/jump/
"#;
/// The jump host asks the gate all the time, a connection each, while its certificate is renewed.
const HAMMER: &str = r#"
{ set +x; } 2>/dev/null
cat > /hammer <<'EOF'
{ set +x; } 2>/dev/null
while [ ! -e enough ]; do
    if tsmgate whoami > asked; then echo >> calls; else cat asked >> failures; fi
    read -rt 0.5 <> <(:) || :
done
EOF
nsenter --net=/run/netns/jump unshare --mount bash /jump-shell /hammer > /hammer.log &
calls() { cat /home/jump/calls 2>/dev/null | wc -l; }
until_calls() { for _ in $(seq 3000); do [ "$(calls)" -ge "$1" ] && return; read -rt 0.01 <> <(:) || :; done; cat /home/jump/failures; return 1; }
until_calls 2
set -x
"#;
const HAMMERED: &str = r#"
{ set +x; } 2>/dev/null
until_calls $(($(calls) + 3))
touch /home/jump/enough
[ ! -e /home/jump/failures ]
[ "$(grep -c '"event.action":"renew"' /var/log/tsmgate-authority/audit.jsonl)" -ge 2 ]
set -x
"#;
/// A connection of the jump host's is open, and stays so until it is cut.
const HELD: &str = r#"
{ set +x; } 2>/dev/null
mkfifo /home/jump/never
cat > /held <<'EOF'
cd .config/tsmgate/jump01
{ printf 'GET /v1/whoami HTTP/1.1\r\nHost: tsm.example.com\r\n\r\n'; cat ~/never; } |
    openssl s_client -quiet -verify_quiet -alpn http/1.1 -connect tsm.example.com:18850 -CAfile ca.pem -cert cert.pem -key key.pem > ~/held
EOF
nsenter --net=/run/netns/jump unshare --mount bash /jump-shell /held > /held.log 2>&1 &
for _ in $(seq 1000); do grep -q jump01 /home/jump/held && break; read -rt 0.01 <> <(:) || :; done
grep -q jump01 /home/jump/held
set -x
"#;
/// It is, by itself and for the right reason, and everything is out.
const CUT: &str = r#"
{ set +x; } 2>/dev/null
was_cut() { grep '"event.action":"cut"' /var/log/tsmgate/audit.jsonl | grep certificate_revoked | grep -q jump01; }
for _ in $(seq 1000); do was_cut && break; read -rt 0.01 <> <(:) || :; done
was_cut
[ ! -e /var/lib/tsmgate-authority/gate/clients.d/jump01.toml ]
set -x
"#;
/// The socket on the jump host is there.
const FORWARDED: &str = r#"
{ set +x; } 2>/dev/null
for _ in $(seq 1000); do [ -S /run/user/0/tsm-login ] && break; read -rt 0.01 <> <(:) || :; done
set -x
"#;
const AFTER: &str = r#"
{ set +x; } 2>/dev/null
[ "$(stat -c %a /home/jump/tsm.cookies)" = 600 ]
grep -q AUTH_COOKIE /home/jump/tsm.cookies
grep -q "Password-less login request from user 'tsmgate'" /tsm.log
grep '"event.action":"request"' /var/log/tsmgate/audit.jsonl | grep '"tsmgate.operation":"restart"' | grep '"event.outcome":"success"' > /dev/null
grep '"event.action":"login"' /var/log/tsmgate/audit.jsonl | grep '"event.outcome":"success"' | grep '"source.ip":"10.20.1.5"' | grep jump01 > /dev/null
[ "$(ps -o user= -C tsmgated)" = tsmgate ]
[ "$(ps -o user:20= -C tsmgate-authority | tr -d ' ')" = tsmgate-authority ]
runuser -u tsmgate -- tsmgated audit verify /var/log/tsmgate-authority/audit.jsonl 2>/dev/null || tsmgated audit verify /var/log/tsmgate-authority/audit.jsonl
[ "$(ps -o user= -C tsmgate-runner)" = tsmgate+ ] || [ "$(ps -o user:20= -C tsmgate-runner | tr -d ' ')" = tsmgate-runner ]
grep '"event.action":"command-ended"' /var/log/tsmgate/audit.jsonl | grep external-ssl > /dev/null
grep '"event.action":"command-ended"' /var/log/tsmgate/audit.jsonl | grep 'pending-changes apply' > /dev/null
echo "the README holds"
"#;

#[test]
fn every_command_of_the_readme_works_as_written() {
    let tools = [
        ("unshare", "util-linux"),
        ("ip", "iproute2"),
        ("bash", "bash"),
        ("ps", "procps"),
        ("nsenter", "util-linux"),
    ];
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
    let blocks = blocks(&readme);
    let with_token = INVITE.0.replace("--roles operator,login\n", INVITE.1);
    for (number, block) in blocks.iter().enumerate() {
        let Block { host, commands, .. } = block;
        for (start, before) in
            [("tsmgate join", BROUGHT), ("tsmgate renew", HAMMER), ("tsmgate pki revoke", HELD)]
        {
            if commands.starts_with(start) {
                script.push_str(before);
            }
        }
        script.push_str(&format!("{{ echo '{BEGIN} {number}'; }} 2>/dev/null\n"));
        match host {
            Host::Tsm => script.push_str(&commands.replace(INVITE.0, &with_token)),
            Host::Jump => script.push_str(&format!(
                "{{ cat > /jump-{number} <<'END OF BLOCK'\n{commands}END OF BLOCK\n\
                 }} 2>/dev/null\n\
                 nsenter --net=/run/netns/jump unshare --mount bash /jump-shell /jump-{number} < {}\n",
                if commands.starts_with("tsmgate join") { "/home/jump/token" } else { "/dev/null" }
            )),
        }
        script.push_str(&format!("{{ echo '{END} {number}'; }} 2>/dev/null\n"));
        for (part, after) in [
            ("-HUP -x tsmgated", RUNNING),
            ("tsmgate forward --listen", FORWARDED),
            ("runuser -u tsmgate -- tsmgated run &", LISTENING),
            ("tsmgate renew --if-needed", HAMMERED),
            ("tsmgate pki revoke", CUT),
        ] {
            if commands.contains(part) {
                script.push_str(after);
            }
        }
    }
    script.push_str(AFTER);

    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    std::fs::write(place.join("script"), script).unwrap();
    let programs = ["tsmgated", "tsmgate-authority", "tsmgate-runner", "tsmgate", "tsmsim", "tsm"]
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
         install -m 644 {idl} passwordless_login.thrift\n\
         mount -t proc proc proc\n\
         mount --rbind /dev dev\n\
         mount -t tmpfs tmpfs tmp\n\
         exec chroot . /bin/bash /script\n",
        place = place.display(),
        idl = root().join("crates/wire/idl/passwordless_login.thrift").display(),
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
    for (number, block) in blocks.iter().enumerate() {
        let (begin, end) = (format!("{BEGIN} {number}\n"), format!("{END} {number}\n"));
        let said = out.split_once(&begin).unwrap().1.split_once(&end).unwrap().0;
        let mut lines = said.lines();
        for shown in &block.shown {
            assert!(lines.any(|line| is_as_shown(line, shown)), "`{shown}` in\n{said}\n{err}");
        }
    }
}
