//! What is secret in TSM's answers, and taking it out: TSM gives passwords and keys in clear to whoever
//! has a session.
//!
//! The rule, which rather takes too much than too little:
//!
//! 1. **By name.** The name of a value is all the member names above it, joined. If it has a word of
//!    [`names`], in whatever case and however it is joined, everything below it is secret: texts, numbers,
//!    lists, objects, also the empty text. `true`, `false` and `null` stay, for they hold nothing.
//! 2. **By a name beside it.** In an object one of whose members says such a name (`{"key":
//!    "pgsql.adminpassword", "value": …}`, or has it in a list or object), all other members are secret. In a
//!    list, what stands beside such a name is.
//! 3. **By its look.** A text that is encrypted (`ENC(…)`), holds a private key (PEM, also in base64), is a
//!    signed or encrypted token, has a password in an address, or says such a name and its value itself
//!    (`password=…`, `pgsql.adminpassword: …`, `--password …`), or is a product key.
//!
//! What is known to be public stays: certificates and chains (`*.cert.file_bytes`), names of files.

mod beside;
mod lines;
mod looks;
pub mod names;
mod tree;

use serde_json::Value;

pub use lines::{Lines, redact_line};
use names::Names;
use tree::Node;

/// What stands where a secret stood.
pub const MARKER: &str = "[redacted by tsmgate]";

/// A text that is no JSON document, or one that is too deep: nothing can be taken out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not one JSON document, or too deep")]
pub struct NotJson;

/// Whether the values of a configuration key, member or parameter of this name are secret.
pub fn is_secret(name: &str) -> bool {
    Names::default().is_secret(name)
}

/// Whether a request with this body can be one for a secret, so that the answer may be its value alone:
/// whether any of its texts and member names, or some of them read as one name, is a secret's name. So does
/// what is not JSON; an empty body does not.
pub fn asks_for_secret(body: &[u8]) -> bool {
    let empty = body.iter().all(u8::is_ascii_whitespace);
    !empty
        && Node::read(body).is_none_or(|body| {
            let mut texts = String::new();
            collect(&body, &mut texts);
            Names::default().could_be_secret("", &texts)
        })
}

/// Takes every secret out of an answer, and tells how many values were replaced by [`MARKER`].
pub fn redact(json: &mut Value) -> usize {
    in_value(json, in_node)
}

/// Takes every text and number out of an answer that is as a whole the value of a secret. Its shape and its
/// member names stay.
pub fn redact_all(json: &mut Value) -> usize {
    in_value(json, all_of_node)
}

/// As [`redact`], from text to text: what comes back is written anew, without blanks, and has its members in
/// their order and its numbers digit for digit.
///
/// # Errors
/// [`NotJson`], also for what is nested more than 127 deep.
pub fn redact_text(json: &[u8]) -> Result<(Vec<u8>, usize), NotJson> {
    in_text(json, in_node)
}

/// As [`redact_all`], from text to text.
///
/// # Errors
/// As [`redact_text`].
pub fn redact_all_text(json: &[u8]) -> Result<(Vec<u8>, usize), NotJson> {
    in_text(json, all_of_node)
}

fn in_value(json: &mut Value, redact: fn(&mut Node<'_>) -> usize) -> usize {
    let mut node = Node::from(json.take());
    let count = redact(&mut node);
    *json = node.into();
    count
}

fn in_text(json: &[u8], redact: fn(&mut Node<'_>) -> usize) -> Result<(Vec<u8>, usize), NotJson> {
    let mut node = Node::read(json).ok_or(NotJson)?;
    let count = redact(&mut node);
    let mut text = Vec::with_capacity(json.len());
    node.write(&mut text);
    Ok((text, count))
}

fn in_node(node: &mut Node<'_>) -> usize {
    walk(node, &mut String::new(), &mut Names::default())
}

fn all_of_node(node: &mut Node<'_>) -> usize {
    match node {
        Node::List(values) => values.iter_mut().map(all_of_node).sum(),
        Node::Object(members) => members.iter_mut().map(|(_, value)| all_of_node(value)).sum(),
        _ => replace(node),
    }
}

/// `name` is that of all members above.
fn walk(node: &mut Node<'_>, name: &mut String, names: &mut Names) -> usize {
    match node {
        Node::Nothing(_) | Node::Number(_) => 0,
        Node::Text(text) => {
            if looks::secret(text, names) {
                replace(node)
            } else {
                0
            }
        }
        Node::List(values) => {
            let above = nearest(name, name.len());
            let mut says = |value: &Node<'_>| {
                value.as_text().is_some_and(|text| names.says_secret(above, text))
            };
            let said = values.iter().position(&mut says);
            let each = values.iter_mut().enumerate();
            each.map(|(at, value)| match said {
                Some(said) if said != at => replace(value),
                _ => walk(value, name, names),
            })
            .sum()
        }
        Node::Object(members) => {
            let length = name.len();
            let said = beside::naming(members, nearest(name, length), names);
            let mut count = 0;
            for (at, (member, value)) in members.iter_mut().enumerate() {
                name.push('.');
                name.push_str(member);
                count += match said {
                    Some(said) if said != at => replace(value),
                    // the name itself, which may stay
                    Some(_) if value.as_text().is_some() => walk(value, name, names),
                    _ if names.is_secret(nearest(name, length)) => replace(value),
                    _ => walk(value, name, names),
                };
                name.truncate(length);
            }
            count
        }
    }
}

/// The name from a little before its newest member on. What stands further up was looked at when it was the
/// newest; so the work stays in proportion to the answer, however deep it is and however long its names.
fn nearest(name: &str, newest: usize) -> &str {
    const BEFORE: usize = 64;
    let from = (newest.saturating_sub(BEFORE)..=newest).find(|at| name.is_char_boundary(*at));
    name.get(from.unwrap_or(newest)..).unwrap_or(name)
}

/// Puts the marker in the place of all that can hold something.
fn replace(node: &mut Node<'_>) -> usize {
    if matches!(node, Node::Nothing(_)) || node.as_text() == Some(MARKER) {
        return 0;
    }
    *node = Node::Text(MARKER.into());
    1
}

/// All names and texts, one after another.
fn collect(node: &Node<'_>, texts: &mut String) {
    match node {
        Node::Nothing(_) | Node::Number(_) => {}
        Node::Text(text) => {
            texts.push('.');
            texts.push_str(text);
        }
        Node::List(values) => values.iter().for_each(|value| collect(value, texts)),
        Node::Object(members) => {
            for (member, value) in members {
                texts.push('.');
                texts.push_str(member);
                collect(value, texts);
            }
        }
    }
}
