//! The honest controller: golden bytes, the generated client, who is seen, what is logged and kept.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use thrift::protocol::{TBinaryInputProtocol, TBinaryOutputProtocol};
use tsmgate_wire::generated::passwordless_login::{
    PasswordLessLoginResult, PasswordLessLoginReturnCode, PasswordLessLoginSyncClient,
    TPasswordLessLoginSyncClient,
};
use tsmsim::{Account, Behaviour, Directory, Policy, Simulator, SimulatorOptions};

const CALL: &[u8] = b"\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x01\x00";
const REFUSAL: &[u8] = b"\x80\x01\x00\x02\x00\x00\x00\x05login\x00\x00\x00\x01\
    \x0c\x00\x00\x08\x00\x01\x00\x00\x00\x01\x00\x00";
const DEADLINE: Duration = Duration::from_secs(10);

/// A table in which the user of this test has this name and these groups, and is not root.
fn options(folder: &tempfile::TempDir, name: &str, groups: &[&str]) -> SimulatorOptions {
    let mut options = SimulatorOptions::new(folder.path().join("login"));
    let table = vec![Account::of_this_process(name, groups)];
    options.policy = Policy { directory: Directory::Table(table), ..Policy::default() };
    options
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Sends bytes, says no more, and returns all that comes back.
async fn exchange(simulator: &Simulator, bytes: &'static [u8]) -> Vec<u8> {
    let socket = simulator.socket().to_owned();
    blocking(move || {
        let mut stream = connect(&socket);
        stream.write_all(bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    })
    .await
}

/// `calls` logins of the generated client on one connection, in the many small writes it makes.
async fn log_in(socket: PathBuf, calls: usize) -> Vec<thrift::Result<PasswordLessLoginResult>> {
    blocking(move || {
        let stream = connect(&socket);
        let mut client = PasswordLessLoginSyncClient::new(
            TBinaryInputProtocol::new(stream.try_clone().unwrap(), true),
            TBinaryOutputProtocol::new(stream, true),
        );
        (0..calls).map(|_| client.login()).collect()
    })
    .await
}

#[tokio::test]
async fn the_generated_client_gets_a_cookie_shaped_like_the_real_one() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(options(&folder, "gate", &["tsmadmin"])).await.unwrap();
    let result = log_in(simulator.socket().into(), 1).await.remove(0).unwrap();
    assert_eq!(result.return_code, Some(PasswordLessLoginReturnCode::PLL_SUCCESS));
    assert_eq!(result.username.as_deref(), Some("tsmsvc"));
    assert_eq!(result.cookie_name.as_deref(), Some("AUTH_COOKIE"));
    assert_eq!(result.cookie_max_age, Some(7200));
    let cookie = result.cookie_value.unwrap();
    let parts: Vec<&str> = cookie.split('.').collect();
    assert_eq!(parts[0], "eyJjdHkiOiJKV1QiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0");
    let lengths = parts.iter().map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap().len());
    assert_eq!(lengths.collect::<Vec<_>>(), [47, 0, 16, 224, 16]);
    assert_eq!(simulator.cookies(), [cookie]);
}

#[tokio::test]
async fn several_calls_on_one_connection_get_several_cookies() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(options(&folder, "tableau", &[])).await.unwrap();
    let results = log_in(simulator.socket().into(), 3).await;
    let values: Vec<_> =
        results.into_iter().map(|one| one.unwrap().cookie_value.unwrap()).collect();
    assert_eq!(simulator.cookies(), values);
    assert!(values[0] != values[1] && values[1] != values[2]);
    assert_eq!((simulator.counts().connections, simulator.counts().calls), (1, 3));
}

#[tokio::test]
async fn golden_bytes_go_in_and_are_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(options(&folder, "gate", &["tsmadmin"])).await.unwrap();
    let answer = exchange(&simulator, CALL).await;
    let cookie = simulator.cookies().remove(0);
    let length = u32::try_from(cookie.len()).unwrap().to_be_bytes();
    let expected = [
        b"\x80\x01\x00\x02\x00\x00\x00\x05login\x00\x00\x00\x01\x0c\x00\x00".as_slice(),
        b"\x08\x00\x01\x00\x00\x00\x00\x0b\x00\x02\x00\x00\x00\x06tsmsvc",
        b"\x0b\x00\x03\x00\x00\x00\x0bAUTH_COOKIE\x0b\x00\x04",
        &length,
        cookie.as_bytes(),
        b"\x08\x00\x05\x00\x00\x1c\x20\x00\x00",
    ];
    assert_eq!(answer, expected.concat());
    simulator.wait_until(DEADLINE, |counts| counts.open == 0).await.unwrap();
    let seen = simulator.connections().remove(0);
    assert_eq!((seen.received.as_slice(), seen.received_bytes, seen.ended), (CALL, 18, true));
    assert_eq!(seen.behaviour, Behaviour::Honest);
    assert_eq!(seen.peer.uid, Account::of_this_process("", &[]).uid);
    assert_eq!(seen.peer.pid, i32::try_from(std::process::id()).ok());
}

#[tokio::test]
async fn a_user_outside_the_group_is_refused_with_the_code_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&folder, "support", &["users"]);
    if Account::of_this_process("", &[]).uid == 0 {
        // root passes whatever the table says: the refusal is scripted then
        options.behaviour = Behaviour::NotAuthorized;
    }
    let simulator = Simulator::start(options).await.unwrap();
    assert_eq!(exchange(&simulator, CALL).await, REFUSAL);
    let counts = simulator.counts();
    assert_eq!((counts.refusals, counts.cookies, counts.answers), (1, 0, 1));
}

#[tokio::test]
async fn the_log_has_the_lines_of_the_real_controller() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(options(&folder, "tsmuser", &["tsmadmin"])).await.unwrap();
    log_in(simulator.socket().into(), 1).await.remove(0).unwrap();
    let uid = Account::of_this_process("", &[]).uid;
    let logger = "com.tableausoftware.tabadmin.webapp.impl.linux.LinuxPasswordLessLoginManager";
    let (times, rests): (Vec<_>, Vec<_>) = simulator
        .journal()
        .into_iter()
        .map(|line| (line[..29].to_owned(), line[29..].to_owned()))
        .unzip();
    assert_eq!(
        rests,
        [
            format!(
                "  Thread-1 : INFO  {logger} - Password-less login request from user 'tsmuser' with uid '{uid}'"
            ),
            format!(
                "  Thread-1 : INFO  {logger} - User with uid '{uid}' and username 'tsmuser' is logged in via password-less auth"
            ),
        ]
    );
    let shape = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "0");
    assert!(times.iter().all(|time| shape(time) == "0000-00-00 00:00:00.000 +0000"), "{times:?}");
}

#[tokio::test]
async fn what_is_no_call_is_closed_without_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(options(&folder, "gate", &["tsmadmin"])).await.unwrap();
    let cases: [&'static [u8]; 3] = [b"GET / HTTP/1.1\r\n\r\n", &CALL[..17], b""];
    for bytes in cases {
        assert_eq!(exchange(&simulator, bytes).await, b"");
    }
    assert_eq!(simulator.counts().calls, 0);
}

#[tokio::test]
async fn an_unknown_method_gets_an_exception() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(options(&folder, "gate", &["tsmadmin"])).await.unwrap();
    let answer =
        exchange(&simulator, b"\x80\x01\x00\x01\x00\x00\x00\x04nope\x00\x00\x00\x07\x00").await;
    assert!(answer.starts_with(b"\x80\x01\x00\x03\x00\x00\x00\x04nope\x00\x00\x00\x07"));
    assert_eq!((simulator.counts().calls, simulator.counts().cookies), (1, 0));
}
