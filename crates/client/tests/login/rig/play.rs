//! The parts a peer can play once it is connected, over TLS or a Unix socket alike.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// What a peer does with each connection.
#[derive(Debug, Clone)]
pub(crate) enum Play {
    /// Reads the call, sends these bytes, closes.
    Reply(Vec<u8>),
    /// Reads the call, sends these bytes, and then nothing more until the client is gone.
    ReplyAndHold(Vec<u8>),
    /// Reads the call and sends these bytes one by one, a second apart.
    Drip(Vec<u8>),
    /// Closes at once, in good order.
    Close,
    /// Reads the call, and resets the connection.
    Reset,
}

/// The length of the client's call.
const CALL: usize = 18;
/// Between two bytes of a drip.
const PACE: Duration = Duration::from_secs(1);

/// Plays over a stream. Errors are the client's leaving, and end the play.
pub(crate) fn play(stream: &mut (impl Read + Write), part: &Play) -> std::io::Result<()> {
    match part {
        Play::Close => Ok(()),
        Play::Reset => read_call(stream),
        Play::Reply(bytes) => {
            read_call(stream)?;
            stream.write_all(bytes)?;
            stream.flush()
        }
        Play::ReplyAndHold(bytes) => {
            read_call(stream)?;
            stream.write_all(bytes)?;
            stream.flush()?;
            stream.read_to_end(&mut Vec::new()).map(drop)
        }
        Play::Drip(bytes) => {
            read_call(stream)?;
            for byte in bytes {
                stream.write_all(&[*byte])?;
                stream.flush()?;
                // the part itself is to be slow; no test waits for this
                thread::sleep(PACE);
            }
            Ok(())
        }
    }
}

fn read_call(stream: &mut impl Read) -> std::io::Result<()> {
    let mut call = [0; CALL];
    stream.read_exact(&mut call)?;
    assert_eq!(call[..], tsmgate_wire::encode_call(super::SEQUENCE)[..], "the call, and no more");
    Ok(())
}

/// A Unix socket with a part.
pub(crate) struct FakeSocket {
    _folder: TempDir,
    path: PathBuf,
}

impl FakeSocket {
    pub(crate) fn start(part: Play) -> Self {
        let (folder, path) = nowhere();
        let listener = UnixListener::bind(&path).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = play(&mut stream.unwrap(), &part);
            }
        });
        Self { _folder: folder, path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// A path in a folder of its own where nothing is.
pub(crate) fn nowhere() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("login");
    (folder, path)
}
