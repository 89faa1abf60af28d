//! Documents as they were seen, and such as nobody should send.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use proptest::prelude::*;

use super::*;

/// As a server of 2020 sends it, without the wrapper `machines`.
const SEEN: &str = r#"<systeminfo xmlns:xsi="">
<machine name="localhost">
<repository worker="localhost:8060" status="Active" preferred="false"/>
<filestore worker="localhost:8535" status="Active" pendingTransfers="0" failedTransfers="0" syncTimestamp="2020-12-22T09:45:21.936Z"/>
</machine>
<service status="Active"/>
</systeminfo>"#;

fn read(text: &str) -> Result<Systeminfo, Unread> {
    Systeminfo::read(text.as_bytes())
}

fn other(text: &str) -> &'static str {
    match read(text) {
        Err(Unread::Other(why)) => why,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn both_shapes_are_read_alike() {
    let document = read(SEEN).unwrap();
    assert_eq!(document.service.as_deref(), Some("Active"));
    let names: Vec<_> =
        document.processes.iter().map(|one| (&*one.name, one.worker.as_deref())).collect();
    assert_eq!(
        names,
        [("repository", Some("localhost:8060")), ("filestore", Some("localhost:8535"))]
    );
    let wrapped = SEEN
        .replace("<machine ", "<machines><machine ")
        .replace("</machine>", "</machine></machines>");
    let wrapped =
        format!("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- so -->{wrapped}\n");
    assert_eq!(read(&wrapped).unwrap(), document);
}

#[test]
fn what_is_missing_is_missing_and_what_is_strange_stays() {
    let text = "<systeminfo><machine><gateway/><x.y worker='a b,&quot;&#10;🦀' status='Wéird'>\
                <inner status=''/></x.y></machine></systeminfo>";
    let document = read(text).unwrap();
    assert_eq!(document.service, None);
    let process = |name: &str, worker: Option<&str>, status: Option<&str>| Process {
        name: name.to_owned(),
        worker: worker.map(str::to_owned),
        status: status.map(str::to_owned),
    };
    assert_eq!(
        document.processes,
        [
            process("gateway", None, None),
            process("x.y", Some("a b,\"\n🦀"), Some("Wéird")),
            process("inner", None, Some("")),
        ]
    );
    assert_eq!(read("<systeminfo/>").unwrap(), Systeminfo::default());
}

#[test]
fn a_refusal_is_told_from_other_errors() {
    let denied = "<?xml version='1.0'?><error><code> 1 </code><message>no</message></error>";
    assert_eq!(read(denied), Err(Unread::Denied));
    assert_eq!(read("<error>\n <code>1</code></error>"), Err(Unread::Denied));
    for text in [
        "<error><code>16</code></error>",
        "<error><message>1</message></error>",
        "<error><detail/><code>1</code></error>",
        "<error/>",
        "<error>",
    ] {
        assert_eq!(read(text), Err(Unread::Error), "{text}");
    }
}

#[test]
fn what_is_no_such_document_is_refused_with_a_reason() {
    assert_eq!(other("<!DOCTYPE html><html></html>"), "it has a document type, as HTML has");
    let entities = "<!DOCTYPE x [<!ENTITY a 'b'>]><systeminfo><a status='&a;'/></systeminfo>";
    assert_eq!(other(entities), "it has a document type, as HTML has");
    assert_eq!(other("<systeminfo><a status='&a;'/></systeminfo>"), "an attribute is not XML");
    assert_eq!(
        other("<systeminfo><a status='x' status='y'/></systeminfo>"),
        "an attribute is not XML"
    );
    assert_eq!(other("<html></html>"), "its root is another");
    assert_eq!(other("<systeminfo/><systeminfo/>"), "its root is another");
    assert_eq!(other("<systeminfo><machine>"), "it ends in the middle");
    assert_eq!(other("<systeminfo></machine>"), "it is not XML");
    assert_eq!(other("systeminfo"), "text stands outside of it");
    assert_eq!(other(""), "it is empty");
    assert_eq!(Systeminfo::read(b"\xff"), Err(Unread::Other("it is not UTF-8")));
}

#[test]
fn depth_number_and_length_have_limits() {
    let deep = |depth: usize| {
        format!("<systeminfo>{}{}</systeminfo>", "<a>".repeat(depth), "</a>".repeat(depth))
    };
    assert!(read(&deep(DEPTH_MOST - 1)).is_ok());
    assert_eq!(other(&deep(DEPTH_MOST)), "it is too deep");
    assert_eq!(other(&deep(100_000)), "it is too deep");
    let many = |count: usize| format!("<systeminfo>{}</systeminfo>", "<a/>".repeat(count));
    assert_eq!(read(&many(PROCESSES_MOST)).unwrap().processes.len(), PROCESSES_MOST);
    assert_eq!(other(&many(PROCESSES_MOST + 1)), "it lists too many processes");
    let long = format!("<systeminfo><a status='{}'/></systeminfo>", "é".repeat(TEXT_KEPT));
    let status = read(&long).unwrap().processes[0].status.clone().unwrap();
    assert_eq!(status.len(), TEXT_KEPT);
}

proptest! {
    /// No text makes it fall.
    #[test]
    fn whatever_comes_there_is_an_answer(text in "[<>/='\"&;a-c!\\[\\] ?-]{0,60}", inside in any::<bool>()) {
        let text = if inside { format!("<systeminfo>{text}</systeminfo>") } else { text };
        let _ = read(&text);
    }
}
