//! Fields of an answer that nobody has promised: a text, a number, a list, or nothing.
//!
//! A field of another type than expected counts as missing. A text is cut and a list has its limit
//! while they are read, so that what is kept stays small.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// So many bytes of a text are kept, the first; what is shown is cut to less.
pub const TEXT_KEPT: usize = 1024;

/// What a field may hold.
enum Scalar {
    Nothing,
    Text(String),
    Number(u64),
}

/// A text, or a number or truth value as text.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match from.deserialize_any(AnyScalar)? {
        Scalar::Nothing => None,
        Scalar::Text(text) => Some(text),
        Scalar::Number(number) => Some(number.to_string()),
    })
}

/// A whole number, also as text; of a fraction the whole part. Negative ones are missing.
pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(match from.deserialize_any(AnyScalar)? {
        Scalar::Nothing => None,
        Scalar::Text(text) => text.trim().parse().ok(),
        Scalar::Number(number) => Some(number),
    })
}

struct AnyScalar;

impl<'de> Visitor<'de> for AnyScalar {
    type Value = Scalar;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(cut(text)))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Scalar, E> {
        Ok(Scalar::Text(truth.to_string()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
        Ok(u64::try_from(number).map_or(Scalar::Nothing, Scalar::Number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar, E> {
        // without a cast: a whole part of at most fifteen digits is exact, a larger one no number of ours
        let whole = format!("{:.0}", number.trunc());
        Ok(if number.abs() < 1e15 {
            whole.parse().map_or(Scalar::Nothing, Scalar::Number)
        } else {
            Scalar::Nothing
        })
    }

    fn visit_unit<E: Error>(self) -> Result<Scalar, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Scalar, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }
}

fn cut(text: &str) -> String {
    // a character has at most four bytes, so one of four places is between two of them
    let place = (TEXT_KEPT - 3..=TEXT_KEPT).rev().find(|&place| text.is_char_boundary(place));
    text.get(..place.unwrap_or(text.len()).min(text.len())).unwrap_or_default().to_owned()
}

/// A list of which at most `MOST` are kept, the first; null is an empty one.
pub(super) fn list<'de, D, T, const MOST: usize>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    from.deserialize_any(Few::<T, MOST>(PhantomData))
}

struct Few<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Few<T, MOST> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MOST {
            match list.next_element()? {
                Some(element) => kept.push(element),
                None => return Ok(kept),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(kept)
    }
}
