//! Texts of a report: certificates, lists and times in a few words. What a peer said is escaped here.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tsmgate_pki::inspect::CertificateView;
use tsmgate_text::escape;

/// A certificate for programs.
pub(super) fn certificate(view: &CertificateView) -> Value {
    json!({
        "subject": view.subject,
        "issuer": view.issuer,
        "names": view.names,
        "serial_number": view.serial_number,
        "begins": view.begins,
        "ends": view.ends,
        "days_left": view.days_left,
        "key_type": view.key_type,
        "public_key": view.public_key,
        "sha256": view.sha256,
    })
}

/// Its names in one line.
pub(super) fn names(view: &CertificateView) -> String {
    if view.names.is_empty() { "no name".to_owned() } else { view.names.join(", ") }
}

/// A time as a certificate's view has it.
pub(super) fn time(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// The text of a member, escaped.
pub(super) fn text(json: &Value, name: &str) -> Option<String> {
    json.get(name)?.as_str().map(escape)
}

/// The texts of a list, each escaped.
pub(super) fn texts(json: &Value, name: &str) -> Vec<String> {
    let list = json.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter().filter_map(Value::as_str).map(escape).collect()
}

/// Words in one line.
pub(super) fn in_line(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// So many of something.
pub(super) fn days(days: i64) -> String {
    match days {
        ..=0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        _ => format!("{days} days"),
    }
}
