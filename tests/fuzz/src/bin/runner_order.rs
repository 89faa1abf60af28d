//! What the gate and its runner say to each other: a question is one line and reads the same when it is written
//! anew; what is none is refused without a word of it. The first byte says where the first packet ends.
#![no_main]

use tsmgate_catalogue::runner::{Ask, RefusalCode, Said};
use tsmgate_runner::conversation::Questions;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, sent)) = fuzz::choice(bytes) else { return };
    let read = |first: usize| {
        let mut stream = fuzz::in_parts(sent, first);
        fuzz::wait(async { Questions::default().read(&mut stream).await })
    };
    let line_end = sent.iter().position(|byte| *byte == b'\n');
    let ends_at = |end: usize| line_end.map(|at| at + 1) == Some(end);
    let asked = read(first.into());
    match &asked {
        Ok(ask) => {
            assert!(ends_at(sent.len()) || ends_at(first.into()), "nothing follows in its packet");
            let line = one_line(ask);
            let again: Ask = serde_json::from_slice(&line).expect("it reads what it writes");
            assert_eq!(one_line(&again), line);
        }
        Err(Some(refused)) => {
            assert_eq!(refused.code, RefusalCode::BadOrder);
            let fixed = refused.message.trim_end_matches(|c: char| c.is_ascii_digit());
            assert_eq!(fixed, "the question is none, at its byte ");
        }
        // nobody waits for an answer
        Err(None) => {}
    }
    if read(sent.len()).is_ok() != asked.is_ok() {
        assert!(
            asked.is_ok() && ends_at(first.into()),
            "packets are told apart at a line's end only"
        );
    }
    if let Ok(said) = serde_json::from_slice::<Said>(sent) {
        let line = one_line(&said);
        let again: Said = serde_json::from_slice(&line).expect("it reads what it writes");
        assert_eq!(one_line(&again), line);
    }
});

fn one_line(what: &impl serde::Serialize) -> Vec<u8> {
    let line = serde_json::to_vec(what).expect("it can be written");
    assert!(line.iter().all(|byte| *byte >= b' '));
    line
}
