//! Names and values that stand apart, product keys, what a body asks for, and what comes out as it went in.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::json;
use tsmgate_catalogue::api::find::find;
use tsmgate_catalogue::api::raw::find_or_raw;
use tsmgate_catalogue::redaction::{MARKER, NotJson, redact, redact_all_text, redact_text};

const PLANTED: &str = "zQ7planted";
const KEPT: &str = "zQ7kept";

/// What is planted beside a secret's name, in shapes that pair names and values at a distance.
#[test]
fn names_and_values_side_by_side_are_redacted() {
    for answer in [
        json!({ "keys": ["ssl.enabled", "pgsql.adminpassword"], "values": ["true", PLANTED] }),
        json!({ "configKeys": ["pgsql.adminpassword"], "values": { "0": PLANTED } }),
        json!({ "keys": { "0": "pgsql.adminpassword" }, "values": { "0": PLANTED } }),
        json!({ "k": "pgsql.adminpassword", "v": PLANTED }),
        json!({ "n": "pgsql.adminpassword", "v": [PLANTED] }),
        json!({ "key": { "name": "pgsql.adminpassword" }, "value": PLANTED }),
        json!({ "key": { "text": "pgsql.adminpassword", "id": 7 }, "value": PLANTED }),
        json!({ "Key": [{ "x": "pgsql.adminpassword" }], "value": PLANTED }),
        json!({ "properties": [{ "name": "adminpassword" }], "values": [PLANTED] }),
        json!({ "columns": ["user", "password"], "rows": [["bob", PLANTED]] }),
        json!({ "header": "Set-Cookie", "text": PLANTED }),
    ] {
        let mut redacted = answer.clone();
        assert!(redact(&mut redacted) > 0, "{answer}");
        assert!(!redacted.to_string().contains(PLANTED), "{redacted}");
    }
    // a value that stands with its name says nothing of what stands further away
    for answer in [
        json!({ "properties": [{ "name": "ssl.enabled", "value": true }], "status": KEPT }),
        json!({ "configKeys": { "ssl.key.file_name": "private.key" }, "status": KEPT }),
        json!({ "name": ["Waiting for a password."], "status": KEPT }),
    ] {
        let mut redacted = answer.clone();
        assert_eq!((redact(&mut redacted), redacted), (0, answer));
    }
    let mut pair = json!({ "settings": [{ "name": "a.password", "value": PLANTED }], "x": KEPT });
    assert_eq!(redact(&mut pair), 1);
    assert_eq!(pair["x"], KEPT);
}

#[test]
fn product_keys_are_credentials() {
    const KEY: &str = "TSXX-0A1B-2C3D-4E5F-6789";
    for answer in [
        json!({ "productKeys": [KEY] }),
        json!({ "productKeys": { "items": [{ "serial": KEY, "isActive": true }] } }),
        json!({ "productKey": "0123" }),
        json!({ "items": [{ "serial": "0123" }] }),
        json!({ "licensing": { "serialNumber": "0123" } }),
        json!({ "href": format!("/licensing/{KEY}/x") }),
        json!({ "notes": [format!("Activated {}.", KEY.to_lowercase())] }),
        json!({ "k": "TSSIM-0000-0000-0000-0001" }),
    ] {
        let mut redacted = answer.clone();
        assert_eq!(redact(&mut redacted), 1, "{redacted}");
    }
    for answer in [
        json!({ "certificate": { "serial": "0a1b", "serialNumber": "0a1b" } }),
        json!({ "subject": "CN=x", "serialNumber": "0a1b" }),
        json!({ "links": { "items": [{ "href": "/api/0.5/licensing/productKeys" }] } }),
        json!({ "id": "0d9c3f3c-1111-2222-3333-444455556666", "x": "ts-2024-0501-1200" }),
        json!({ "x": "TSXX-0A1B-2C3D", "y": "tsm-logs-2024-0501-1200" }),
    ] {
        let mut redacted = answer.clone();
        assert_eq!((redact(&mut redacted), redacted), (0, answer));
    }
    // whatever the operation's answer calls them
    let request = find(b"GET", b"/api/0.5/licensing/productKeys").unwrap();
    let mut answer = json!({ "items": [{ "x": "0123", "isActive": true }] });
    assert_eq!(request.redact(&mut answer), 1);
    assert_eq!(answer, json!({ "items": [{ "x": MARKER, "isActive": true }] }));
}

/// The body says what is asked for, and the answer may be the bare value.
#[test]
fn a_body_can_ask_for_a_secret() {
    let asked = |body: &str| {
        let request = find_or_raw(b"POST", b"/api/0.5/x").unwrap().with_body(body.as_bytes());
        request.redact_text(br#"{"value":"hunter2"}"#).unwrap().1 == 1
    };
    for body in [
        r#""pgsql.adminpassword""#,
        r#"{"key":"pgsql.adminpassword"}"#,
        r#"{"configKeys":{"pgsql.adminpassword":null}}"#,
        r#"{"keys":["ssl.enabled",["pgsql.adminpassword"]]}"#,
        r#"{"key":"pgsql.adminpassword","key":"ssl.enabled"}"#,
        r#"{"key":"pgsql.admin\u0070assword"}"#,
        r#"{"query":"get pgsql.adminpassword, please"}"#,
        r#"{"path":["ssl","key","file_bytes"]}"#,
        r#"{"searchserver":{"ssl":1}}"#,
        "pgsql.x",
        &"[".repeat(1000),
    ] {
        assert!(asked(body), "{body}");
    }
    for body in ["", " \r\n", r#"{"key":"ssl.enabled"}"#, "[1,true,null]", r#"{"n":1e400}"#] {
        assert!(!asked(body), "{body}");
    }
    let status = find(b"GET", b"/api/0.5/status").unwrap();
    assert_eq!(status.clone().with_body(br#""password""#), status, "no secret can be in it");
}

/// What is not secret comes out as it went in: numbers digit for digit, members in their order.
#[test]
fn an_answer_keeps_its_numbers_and_its_order() {
    let same = concat!(
        r#"{"z":12345678901234567890123,"a":18446744073709551616,"m":[1.0,1e400,-0,1E+2,0.10],"#,
        r#""u":"\u00e9é\\\"\n/","":{},"b":[],"z":[{}, "twice" ],"t":[true,false,null]}"#
    );
    let (text, count) = redact_text(same.as_bytes()).unwrap();
    let wanted = same.replace("\\u00e9", "é").replace(", \"twice\" ", ",\"twice\"");
    assert_eq!((String::from_utf8(text).unwrap(), count), (wanted, 0));

    let (text, count) =
        redact_text(br#" { "n":1e400 , "b.password" : 00.5e3x"#).unwrap_or_default();
    assert_eq!((text, count), (Vec::new(), 0), "no JSON");
    let (text, count) =
        redact_text(b"\n{ \"b.password\" : 123 ,\"b.password\":\"x\",\"a\" : 2.50 }\t").unwrap();
    let marked = format!(r#"{{"b.password":"{MARKER}","b.password":"{MARKER}","a":2.50}}"#);
    assert_eq!((String::from_utf8(text).unwrap(), count), (marked, 2), "also what stands twice");
    let (text, count) = redact_all_text(br#"{"b":[1.50,"x"],"a":null}"#).unwrap();
    let marked = format!(r#"{{"b":["{MARKER}","{MARKER}"],"a":null}}"#);
    assert_eq!((String::from_utf8(text).unwrap(), count), (marked, 2));

    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(redact_text(deep(127).as_bytes()).is_ok());
    for no in [
        &*deep(128),
        &deep(100_000),
        "",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "1 2",
        "nul",
        "01",
        "\"\u{1}\"",
        "a",
        r#""\ud800""#,
        "<html>",
        "{'a':1}",
        "[1}",
    ] {
        assert_eq!(redact_text(no.as_bytes()), Err(NotJson), "{no}");
    }
    assert_eq!(redact_text(b"\"\xff\""), Err(NotJson));
}
