//! Whether bytes are one JSON document, and one that whoever reads it over there can hold.
//!
//! It is read and forgotten: nothing of it is kept, mended or understood.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Whether these are one document, its texts in UTF-8, no deeper than `serde_json` goes (128): there are
/// readers that pay for each bracket with a piece of their stack.
pub(super) fn is_document(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Any>(bytes).is_ok()
}

/// Any value. Unlike serde's `IgnoredAny` it goes down the document, and looks into its texts.
struct Any;

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    //! Documents, and what is none.

    use super::*;

    #[test]
    fn documents_are_told_from_other_bytes() {
        for good in [
            "{}",
            "[]",
            "null",
            "true",
            "0",
            "-1.5e3",
            "18446744073709551616",
            "\"a\"",
            " [1, {\"a\": \"b\\n\"}] ",
            "{\"a\":1,\"a\":{}}",
            "\"\u{e4}\\ud83d\\ude00\"",
        ] {
            assert!(is_document(good.as_bytes()), "{good}");
        }
        for bad in [
            &b""[..],
            b" ",
            b"{",
            b"{}{}",
            b"[1,]",
            b"{\"a\"}",
            b"{1:2}",
            b"nul",
            b"'a'",
            b"\"\xff\"",
            b"\"\\ud800\"",
            b"\"\n\"",
            b"\xef\xbb\xbf{}",
            b"[1]\0",
            b"NaN",
            b"01",
            b"//\n1",
        ] {
            assert!(!is_document(bad), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn a_document_is_not_deeper_than_128() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_document(deep(127).as_bytes()));
        assert!(!is_document(deep(128).as_bytes()));
        assert!(!is_document(deep(500_000).as_bytes()));
        // next to each other they may be many
        assert!(is_document(format!("[{}0]", "{},".repeat(300_000)).as_bytes()));
    }
}
