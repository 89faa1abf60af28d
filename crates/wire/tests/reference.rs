//! Our codec against the reference: Apache Thrift's own Rust library with generated client and server.
//! What it writes we read the same; what we write, and whatever else we accept, it reads the same.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::io::Cursor;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::Index;
use thrift::protocol::{TBinaryInputProtocol, TBinaryOutputProtocol, TInputProtocol};
use thrift::server::TProcessor;
use thrift::{ApplicationError, ApplicationErrorKind, Error};
use tsmgate_wire::generated::passwordless_login::{
    PasswordLessLoginResult, PasswordLessLoginReturnCode as Code, PasswordLessLoginSyncClient,
    PasswordLessLoginSyncHandler, PasswordLessLoginSyncProcessor, TPasswordLessLoginSyncClient,
};
use tsmgate_wire::{
    Answer, Cookie, ExceptionKind, Login, RemoteException, ReplyFault, Secret, decode_call,
    decode_reply, encode_call, encode_reply,
};

/// The reference's server, which says what it is told to: a result, or an exception with this message.
struct Says(Result<PasswordLessLoginResult, String>);

impl PasswordLessLoginSyncHandler for Says {
    fn handle_login(&self) -> thrift::Result<PasswordLessLoginResult> {
        let kind = ApplicationErrorKind::ProtocolError;
        self.0.clone().map_err(|message| Error::Application(ApplicationError::new(kind, message)))
    }
}

/// How many bytes of the call the server read, and its reply.
fn server(call: &[u8], says: Says) -> (usize, Vec<u8>) {
    let mut reply = Vec::new();
    let mut read = Cursor::new(call);
    PasswordLessLoginSyncProcessor::new(says)
        .process(
            &mut TBinaryInputProtocol::new(&mut read, true),
            &mut TBinaryOutputProtocol::new(&mut reply, true),
        )
        .unwrap();
    (usize::try_from(read.position()).unwrap(), reply)
}

/// What the reference's client, whose first call has the number 1, makes of a reply.
fn client(reply: &[u8]) -> thrift::Result<PasswordLessLoginResult> {
    PasswordLessLoginSyncClient::new(
        TBinaryInputProtocol::new(Cursor::new(reply), true),
        TBinaryOutputProtocol::new(Vec::new(), true),
    )
    .login()
}

/// That the reference understands these bytes as we understood them.
fn agrees(bytes: &[u8], ours: &Answer) {
    match (ours, client(bytes)) {
        (Answer::Exception(ours), Err(Error::Application(theirs))) => {
            // it has a word for a message that is not there, and one kind for all it does not know
            let known = (0..=10).contains(&ours.kind.number());
            assert_eq!(theirs.kind as i32, if known { ours.kind.number() } else { 0 });
            assert!(theirs.message == ours.message || ours.message.is_empty(), "{theirs:?}");
        }
        (Answer::Granted(login), Ok(theirs)) => {
            assert_eq!(theirs.return_code, Some(Code::PLL_SUCCESS));
            assert_eq!(theirs.username.unwrap_or_default(), login.username);
            assert_eq!(theirs.cookie_name.as_deref(), Some(login.cookie.name()));
            assert_eq!(theirs.cookie_value.as_deref(), Some(login.cookie.value().expose()));
            assert_eq!(theirs.cookie_max_age, i32::try_from(login.cookie.max_age()).ok());
        }
        (Answer::NotAuthorized, Ok(theirs)) => {
            assert_eq!(theirs.return_code, Some(Code::PLL_NOT_AUTHORIZED));
        }
        (Answer::Error, Ok(theirs)) => assert_eq!(theirs.return_code, Some(Code::PLL_ERROR)),
        (ours, theirs) => panic!("we read {ours:?}, the reference {theirs:?}"),
    }
}

/// Results as a server may give them, most of them good.
fn results() -> impl Strategy<Value = PasswordLessLoginResult> {
    let code = prop_oneof![6 => Just(0), 2 => 0_i32..4, 1 => any::<i32>()];
    let name = prop_oneof![4 => "[A-Za-z_]{1,30}", 1 => any::<String>()];
    let value = prop_oneof![4 => "[!#-+\\--:<-\\[\\]-~]{1,600}", 1 => any::<String>()];
    let age = prop_oneof![4 => 1..i32::MAX, 1 => any::<i32>()];
    (
        weighted(0.95, code),
        weighted(0.9, any::<String>()),
        weighted(0.9, name),
        weighted(0.9, value),
        weighted(0.9, age),
    )
        .prop_map(|(code, user, name, value, age)| {
            PasswordLessLoginResult::new(code.map(Code), user, name, value, age)
        })
}

/// Answers as we write them.
fn answers() -> impl Strategy<Value = Answer> {
    let granted = (any::<String>(), "[A-Za-z_]{1,30}", "[!#-+\\--:<-\\[\\]-~]{1,600}", 1..i32::MAX);
    prop_oneof![
        4 => granted.prop_map(|(username, name, value, age)| {
            let cookie = Cookie::new(name, Secret::new(value), age).unwrap();
            Answer::Granted(Login { username, cookie })
        }),
        1 => Just(Answer::NotAuthorized),
        1 => Just(Answer::Error),
        1 => (any::<String>(), any::<bool>()).prop_map(|(message, internal)| {
            let kind =
                if internal { ExceptionKind::InternalError } else { ExceptionKind::UnknownMethod };
            Answer::Exception(RemoteException { kind, message })
        }),
    ]
}

/// Small harm to bytes: one written over, put in or taken out, or a piece said twice.
type Harm = (u8, Index, Index, u8);

fn harmed(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for (kind, at, to, byte) in harms {
        let (at, to) = (at.index(bytes.len()), to.index(bytes.len()));
        match kind % 5 {
            0 => bytes[at] = *byte,
            1 => bytes[at] ^= 1 << (byte % 8),
            2 => bytes.insert(at, *byte),
            3 if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => {
                let piece = bytes[at.min(to)..at.max(to)].to_vec();
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// R33: a result of the reference's server is read as what it is, or refused for what it lacks
    #[test]
    fn what_the_reference_says_we_read_the_same(result in results(), sequence: i32) {
        let call = encode_call(sequence);
        let (read, bytes) = server(&call, Says(Ok(result.clone())));
        prop_assert_eq!(read, call.len());
        let name = result.cookie_name.clone().unwrap_or_default();
        let value = Secret::new(result.cookie_value.clone().unwrap_or_default());
        let age = result.cookie_max_age.unwrap_or_default();
        let wanted = match result.return_code {
            None => Err(ReplyFault::NoReturnCode),
            Some(Code::PLL_SUCCESS) => match Cookie::new(name, value, age) {
                Ok(cookie) => {
                    let username = result.username.unwrap_or_default();
                    Ok(Some(Answer::Granted(Login { username, cookie })))
                }
                Err(fault) => Err(ReplyFault::NoCookie(fault)),
            },
            Some(Code::PLL_NOT_AUTHORIZED) => Ok(Some(Answer::NotAuthorized)),
            Some(Code::PLL_ERROR) => Ok(Some(Answer::Error)),
            Some(Code(other)) => Err(ReplyFault::UnknownReturnCode(other)),
        };
        prop_assert_eq!(decode_reply(&bytes, sequence), wanted);
    }

    /// R33: an exception of the reference's server is read as what it is
    #[test]
    fn the_references_exceptions_we_read_the_same(message: String, sequence: i32) {
        let (_, bytes) = server(&encode_call(sequence), Says(Err(message.clone())));
        let kind = ExceptionKind::ProtocolError;
        let wanted = Answer::Exception(RemoteException { kind, message });
        prop_assert_eq!(decode_reply(&bytes, sequence), Ok(Some(wanted)));
    }

    /// R33: what we write the reference's client reads the same, and so do we
    #[test]
    fn what_we_say_the_reference_reads_the_same(answer in answers()) {
        let bytes = encode_reply(1, &answer);
        agrees(&bytes, &answer);
        prop_assert_eq!(decode_reply(&bytes, 1), Ok(Some(answer)));
    }

    /// R33: whatever harm was done to a reply: if we accept it, the reference reads the same in it
    #[test]
    fn what_we_accept_of_a_reply_the_reference_reads_the_same(
        answer in answers(),
        harms in vec(any::<Harm>(), 0..4),
    ) {
        let bytes = harmed(encode_reply(1, &answer).to_vec(), &harms);
        if let Ok(Some(ours)) = decode_reply(&bytes, 1) {
            agrees(&bytes, &ours);
        }
    }

    /// R29, R30: whatever harm was done to a call: if we accept it, it is the one legal call, but for the byte
    /// of the version that nobody reads, and the reference's server reads that and not a byte more
    #[test]
    fn what_we_accept_of_a_call_is_the_call(
        sequence: i32,
        harms in vec(any::<Harm>(), 0..4),
        behind in vec(any::<u8>(), 0..20),
    ) {
        let bytes = [harmed(encode_call(sequence), &harms), behind].concat();
        if let Ok(Some(call)) = decode_call(&bytes) {
            let mut legal = encode_call(call.sequence);
            legal[2] = bytes[2];
            prop_assert_eq!(&bytes[..call.length], &legal[..]);
            let mut input = TBinaryInputProtocol::new(Cursor::new(&bytes[..]), true);
            prop_assert_eq!(input.read_message_begin().unwrap().sequence_number, call.sequence);
            let (read, reply) = server(&bytes, Says(Ok(PasswordLessLoginResult::default())));
            prop_assert_eq!(read, call.length);
            let empty = decode_reply(&reply, call.sequence);
            prop_assert_eq!(empty, Err(ReplyFault::NoReturnCode));
        }
    }
}
