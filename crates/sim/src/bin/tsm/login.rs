//! The login without a password: the generated client, on the controller's socket.
//!
//! The controller asks the kernel who connected; this program runs as whoever started it, and says nothing.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use thrift::protocol::{TBinaryInputProtocol, TBinaryOutputProtocol};
use tsmgate_wire::generated::passwordless_login::{
    PasswordLessLoginReturnCode, PasswordLessLoginSyncClient, TPasswordLessLoginSyncClient,
};

use crate::failure::Failure;

/// For each read of the answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Gives the session's cookie as the request's header has it. Documented: without a session and without
/// `--username` the local program logs in this way.
pub(crate) fn without_password(socket: &Path) -> Result<String, Failure> {
    let result = ask(socket).map_err(|error| {
        Failure::Unreachable(format!("Could not connect to the controller: {error}."))
    })?;
    match (result.return_code, result.cookie_name, result.cookie_value) {
        (Some(PasswordLessLoginReturnCode::PLL_SUCCESS), Some(name), Some(value)) => {
            Ok(format!("{name}={value}"))
        }
        // Guess: the words.
        (Some(PasswordLessLoginReturnCode::PLL_NOT_AUTHORIZED), ..) => {
            Err(Failure::failed("This user is not authorized to administer TSM."))
        }
        _ => Err(Failure::failed("The controller could not log this user in.")),
    }
}

fn ask(
    socket: &Path,
) -> thrift::Result<tsmgate_wire::generated::passwordless_login::PasswordLessLoginResult> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    let mut client = PasswordLessLoginSyncClient::new(
        TBinaryInputProtocol::new(stream.try_clone()?, true),
        TBinaryOutputProtocol::new(stream, true),
    );
    client.login()
}
