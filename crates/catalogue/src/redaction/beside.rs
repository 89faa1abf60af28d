//! Objects in which one member names what the others say: `{"key": …, "value": …}`, `{"k": …, "v": …}`, also
//! with lists side by side (`{"keys": […], "values": […]}`) or the name in an object of its own. Which
//! member of a list belongs to which is not guessed: all beside a secret's name is taken.

use std::borrow::Cow;

use super::names::Names;
use super::tree::Node;

/// Members whose text is the name of what the other members of the object say, first to last. With an `s`
/// they hold several.
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
    "k",
    "n",
    "settingname",
    "configname",
    "parametername",
    "param",
    "fieldname",
    "option",
    "variable",
    "attribute",
    "label",
    "title",
    "header",
    "column",
];

/// So far below a naming member its names are looked for.
const DEEPEST: usize = 3;

/// The place of the member that says that the others are secret; `above` is the name of the object.
pub(super) fn naming(
    members: &[(Cow<'_, str>, Node<'_>)],
    above: &str,
    names: &mut Names,
) -> Option<usize> {
    let says = |(at, (member, value)): (usize, &(Cow<'_, str>, Node<'_>))| {
        let (rank, several) = rank(member)?;
        let plain = value.as_text().is_some();
        // `configKeys` and the like: names above their values, and no names of what stands beside
        let map = |(member, _): &(Cow<'_, str>, _)| member.contains(char::is_alphabetic);
        if several && matches!(value, Node::Object(members) if members.iter().any(map)) {
            return None;
        }
        // a text goes before what only holds one
        says(value, above, DEEPEST, names).then_some((!plain, rank, at))
    };
    members.iter().enumerate().filter_map(says).min().map(|(_, _, at)| at)
}

fn says(value: &Node<'_>, above: &str, deeper: usize, names: &mut Names) -> bool {
    let Some(below) = deeper.checked_sub(1) else { return false };
    match value {
        Node::Text(text) => names.says_secret(above, text),
        Node::List(values) => {
            values.iter().any(|value| !has_its_value(value) && says(value, above, below, names))
        }
        Node::Object(members) => members.iter().any(|(_, value)| says(value, above, below, names)),
        Node::Nothing(_) | Node::Number(_) => false,
    }
}

/// Whether a name in a list has its value with it, and so says nothing of what stands further away.
fn has_its_value(value: &Node<'_>) -> bool {
    let Node::Object(members) = value else { return false };
    members.iter().any(|(member, value)| {
        let filled = !matches!(value, Node::Nothing(_));
        filled && (member == "v" || member.to_ascii_lowercase().contains("value"))
    })
}

/// Where the table of naming members has it, by its letters alone and in lower case, and whether it is one
/// that holds several.
fn rank(member: &str) -> Option<(usize, bool)> {
    const LONGEST: usize = 24;
    let mut letters = [0; LONGEST];
    let mut length = 0;
    for letter in member.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase) {
        // none of the table has others
        *letters.get_mut(length)? = u8::try_from(letter).ok().filter(u8::is_ascii)?;
        length += 1;
    }
    let letters = letters.get(..length)?;
    let place = |letters: &[u8]| NAMING.iter().position(|naming| naming.as_bytes() == letters);
    if let Some(place) = place(letters) {
        return Some((place, false));
    }
    let one = match letters {
        b"properties" => b"property",
        _ => letters.strip_suffix(b"s")?,
    };
    place(one).map(|place| (place, true))
}
