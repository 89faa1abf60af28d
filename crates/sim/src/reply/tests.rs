//! The golden bytes of an answer, and what each behaviour does to them.

use super::*;

const CALL: &[u8] = b"\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x01\x00";
const REPLY: &[u8] = b"\x80\x01\x00\x02\x00\x00\x00\x05login\x00\x00\x00\x01\
    \x0c\x00\x00\x08\x00\x01\x00\x00\x00\x00\x0b\x00\x02\x00\x00\x00\x01u\
    \x0b\x00\x03\x00\x00\x00\x0bAUTH_COOKIE\x0b\x00\x04\x00\x00\x00\x01v\
    \x08\x00\x05\x00\x00\x1c\x20\x00\x00";
const REFUSAL: &[u8] = b"\x80\x01\x00\x02\x00\x00\x00\x05login\x00\x00\x00\x01\
    \x0c\x00\x00\x08\x00\x01\x00\x00\x00\x01\x00\x00";

fn play(behaviour: Behaviour) -> Script {
    script(behaviour, CALL, granted("u", "v".into(), 7200)).unwrap()
}

#[test]
fn honest_answers_are_the_golden_bytes() {
    assert_eq!(play(Behaviour::Honest).bytes, REPLY);
    assert_eq!(play(Behaviour::Honest).then, After::NextCall);
    let refusal = failed(PasswordLessLoginReturnCode::PLL_NOT_AUTHORIZED);
    assert_eq!(script(Behaviour::Honest, CALL, refusal).unwrap().bytes, REFUSAL);
}

#[test]
fn an_unknown_method_gets_an_exception_under_its_own_name_and_number() {
    let call = b"\x80\x01\x00\x01\x00\x00\x00\x04nope\x00\x00\x00\x07\x00";
    let answer = script(Behaviour::Honest, call, granted("u", "v".into(), 7200)).unwrap().bytes;
    assert_eq!(answer[..16], *b"\x80\x01\x00\x03\x00\x00\x00\x04nope\x00\x00\x00\x07");
    assert!(answer.ends_with(b"\x08\x00\x02\x00\x00\x00\x01\x00"), "type 1: {answer:02x?}");
}

#[test]
fn patched_answers_differ_from_the_honest_one_only_where_they_should() {
    let differences = |behaviour| -> Vec<usize> {
        let bytes = play(behaviour).bytes;
        (0..REPLY.len()).filter(|&at| bytes.get(at) != REPLY.get(at)).collect()
    };
    assert_eq!(differences(Behaviour::WrongSequence), [16]);
    assert_eq!(differences(Behaviour::WrongMethod), [11]);
    assert_eq!(differences(Behaviour::UnknownCode(7)), [26]);
    assert_eq!(differences(Behaviour::OneByteAtATime), [0usize; 0]);
    assert_eq!(play(Behaviour::TrailingBytes).bytes, [REPLY, b"extra"].concat());
    assert_eq!(play(Behaviour::HalfReply(Then::Hang)).bytes, REPLY[..35]);
    assert_eq!(play(Behaviour::MissingMaxAge).bytes, [&REPLY[..61], b"\x00\x00"].concat());
}

#[test]
fn a_huge_string_announces_two_gibibytes_and_stays() {
    let script = play(Behaviour::HugeString);
    assert_eq!(script.bytes, [&REPLY[..56], b"\x7f\xff\xff\xff", b"eyJ"].concat());
    assert_eq!(script.then, After::Hang);
}

#[test]
fn a_long_reply_is_longer_than_sixteen_kibibytes() {
    assert!(play(Behaviour::LongReply).bytes.len() > 17 * 1024);
}

#[test]
fn garbage_never_begins_like_a_message() {
    for _ in 0..1000 {
        assert!(garbage()[0] > 0x80);
    }
}
