//! `import`: what the gate would refuse, each with its reason; and what no issuer wrote.

use std::fs;

use data_encoding::BASE64;
use serde_json::json;

use crate::importing::import;
use crate::issuer::{AUTHORITY, Issuer, MACHINE, P256};

const ONE: &str = "subjectAltName=URI:tsmgate://client/jump01\n";

fn problems(issuer: &Issuer, files: &[&str]) -> String {
    let (code, answer, _) = import(issuer, files, &[]);
    assert_eq!(code, 65, "{answer:#}");
    assert_eq!(answer.get("accepted"), Some(&json!(false)));
    let parts = answer.get("parts").unwrap().as_array().unwrap();
    parts.iter().map(|part| part.get("problems").unwrap().to_string()).collect()
}

/// R3: what the gate refuses of a client's certificate is said before it meets the gate
#[test]
fn a_bad_leaf_is_refused_with_its_reason() {
    let issuer = Issuer::new();
    issuer.root("root", P256, AUTHORITY);
    let for_servers = MACHINE.replace(",clientAuth", "");
    let no_signature = MACHINE.replace("digitalSignature", "keyAgreement");
    let cases = [
        (P256, format!("{for_servers}{ONE}"), "", "for servers alone"),
        (P256, format!("keyUsage=digitalSignature\n{ONE}"), "", "lacks clientAuth"),
        (P256, format!("{no_signature}{ONE}"), "", "digitalSignature"),
        ("rsa:1024", format!("{MACHINE}{ONE}"), "", "RSA 1024"),
        (P256, format!("{MACHINE}{ONE}"), "-sha1", "SHA-1"),
        (P256, format!("{MACHINE}{ONE}"), "-days -1", "expired on"),
    ];
    for (index, (key, extensions, signing, reason)) in cases.into_iter().enumerate() {
        let name = format!("leaf{index}");
        issuer.under("root", &name, key, &extensions, signing);
        let said = problems(&issuer, &["root.crt", &format!("{name}.crt")]);
        assert!(said.contains(reason), "{reason}: {said}");
    }
}

/// R5: several names are never an identity; the key is what is left
#[test]
fn several_names_leave_the_key() {
    let issuer = Issuer::new();
    issuer.root("root", P256, AUTHORITY);
    let names = [
        ("DNS:a.example,DNS:b.example", "KEY:"),
        ("URI:spiffe://a/x,URI:spiffe://a/y", "KEY:"),
        ("DNS:*.example", "KEY:"),
        ("email:a@b.example", "KEY:"),
        ("URI:spiffe://a/x,DNS:b.example", "URI:spiffe://a/x"),
    ];
    for (index, (names, identity)) in names.into_iter().enumerate() {
        let name = format!("leaf{index}");
        issuer.under("root", &name, P256, &format!("{MACHINE}subjectAltName={names}\n"), "");
        let (code, answer, _) = import(&issuer, &[&format!("{name}.crt")], &[]);
        assert_eq!(code, 0, "{answer:#}");
        let part = &answer["parts"][0];
        assert!(part["identity"].as_str().unwrap().starts_with(identity), "{names}: {part:#}");
        let notes = part["notes"].to_string();
        assert_eq!(notes.contains("only a single one"), identity == "KEY:", "{names}: {notes}");
    }
}

/// Authorities, lists and keys that are of no use.
#[test]
fn bad_authorities_lists_and_keys_are_refused() {
    let issuer = Issuer::new();
    issuer.root("root", P256, AUTHORITY);
    issuer.root("weak", "rsa:1024", AUTHORITY);
    issuer.root("signs_nothing", P256, &AUTHORITY.replace("keyCertSign,", ""));
    assert!(problems(&issuer, &["weak.crt"]).contains("RSA 1024"));
    assert!(problems(&issuer, &["signs_nothing.crt"]).contains("keyCertSign"));
    issuer.under("root", "leaf", P256, &format!("{MACHINE}{ONE}"), "");
    assert!(problems(&issuer, &["root.crt", "leaf.crt", "weak.key"]).contains("cannot be used"));
    assert!(problems(&issuer, &["root.crt", "root.key"]).contains("authority's own key"));
    issuer.root("other", P256, AUTHORITY);
    assert!(problems(&issuer, &["root.crt", "leaf.crt", "other.key"]).contains("no certificate"));

    issuer.list("root", "DER");
    assert_eq!(import(&issuer, &["root.crt", "leaf.crt", "root.crl"], &[]).0, 0);
    // another authority of the same name, and a list of its own
    let twin = Issuer::new();
    twin.root("root", P256, AUTHORITY);
    issuer.write("twin.crt", twin.read("root.crt"));
    assert!(problems(&issuer, &["twin.crt", "root.crl"]).contains("did not sign it"));
    fs::rename(issuer.path("root.crl"), issuer.path("first.crl")).unwrap();
    issuer.write("number", "02");
    issuer.openssl(
        "ca -config ca.cnf -gencrl -crldays 3 -cert root.crt -keyfile root.key -out two.crl",
    );
    assert!(problems(&issuer, &["root.crt", "first.crl", "two.crl"]).contains("another list"));
    issuer.openssl(
        "ca -config ca.cnf -gencrl -crl_lastupdate 20200101000000Z -crl_nextupdate 20200102000000Z \
         -cert root.crt -keyfile root.key -out old.crl",
    );
    assert!(problems(&issuer, &["root.crt", "old.crl"]).contains("it expired on"));
    // nothing refused is written
    let (code, answer, _) = import(&issuer, &["old.crl"], &["--out", &issuer.arg("out")]);
    assert_eq!((code, &answer["written"]), (65, &json!([])));
}

/// R51: what a stranger's file says reaches the terminal escaped; a broken one ends in an error
#[test]
fn hostile_files_are_escaped_or_refused() {
    let issuer = Issuer::new();
    issuer.root("root", P256, AUTHORITY);
    let uri = "subjectAltName=URI:spiffe://a/\u{1b}[2J\n";
    issuer.under("root", "leaf", P256, &format!("{MACHINE}{uri}"), "");
    let (_, _, said) = import(&issuer, &["root.crt", "leaf.crt"], &[]);
    assert!(!said.contains('\u{1b}'), "{said:?}");
    issuer.openssl("crl2pkcs7 -nocrl -certfile root.crt -outform DER -out whole.p7b");
    issuer.openssl("x509 -in root.crt -outform DER -out root.der");
    let certificate = BASE64.encode(&fs::read(issuer.path("root.der")).unwrap());
    let bundle = json!({ "keys": [{ "use": "x509-svid", "x5c": [certificate] }] });
    issuer.write("whole.json", bundle.to_string());
    for whole in ["whole.p7b", "whole.json", "root.der", "root.crt"] {
        assert_eq!(import(&issuer, &[whole], &[]).0, 0, "{whole}");
        let bytes = fs::read(issuer.path(whole)).unwrap();
        for part in [1, 2, 3, 5, 9, 14] {
            issuer.write("part", &bytes[..bytes.len() * part / 15]);
            assert_eq!(import(&issuer, &["part"], &[]).0, 66, "{part}/15 of {whole}");
        }
    }
    issuer.write("deep.json", "{\"data\":".repeat(10_000));
    issuer.write("many.pem", issuer.read("root.crt").repeat(3));
    issuer.write("deep.p7b", [0x30, 0x80].repeat(10_000));
    issuer.write("empty", "");
    for broken in ["deep.json", "deep.p7b", "empty"] {
        assert_eq!(import(&issuer, &[broken], &[]).0, 66, "{broken}");
    }
    // what stands in it three times counts once
    let (_, answer, _) = import(&issuer, &["many.pem"], &[]);
    assert_eq!(answer["parts"].as_array().unwrap().len(), 1);
}
