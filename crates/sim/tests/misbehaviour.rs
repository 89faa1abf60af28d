//! Each misbehaviour does what it says, as a peer sees it; and what is queued comes before what stands.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout};
use tsmsim::{Account, Behaviour, Directory, Policy, Simulator, SimulatorOptions, Then};

const CALL: &[u8] = b"\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x01\x00";
const DEADLINE: Duration = Duration::from_secs(10);

async fn simulator(folder: &tempfile::TempDir) -> Simulator {
    let mut options = SimulatorOptions::new(folder.path().join("login"));
    let table = vec![Account::of_this_process("gate", &["tsmadmin"])];
    options.policy = Policy { directory: Directory::Table(table), ..Policy::default() };
    Simulator::start(options).await.unwrap()
}

/// One call to a connection that behaves like this, on a connection of its own.
async fn call(simulator: &Simulator, behaviour: Behaviour) -> UnixStream {
    simulator.behave_next(behaviour);
    let mut stream = UnixStream::connect(simulator.socket()).await.unwrap();
    stream.write_all(CALL).await.unwrap();
    stream
}

/// All that comes until the simulator closes.
async fn all(mut stream: UnixStream) -> Vec<u8> {
    let mut answer = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    answer
}

/// The first bytes that come.
async fn first(stream: &mut UnixStream, length: usize) -> Vec<u8> {
    let mut beginning = vec![0; length];
    timeout(DEADLINE, stream.read_exact(&mut beginning)).await.unwrap().unwrap();
    beginning
}

/// All that comes after we have said that there are no more calls.
async fn answer(simulator: &Simulator, behaviour: Behaviour) -> Vec<u8> {
    let mut stream = call(simulator, behaviour).await;
    stream.shutdown().await.unwrap();
    all(stream).await
}

fn contains(answer: &[u8], part: &[u8]) -> bool {
    answer.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn answers_are_spoiled_as_named() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = simulator(&folder).await;
    let honest = answer(&simulator, Behaviour::Honest).await;
    assert_eq!(honest[..17], *b"\x80\x01\x00\x02\x00\x00\x00\x05login\x00\x00\x00\x01");

    let wrong_sequence = answer(&simulator, Behaviour::WrongSequence).await;
    assert_eq!(wrong_sequence[13..17], *b"\x00\x00\x00\x02");
    assert_eq!(wrong_sequence.len(), honest.len());
    let wrong_method = answer(&simulator, Behaviour::WrongMethod).await;
    assert_eq!(wrong_method[8..13], *b"logon");
    let exception = answer(&simulator, Behaviour::Exception).await;
    assert!(exception.starts_with(b"\x80\x01\x00\x03") && exception.ends_with(b"\x06\x00"));
    let unknown_code = answer(&simulator, Behaviour::UnknownCode(7)).await;
    assert_eq!(unknown_code[23..27], *b"\x00\x00\x00\x07");
    assert_eq!(unknown_code.len(), honest.len());
    for (behaviour, code) in [(Behaviour::NotAuthorized, 1), (Behaviour::PllError, 2)] {
        let refusal = answer(&simulator, behaviour).await;
        assert_eq!((refusal.len(), refusal[26]), (29, code));
    }
    let empty = answer(&simulator, Behaviour::EmptyCookie).await;
    assert!(contains(&empty, b"AUTH_COOKIE\x0b\x00\x04\x00\x00\x00\x00\x08"));
    let newline = answer(&simulator, Behaviour::CookieWithNewline).await;
    assert!(contains(&newline, b"\r\nSet-Cookie: "));
    let ageless = answer(&simulator, Behaviour::MissingMaxAge).await;
    assert!(!contains(&ageless, b"\x08\x00\x05") && ageless.len() == honest.len() - 7);
    let trailing = answer(&simulator, Behaviour::TrailingBytes).await;
    assert!(trailing.ends_with(b"\x00\x00extra") && trailing.len() == honest.len() + 5);
    assert!(answer(&simulator, Behaviour::LongReply).await.len() > 17 * 1024);
    assert_eq!(answer(&simulator, Behaviour::OneByteAtATime).await.len(), honest.len());
}

#[tokio::test]
async fn some_close_early() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = simulator(&folder).await;
    let garbage = all(call(&simulator, Behaviour::Garbage).await).await;
    assert!(garbage.len() == 64 && garbage[0] > 0x80);
    let half = all(call(&simulator, Behaviour::HalfReply(Then::Close)).await).await;
    assert!(half.len() > 100 && half.starts_with(b"\x80\x01\x00\x02"));
    assert_eq!(all(call(&simulator, Behaviour::Vanish).await).await, b"");
    assert_eq!(simulator.connections().last().unwrap().received, CALL);

    let mut reset = call(&simulator, Behaviour::RefuseAfterAccept).await;
    let error = timeout(DEADLINE, reset.read_u8()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn some_stay_open_until_the_peer_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = simulator(&folder).await;
    let mut hanging = call(&simulator, Behaviour::HalfReply(Then::Hang)).await;
    let mut huge = call(&simulator, Behaviour::HugeString).await;
    let silent = call(&simulator, Behaviour::Silent).await;
    assert_eq!(first(&mut hanging, 4).await, *b"\x80\x01\x00\x02");
    let beginning = first(&mut huge, 68).await;
    assert!(beginning.ends_with(b"\x0b\x00\x04\x7f\xff\xff\xffeyJ"), "{beginning:02x?}");
    let heard = || simulator.connections().get(2).is_some_and(|third| third.received == CALL);
    timeout(DEADLINE, async {
        while !heard() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(silent.try_read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(simulator.counts().open, 3);
    drop((hanging, huge, silent));
    simulator.wait_until(DEADLINE, |counts| counts.open == 0).await.unwrap();
}

#[tokio::test]
async fn a_delay_delays() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = simulator(&folder).await;
    let before = Instant::now();
    let pause = Duration::from_millis(200);
    assert!(answer(&simulator, Behaviour::Delay(pause)).await.len() > 300);
    assert!(before.elapsed() >= pause);
}

#[tokio::test]
async fn a_queued_behaviour_is_for_one_connection_and_goes_before_the_standing_one() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = simulator(&folder).await;
    simulator.behave(Behaviour::PllError);
    assert_eq!(answer(&simulator, Behaviour::NotAuthorized).await[26], 1);
    let mut stream = UnixStream::connect(simulator.socket()).await.unwrap();
    stream.write_all(CALL).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(all(stream).await[26], 2);
}
