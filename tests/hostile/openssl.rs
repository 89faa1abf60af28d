//! The `openssl` program: a TLS client that shares no code with ours, and a maker of certificates
//! that ours will not make.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tests::program::{have, texts};
use tests::{Identity, Scene};

/// Whether it is there.
pub fn here() -> bool {
    have("openssl", "openssl")
}

/// The 18 bytes of a call of `login`, sequence number 1.
pub const CALL: &[u8] = b"\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x01\x00";

/// What `openssl s_client` did.
pub struct Heard {
    pub success: bool,
    /// All that it printed, and what the gate sent.
    pub text: String,
}

/// Connects with `openssl s_client` as this client, sends `input`, and stays until the gate closes.
pub async fn s_client(scene: &Scene, who: &Identity, options: &[&str], input: &[u8]) -> Heard {
    scene.write("openssl.pem", &who.chain, 0o644);
    scene.write("openssl.key", &who.key, 0o600);
    let mut command = Command::new("timeout");
    command.args(["20", "openssl", "s_client", "-ign_eof", "-connect"]);
    command.arg(scene.address().to_string()).arg("-CAfile").arg(scene.path("client-ca.pem"));
    command.arg("-cert").arg(scene.path("openssl.pem"));
    command.arg("-key").arg(scene.path("openssl.key")).args(options);
    let input = input.to_vec();
    let run = move || {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        // it may be gone already
        let _ = child.stdin.take().unwrap().write_all(&input);
        child.wait_with_output().unwrap()
    };
    // the gate runs in this runtime and must go on
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let (out, err) = texts(&output);
    Heard { success: output.status.success(), text: out + &err }
}

/// Runs `openssl` in a folder.
pub fn run(folder: &Path, arguments: &str) {
    let output = Command::new("timeout")
        .args(["60", "openssl"])
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "openssl {arguments}: {:?}", texts(&output));
}
