//! What a colour looks like, and when there is none.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use super::*;

#[test]
fn a_tone_is_taken_out_where_it_is_not_wanted() {
    let text = format!("a {} b\n", Tone::Bad.paint("ill"));
    assert_eq!(text, "a \u{1b}[1m\u{1b}[31mill\u{1b}[0m b\n");
    assert_eq!(dress(text.clone(), true), text);
    assert_eq!(dress(text, false), "a ill b\n");
    assert_eq!(Tone::Plain.paint("as it is"), "as it is");
}

#[test]
fn words_stay_when_colours_go() {
    for tone in [Tone::Plain, Tone::Heading, Tone::Good, Tone::Middling, Tone::Bad, Tone::Quiet] {
        assert_eq!(dress(tone.paint("wörter"), false), "wörter");
    }
}

#[test]
fn a_choice_is_obeyed_and_a_pipe_has_no_colour_of_itself() {
    let pipe = Vec::<u8>::new();
    assert!(When::Always.is_wanted(&pipe));
    assert!(!When::Never.is_wanted(&pipe));
    // whoever sets this variable for the tests wants colours in pipes
    let forced = std::env::var("CLICOLOR_FORCE").is_ok_and(|value| value != "0");
    assert_eq!(When::Auto.is_wanted(&pipe), forced);
}
