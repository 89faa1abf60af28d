//! `tsmgate forward` as it is built: its socket, its callers, its end, and what becomes of it when gate,
//! certificate or callers fail.

use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use tests::program::texts;
use tests::wait::PATIENCE;
use tests::{Scene, forward};
use tsmgate_wire::{Answer, decode_reply, encode_call};

mod callers;
mod hostile;
mod life;
mod socket;

/// A connection to a login socket.
fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads the answer to the call of that number.
fn answer(stream: &mut UnixStream, sequence: i32) -> Answer {
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} after {bytes:?}"));
        bytes.push(byte[0]);
        if let Some(answer) = decode_reply(&bytes, sequence).unwrap() {
            return answer;
        }
    }
}

/// One call on a connection of its own: the cookie, or the code of what came in its place.
fn ask(socket: &Path) -> Result<String, String> {
    let mut stream = connect(socket);
    stream.write_all(&encode_call(1)).unwrap();
    match answer(&mut stream, 1) {
        Answer::Granted(login) => Ok(login.cookie.value().expose().to_owned()),
        Answer::NotAuthorized => Err("PLL_NOT_AUTHORIZED".to_owned()),
        Answer::Error => Err("PLL_ERROR".to_owned()),
        Answer::Exception(exception) => Err(exception.message),
    }
}

/// The same, while the scene goes on.
async fn asked(socket: &Path) -> Result<String, String> {
    let socket = socket.to_owned();
    tokio::task::spawn_blocking(move || ask(&socket)).await.unwrap()
}

/// `tsmgate forward` that does not come to serve: its exit code and what it says.
fn refused(scene: &Scene, arguments: &[&str]) -> (i32, String) {
    let mut command = forward::forward(scene, ([127, 0, 0, 1], 1).into(), "jump01");
    let output = command.args(arguments).output().unwrap();
    let (out, err) = texts(&output);
    assert_eq!(out, "");
    assert_eq!(err.matches("hint: ").count(), 1, "{err}");
    (output.status.code().unwrap(), err)
}

/// Whose a file is and its permission bits.
fn access(path: &Path) -> (u32, u32, u32) {
    let found = path.symlink_metadata().unwrap();
    (found.uid(), found.gid(), found.mode() & 0o7777)
}
