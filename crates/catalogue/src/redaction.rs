//! What is secret in TSM's answers, and taking it out: TSM gives passwords and keys in clear to whoever
//! has a session.
//!
//! The rule, which rather takes too much than too little:
//!
//! 1. **By name.** The name of a value is all the member names above it, joined. If it has a word of
//!    [`names`], in whatever case and however it is joined, everything below it is secret: texts, numbers,
//!    lists, objects, also the empty text. `true`, `false` and `null` stay, for they hold nothing.
//! 2. **By a name beside it.** In an object one of whose members says such a name (`{"key":
//!    "pgsql.adminpassword", "value": …}`), all other members are secret. In a list, what stands beside
//!    such a name is.
//! 3. **By its look.** A text that is encrypted (`ENC(…)`), holds a private key (PEM, also in base64), is a
//!    signed or encrypted token, has a password in an address, or says such a name and its value itself
//!    (`password=…`, `pgsql.adminpassword: …`, `--password …`).
//!
//! What is known to be public stays: certificates and chains (`*.cert.file_bytes`), names of files.

mod looks;
pub mod names;

use serde_json::{Map, Value};

/// What stands where a secret stood.
pub const MARKER: &str = "[redacted by tsmgate]";

/// Members whose text is the name of what the other members of the object say, first to last.
const NAMING: &[&str] = &[
    "key",
    "keyname",
    "configkey",
    "configurationkey",
    "name",
    "property",
    "propertyname",
    "setting",
    "parameter",
    "field",
    "id",
];

/// Whether the values of a configuration key, member or parameter of this name are secret.
pub fn is_secret(name: &str) -> bool {
    names::is_secret(name)
}

/// Takes every secret out of an answer, and tells how many values were replaced by [`MARKER`].
pub fn redact(json: &mut Value) -> usize {
    walk(json, &mut String::new())
}

/// Takes every text and number out of an answer that is as a whole the value of a secret. Its shape and its
/// member names stay.
pub fn redact_all(json: &mut Value) -> usize {
    match json {
        Value::Array(values) => values.iter_mut().map(redact_all).sum(),
        Value::Object(members) => members.values_mut().map(redact_all).sum(),
        _ => replace(json),
    }
}

/// `name` is that of all members above.
fn walk(json: &mut Value, name: &mut String) -> usize {
    match json {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => {
            if looks::secret(text) {
                replace(json)
            } else {
                0
            }
        }
        Value::Array(values) => {
            let above = nearest(name, name.len());
            let says =
                |value: &Value| value.as_str().is_some_and(|text| names::says_secret(above, text));
            let said = values.iter().position(says);
            let each = values.iter_mut().enumerate();
            each.map(|(at, value)| match said {
                Some(said) if said != at => replace(value),
                _ => walk(value, name),
            })
            .sum()
        }
        Value::Object(members) => {
            let length = name.len();
            let said = naming(members, nearest(name, length));
            let mut count = 0;
            for (member, value) in members {
                name.push('.');
                name.push_str(member);
                count += match &said {
                    Some(said) if said != member => replace(value),
                    None if names::is_secret(nearest(name, length)) => replace(value),
                    _ => walk(value, name),
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

/// The member that says that the others are secret.
fn naming(members: &Map<String, Value>, above: &str) -> Option<String> {
    NAMING.iter().find_map(|naming| {
        let mut named = members.iter().filter(|(member, _)| squeezed(member) == *naming);
        let says =
            |value: &Value| value.as_str().is_some_and(|text| names::says_secret(above, text));
        named.find(|(_, value)| says(value)).map(|(member, _)| member.clone())
    })
}

fn squeezed(member: &str) -> String {
    member.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect()
}

/// Puts the marker in the place of all that can hold something.
fn replace(value: &mut Value) -> usize {
    let nothing = matches!(value, Value::Null | Value::Bool(_));
    if nothing || value.as_str() == Some(MARKER) {
        return 0;
    }
    *value = Value::String(MARKER.to_owned());
    1
}
