//! The certificates and lists of a PKCS#7 bundle (RFC 5652 § 5.1, SignedData), as certificate services of
//! Windows and `openssl crl2pkcs7` write them. What is signed in one, and by whom, is not looked at:
//! such a bundle is a bag.

use x509_parser::asn1_rs::{Any, Class, FromDer, Oid, Tag};

use super::PARTS_MOST;
use super::read::Block;

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const CERTIFICATES: Tag = Tag(0);
const LISTS: Tag = Tag(1);

/// What is in the bag; none where it is no such bag.
pub(super) fn blocks(der: &[u8]) -> Option<Vec<Block>> {
    let (rest, outer) = Any::from_der(der).ok()?;
    let (content, kind) = Oid::from_der(outer.data).ok()?;
    if !rest.is_empty() || outer.tag() != Tag::Sequence || kind.to_id_string() != SIGNED_DATA {
        return None;
    }
    let (_, explicit) = Any::from_der(content).ok()?;
    let (_, signed) = Any::from_der(explicit.data).ok()?;
    let mut found = Vec::new();
    for (field, _) in elements(signed.data)? {
        if field.class() != Class::ContextSpecific {
            continue;
        }
        // other kinds of certificates in the set have tags of their own
        let plain = elements(field.data)?.into_iter();
        let plain = plain.filter(|(one, _)| one.class() == Class::Universal);
        for (_, der) in plain {
            match field.tag() {
                CERTIFICATES => found.push(Block::Certificate(der.to_vec())),
                LISTS => found.push(Block::List(der.to_vec())),
                _ => {}
            }
        }
    }
    Some(found)
}

/// Each element with its bytes; none where one is broken or there are too many.
fn elements(mut data: &[u8]) -> Option<Vec<(Any<'_>, &[u8])>> {
    let mut found = Vec::new();
    while !data.is_empty() {
        let (rest, one) = Any::from_der(data).ok()?;
        found.push((one, data.get(..data.len().checked_sub(rest.len())?)?));
        data = rest;
        if found.len() > PARTS_MOST {
            return None;
        }
    }
    Some(found)
}
