//! What is said of a command line that cannot be read.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use super::*;

#[test]
fn a_url_that_is_refused_is_not_said_again() {
    let url = "http://me:SECRET@tableau/trusted/SECRET/";
    let (mut out, mut talk) = (Vec::new(), Vec::new());
    let streams = Streams {
        out: &mut out,
        out_is_terminal: false,
        out_width: None,
        coloured: false,
        talk: &mut talk,
        talk_width: None,
    };
    let code = run(["tsmgate", "monitor", "--systeminfo", url].map(OsString::from), streams);
    let talk = String::from_utf8(talk).unwrap();
    assert_eq!(code, Exit::Usage.code());
    assert!(talk.contains("the URL of the gateway") && !talk.contains("SECRET"), "{talk}");
    assert!(out.is_empty());
}
