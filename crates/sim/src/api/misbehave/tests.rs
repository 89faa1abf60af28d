//! That each name in the help is understood, and that nothing else is.

use super::*;

#[test]
fn every_name_in_the_help_is_understood() {
    for name in ApiBehaviour::NAMES {
        let written = name
            .replace("MILLISECONDS", "1500")
            .replace("BYTES", "70000000000")
            .replace("STATUS", "502");
        written.parse::<ApiBehaviour>().unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!("html:502".parse(), Ok(ApiBehaviour::Html(502)));
    assert_eq!("plant:header".parse(), Ok(ApiBehaviour::Plant(Place::Header)));
}

#[test]
fn other_texts_are_refused() {
    for text in ["", "kind", "delay", "delay:soon", "gzip:1", "html:200", "plant:tree", "huge:-1"] {
        let refused = text.parse::<ApiBehaviour>().unwrap_err();
        assert!(refused.to_string().contains("plant:set-cookie"), "{refused}");
    }
}
