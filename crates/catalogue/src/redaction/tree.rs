//! An answer as a tree that keeps what it does not understand: numbers digit for digit, members in their
//! order, and members that stand twice. It does not judge: what is JSON is decided by `serde_json`.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::Value;

/// As deep as `serde_json` reads values.
const DEPTH_LIMIT: usize = 127;

/// A value.
pub(super) enum Node<'a> {
    /// `null`, `true` or `false`.
    Nothing(Option<bool>),
    /// A number.
    Number(Number<'a>),
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Self>),
    /// An object: names and values in their order.
    Object(Vec<(Cow<'a, str>, Self)>),
}

/// A number, never looked at.
pub(super) enum Number<'a> {
    /// As it was written.
    Written(&'a str),
    /// As it was parsed.
    Parsed(serde_json::Number),
}

impl<'a> Node<'a> {
    /// One JSON document, and nothing after it; none for all else, and for what is too deep.
    pub(super) fn read(json: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(json).ok()?;
        // so much is certain afterwards that the way through it needs no grammar
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        Place { text, at: 0 }.value(DEPTH_LIMIT)
    }

    /// Written anew, without blanks.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nothing(None) => out.extend_from_slice(b"null"),
            Self::Nothing(Some(true)) => out.extend_from_slice(b"true"),
            Self::Nothing(Some(false)) => out.extend_from_slice(b"false"),
            Self::Number(Number::Written(number)) => out.extend_from_slice(number.as_bytes()),
            Self::Number(Number::Parsed(number)) => {
                out.extend_from_slice(number.to_string().as_bytes());
            }
            Self::Text(text) => write_text(text, out),
            Self::List(values) => {
                out.push(b'[');
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    value.write(out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (at, (member, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_text(member, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }

    /// The text, of one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<Value> for Node<'_> {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Nothing(None),
            Value::Bool(truth) => Self::Nothing(Some(truth)),
            Value::Number(number) => Self::Number(Number::Parsed(number)),
            Value::String(text) => Self::Text(text.into()),
            Value::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            Value::Object(members) => {
                let each = members.into_iter();
                Self::Object(each.map(|(member, value)| (member.into(), value.into())).collect())
            }
        }
    }
}

impl From<Node<'_>> for Value {
    fn from(node: Node<'_>) -> Self {
        match node {
            Node::Nothing(truth) => truth.map_or(Self::Null, Self::Bool),
            Node::Number(Number::Parsed(number)) => Self::Number(number),
            // in this direction goes only what came in the other
            Node::Number(Number::Written(number)) => Self::String(number.to_owned()),
            Node::Text(text) => Self::String(text.into_owned()),
            Node::List(values) => Self::Array(values.into_iter().map(Self::from).collect()),
            Node::Object(members) => {
                let each = members.into_iter();
                Self::Object(each.map(|(name, value)| (name.into_owned(), value.into())).collect())
            }
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // a Vec takes everything
    let _ = serde_json::to_writer(out, text);
}

/// A place in a text that is JSON.
struct Place<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Place<'a> {
    fn value(&mut self, deeper: usize) -> Option<Node<'a>> {
        match self.next()? {
            b'"' => self.text().map(Node::Text),
            b'[' => {
                let deeper = deeper.checked_sub(1)?;
                self.at += 1;
                let mut values = Vec::new();
                while self.next()? != b']' {
                    values.push(self.value(deeper)?);
                    self.skip(b',');
                }
                self.at += 1;
                Some(Node::List(values))
            }
            b'{' => {
                let deeper = deeper.checked_sub(1)?;
                self.at += 1;
                let mut members = Vec::new();
                while self.next()? != b'}' {
                    let member = self.text()?;
                    self.skip(b':');
                    members.push((member, self.value(deeper)?));
                    self.skip(b',');
                }
                self.at += 1;
                Some(Node::Object(members))
            }
            _ => self.word(),
        }
    }

    /// The next byte that is no blank; it stays.
    fn next(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let blanks = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))?;
        self.at += blanks;
        rest.get(blanks).copied()
    }

    /// Past the next byte, where it is this one.
    fn skip(&mut self, byte: u8) {
        if self.next() == Some(byte) {
            self.at += 1;
        }
    }

    fn text(&mut self) -> Option<Cow<'a, str>> {
        self.next().filter(|byte| *byte == b'"')?;
        let from = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let found = memchr::memchr2(b'"', b'\\', rest)?;
            self.at += found + 1;
            if rest.get(found) == Some(&b'"') {
                break;
            }
            escaped = true;
            self.at += 1;
        }
        let quoted = self.text.get(from..self.at)?;
        if escaped {
            // half a surrogate pair is found here
            serde_json::from_str(quoted).ok().map(Cow::Owned)
        } else {
            quoted.get(1..quoted.len() - 1).map(Cow::Borrowed)
        }
    }

    /// `null`, `true`, `false`, a number.
    fn word(&mut self) -> Option<Node<'a>> {
        let rest = self.text.get(self.at..)?;
        let ends = |byte: u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n');
        let word = rest.get(..rest.bytes().position(ends).unwrap_or(rest.len()))?;
        self.at += word.len();
        match word {
            "null" => Some(Node::Nothing(None)),
            "true" => Some(Node::Nothing(Some(true))),
            "false" => Some(Node::Nothing(Some(false))),
            _ => word
                .starts_with(|c: char| c == '-' || c.is_ascii_digit())
                .then_some(Node::Number(Number::Written(word))),
        }
    }
}
