//! `systeminfo.xml`, which Tableau's gateway serves: the server as a whole, and its processes.
//!
//! It is read as a row of events, without a tree, so that depth costs nothing; what has a document type (a
//! page of HTML has one) is refused, and no entity is known but XML's own. Words are the server's: the
//! misspelt ones too, and those that nobody has written down.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::tsm::TEXT_KEPT;

/// The largest document that is read, in bytes; the largest clusters have some tens of thousands.
pub const DOCUMENT_MOST: usize = 1024 * 1024;
/// So many processes are taken at most.
pub const PROCESSES_MOST: usize = 10_000;
/// So deep elements may stand in each other; real ones have four.
const DEPTH_MOST: usize = 16;
/// Elements that only hold others.
const WRAPPERS: [&str; 3] = ["systeminfo", "machines", "machine"];

/// What the document says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Systeminfo {
    /// The word for the whole server; none where it is not said.
    pub service: Option<String>,
    /// Its processes, in the document's order.
    pub processes: Vec<Process>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The name of its element, `vizqlserver`.
    pub name: String,
    /// Where it is, `host:port`.
    pub worker: Option<String>,
    /// `Active`, `Passive`, `Down` and others.
    pub status: Option<String>,
}

/// Why there is nothing to be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// The server refuses: its error document, with the code 1.
    #[error("access denied")]
    Denied,
    /// The server refuses for another reason.
    #[error("the server answers with its error document")]
    Error,
    /// It is no such document.
    #[error("it is not a systeminfo document: {0}")]
    Other(&'static str),
}

impl Systeminfo {
    /// Reads a document. The caller bounds its length by [`DOCUMENT_MOST`].
    ///
    /// # Errors
    /// It is the server's refusal, or something else.
    pub fn read(document: &[u8]) -> Result<Self, Unread> {
        let text = std::str::from_utf8(document).map_err(|_| Unread::Other("it is not UTF-8"))?;
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
        let mut open: Vec<String> = Vec::new();
        let mut found: Option<Self> = None;
        loop {
            let event = reader.read_event().map_err(|_| Unread::Other("it is not XML"))?;
            let (element, stays_open) = match event {
                Event::Start(element) => (element, true),
                Event::Empty(element) => (element, false),
                Event::End(_) => {
                    open.pop();
                    continue;
                }
                Event::DocType(_) => {
                    return Err(Unread::Other("it has a document type, as HTML has"));
                }
                Event::Text(text) if open.is_empty() && !text.trim().is_empty() => {
                    return Err(Unread::Other("text stands outside of it"));
                }
                Event::Eof if !open.is_empty() => {
                    return Err(Unread::Other("it ends in the middle"));
                }
                Event::Eof => return found.ok_or(Unread::Other("it is empty")),
                _ => continue,
            };
            let name = cut(element.name().into_inner());
            match (&mut found, open.len()) {
                (None, 0) if name == "error" => return Err(refusal(&mut reader)),
                (None, 0) if name == "systeminfo" => found = Some(Self::default()),
                (Some(found), 1..DEPTH_MOST) => found.take(&name, &element)?,
                (Some(_), 1..) => return Err(Unread::Other("it is too deep")),
                _ => return Err(Unread::Other("its root is another")),
            }
            if stays_open {
                open.push(name);
            }
        }
    }

    fn take(&mut self, name: &str, element: &BytesStart<'_>) -> Result<(), Unread> {
        if WRAPPERS.contains(&name) {
            return Ok(());
        }
        let (mut worker, mut status) = (None, None);
        for attribute in element.attributes() {
            let attribute = attribute.map_err(|_| Unread::Other("an attribute is not XML"))?;
            let kept = match attribute.key.as_ref() {
                "worker" => &mut worker,
                "status" => &mut status,
                _ => continue,
            };
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|_| Unread::Other("an attribute is not XML"))?;
            *kept = Some(cut(&value));
        }
        if name == "service" {
            self.service = status;
            return Ok(());
        }
        if self.processes.len() == PROCESSES_MOST {
            return Err(Unread::Other("it lists too many processes"));
        }
        self.processes.push(Process { name: name.to_owned(), worker, status });
        Ok(())
    }
}

/// The refusal in an error document: its first element is `code`, and 1 means that access is denied.
fn refusal(reader: &mut Reader<&[u8]>) -> Unread {
    let mut in_code = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) if !in_code && element.name().as_ref() == "code" => {
                in_code = true;
            }
            Ok(Event::Text(text)) if in_code && text.trim() == "1" => return Unread::Denied,
            Ok(Event::Text(text)) if !in_code && text.trim().is_empty() => {}
            _ => return Unread::Error,
        }
    }
}

fn cut(text: &str) -> String {
    let end = text.char_indices().map(|(place, one)| place + one.len_utf8());
    let end = end.take_while(|end| *end <= TEXT_KEPT).last().unwrap_or_default();
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
