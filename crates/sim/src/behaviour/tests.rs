//! That each name in the help is understood, and that nothing else is.

use super::*;

#[test]
fn every_name_in_the_help_is_understood() {
    for name in Behaviour::NAMES {
        let written = name.replace("MILLISECONDS", "1500").replace("CODE", "7");
        written.parse::<Behaviour>().unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn arguments_are_read() {
    assert_eq!("delay:1500".parse(), Ok(Behaviour::Delay(Duration::from_millis(1500))));
    assert_eq!("unknown-code:-3".parse(), Ok(Behaviour::UnknownCode(-3)));
    assert_eq!("half-reply".parse(), Ok(Behaviour::HalfReply(Then::Close)));
    assert_eq!("half-reply:hang".parse(), Ok(Behaviour::HalfReply(Then::Hang)));
}

#[test]
fn other_texts_are_refused() {
    for text in ["", "kind", "delay", "delay:soon", "garbage:1", "half-reply:later", "Honest"] {
        assert_eq!(text.parse::<Behaviour>().unwrap_err().name, text);
    }
}
