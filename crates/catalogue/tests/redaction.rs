//! No secret survives under a secret's name, wherever it stands; what is harmless stays as it was.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tsmgate_catalogue::api::find::find;
use tsmgate_catalogue::api::raw::find_or_raw;
use tsmgate_catalogue::redaction::{MARKER, is_secret, redact, redact_all, redact_text};

/// Names of real configurations and entities whose values are secret, and some of their manner.
const SECRET: &[&str] = &[
    "pgsql.adminpassword",
    "pgsql.readonly_password",
    "pgsql.remote_password",
    "grpc.request.secret",
    "grpc.response.secret",
    "zookeeper.tsm.password",
    "wgserver.domain.password",
    "wgserver.saml.key.passphrase",
    "searchserver.ssl.key.passphrase",
    "searchserver.ssl.key.file_bytes",
    "searchserver.ssl.cert.bytes",
    "elasticserver.ssl.anything",
    "gateway.tsig.ssl.key.passphrase.dialog",
    "ssl.key.passphrase",
    "ssl.key.file_bytes",
    "vizqlserver.extsvc.password",
    "crypto.configuration.active_key_value",
    "keyPassphrase",
    "KEYPASSPHRASE",
    "AdminPassword",
    "api-key",
    "smtp.pwd",
    "smtp.pass",
    "x.privateKey",
    "kerberos.keytab.file",
    "jmx.access_token",
    "aws.credentials",
    "password2",
    "Authorization",
    "Set-Cookie",
    "productKey",
    "productKeys",
    "licensing.productKeys.items.serial",
    "license_key",
    "licenseSerialNumber",
    "activationKey",
    "serial",
    "item.serials",
];

/// Names whose values stay.
const HARMLESS: &[&str] = &[
    "ssl.enabled",
    "ssl.port",
    "ssl.protocols",
    "ssl.ciphersuite",
    "ssl.cert.file_name",
    "ssl.cert.file_bytes",
    "ssl.key.file_name",
    "ssl.chain.file_name",
    "ssl.chain.file_bytes",
    "vizqlserver.extsvc.cert_bytes",
    "vizqlserver.extsvc.username",
    "pgsql.ssl.key.alg",
    "pgsql.ssl.cert.days",
    "crypto.configuration.active_key_id",
    "crypto.master.active_key_algorithm",
    "gateway.public.host",
    "service.linux.unprivileged_user",
    "tabadmincontroller.port",
    "configKeys",
    "nodeId",
    "binaryVersion",
    "passes",
    "compass.heading",
    "opinion",
    "certificate.serial",
    "serialNumber",
    "cert.serial_number",
    "tls.client.x509.serial_number",
    "serializable",
    "licensing.expiration",
    "licenseservice.port",
    "rollupStatus.Unlicensed",
];

#[test]
fn names_are_told_apart() {
    for name in SECRET {
        assert!(is_secret(name), "{name} is secret");
    }
    for name in HARMLESS {
        assert!(!is_secret(name), "{name} is harmless");
    }
}

#[test]
fn configuration_keys_and_export_are_redacted() {
    let mut answer = json!({
        "topologyVersion": { "nodes": { "node1": { "services": { "pgsql": {
            "instances": [{ "instanceId": "0", "binaryVersion": "20241.24.0312.1" }] } } } } },
        "configKeys": {
            "ssl.enabled": "true",
            "ssl.port": 443,
            "ssl.cert.file_bytes": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
            "pgsql.adminpassword": "hunter2",
            "wgserver.domain.password": "",
            "zookeeper.tsm.password": 12345,
            "grpc.request.secret": null,
            "features.TsmPasswordLessLogin": true,
            "vizqlserver.extsvc.password": ["a", { "b": "c" }],
            "some.other": "ENC(abc=)",
        },
    });
    assert_eq!(redact(&mut answer), 5);
    assert_eq!(
        answer,
        json!({
            "topologyVersion": { "nodes": { "node1": { "services": { "pgsql": {
                "instances": [{ "instanceId": "0", "binaryVersion": "20241.24.0312.1" }] } } } } },
            "configKeys": {
                "ssl.enabled": "true",
                "ssl.port": 443,
                "ssl.cert.file_bytes": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
                "pgsql.adminpassword": MARKER,
                "wgserver.domain.password": MARKER,
                "zookeeper.tsm.password": MARKER,
                "grpc.request.secret": null,
                "features.TsmPasswordLessLogin": true,
                "vizqlserver.extsvc.password": MARKER,
                "some.other": MARKER,
            },
        })
    );
    let once = answer.clone();
    assert_eq!((redact(&mut answer), answer), (0, once), "a second time changes nothing");
}

#[test]
fn pending_changes_are_redacted_by_the_name_beside_the_value() {
    let mut answer = json!({ "pendingChanges": { "configuration": [
        { "key": "wgserver.domain.password", "currentValue": "old", "pendingValue": "new",
          "requiresRestart": true },
        { "key": "ssl.port", "currentValue": 443, "pendingValue": 8443, "requiresRestart": true },
        { "Name": "ssl.key.passphrase", "value": { "to": ["x"] }, "key": "shown" },
        ["pgsql.adminpassword", "old", "new", 7],
        ["ssl.enabled", "false", "true"],
    ] } });
    assert_eq!(redact(&mut answer), 7);
    assert_eq!(
        answer,
        json!({ "pendingChanges": { "configuration": [
            { "key": "wgserver.domain.password", "currentValue": MARKER, "pendingValue": MARKER,
              "requiresRestart": true },
            { "key": "ssl.port", "currentValue": 443, "pendingValue": 8443,
              "requiresRestart": true },
            { "Name": "ssl.key.passphrase", "value": MARKER, "key": MARKER },
            ["pgsql.adminpassword", MARKER, MARKER, MARKER],
            ["ssl.enabled", "false", "true"],
        ] } })
    );
}

#[test]
fn a_name_that_is_taken_apart_is_put_together() {
    let mut answer = json!({
        "searchserver": { "ssl": { "anything": "a" }, "port": 1 },
        "ssl": { "key": { "file": { "bytes": "b" }, "file_name": "c" }, "cert": { "bytes": "d" } },
        "crypto": { "key": [{ "value": "e" }] },
    });
    assert_eq!(redact(&mut answer), 3);
    assert_eq!(answer["searchserver"], json!({ "ssl": MARKER, "port": 1 }));
    assert_eq!(answer["ssl"]["key"]["file_name"], "c");
    assert_eq!(answer["ssl"]["cert"]["bytes"], "d");
    assert_eq!(answer["crypto"]["key"][0]["value"], MARKER);
}

#[test]
fn texts_are_redacted_by_their_look() {
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n";
    let encode = |text: &str| {
        let bytes: Vec<u32> = text.bytes().map(u32::from).collect();
        let alphabet: Vec<char> =
            ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
        let group = |three: &[u32]| {
            let bits =
                three.iter().fold(0, |bits, byte| bits << 8 | byte) << (8 * (3 - three.len()));
            (0..4).map(|at| alphabet[(bits >> (18 - 6 * at)) as usize & 63]).collect::<String>()
        };
        bytes.chunks(3).map(group).collect::<String>()
    };
    for text in [
        "ENC(jO1WV3sk)".to_owned(),
        "before ENC(jO1WV3sk) after".to_owned(),
        key.to_owned(),
        encode(key),
        encode(&format!("x{key}")),
        encode(&format!("xy{key}")),
        encode(key).replace("LS0tLS1CRUdJ", "LS0tLS1CRUdJ\n"),
        "eyJhbGciOiJkaXIi..aaa.bbb.ccc".to_owned(),
        "AUTH_COOKIE=eyJhbGciOiJkaXIi..aaa.bbb.ccc; Secure".to_owned(),
        "jdbc:postgresql://tableau:hunter2@localhost:8060/workgroup".to_owned(),
        "-Xmx1g -Djavax.net.ssl.trustStorePassword=changeit".to_owned(),
        "pgsql.adminpassword: hunter2".to_owned(),
        "pgsql.adminpassword hunter2".to_owned(),
        "tsm login --password hunter2".to_owned(),
        "host=h;pwd=hunter2".to_owned(),
        r#"{"password":"hunter2"}"#.to_owned(),
        r#"{\"password\" : \"hunter2\"}"#.to_owned(),
        "<password>hunter2</password>".to_owned(),
        r#"<entry key="pgsql.adminpassword">hunter2</entry>"#.to_owned(),
    ] {
        let mut answer = json!({ "harmless": [text] });
        assert_eq!((redact(&mut answer), &answer), (1, &json!({ "harmless": [MARKER] })), "{text}");
    }
    for text in [
        "all -SSLv2 -SSLv3",
        "HIGH:MEDIUM:!aNULL:!MD5:!RC4",
        "https://localhost:8850/api/0.5/status",
        "10.20.0.2:8060",
        "Waiting for the services to stop.",
        "This job completed successfully.",
        "-----BEGIN CERTIFICATE-----",
        "C=DE, O=Example",
        "2024.2.4",
        "",
    ] {
        let mut answer = json!({ "harmless": text });
        assert_eq!((redact(&mut answer), &answer), (0, &json!({ "harmless": text })), "{text}");
    }
    let mut certificate = json!(encode("-----BEGIN CERTIFICATE-----\nMIIE"));
    assert_eq!(redact(&mut certificate), 0);
}

/// Where the request names one secret key, the answer may say its value without the name.
#[test]
fn an_answer_to_a_question_for_a_secret_is_redacted_as_a_whole() {
    let mut all = json!({ "value": "hunter2", "of": [1, true, null] });
    assert_eq!(redact_all(&mut all), 2);
    assert_eq!(all, json!({ "value": MARKER, "of": [MARKER, true, null] }));

    let asked = |target: &str| {
        let request = find_or_raw(b"GET", target.as_bytes()).unwrap();
        let mut answer = json!({ "configKeys": { "x": "hunter2" } });
        request.redact(&mut answer) == 1
    };
    assert!(asked("/api/0.5/configurations/3/keys/pgsql.adminpassword"));
    assert!(!asked("/api/0.5/configurations/3/keys/ssl.enabled"));
    assert!(asked("/api/0.5/configurations/pending/keys/pgsql.adminpassword"));
    assert!(asked("/api/0.5/x?key=pgsql.adminpassword"));
    assert!(!asked("/api/0.5/x?key=ssl.enabled"));
    let export = find(b"GET", b"/api/0.5/export").unwrap();
    let mut answer = json!({ "configKeys": { "x": "hunter2", "x.secret": 1 } });
    assert_eq!(export.redact(&mut answer), 1);
}

/// Large answers of the shapes that cost most, in a time that grows with their size alone.
#[test]
fn long_names_deep_answers_and_odd_texts_cost_no_more_than_their_size() {
    let long = "a".repeat(1 << 18);
    let mut deep = json!({ "leaf": 1 });
    for _ in 0..100 {
        deep = json!({ "below": deep, "beside": 1 });
    }
    let wide: Map<String, Value> =
        (0..10_000).map(|at| (format!("some.harmless.name.{at}"), json!("x"))).collect();
    let started = std::time::Instant::now();
    for mut answer in [
        json!({ long.clone(): wide }),
        json!({ long: deep }),
        json!("eyJ".repeat(1 << 18)),
        json!("eyJ.".repeat(1 << 18)),
        json!("://".repeat(1 << 18)),
        json!("=".repeat(1 << 19)),
        json!("] : ".repeat(1 << 18)),
        json!("a=\" ".repeat(1 << 18)),
    ] {
        redact(&mut answer);
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
}

/// What is planted: found nowhere else, and no secret by its look.
const PLANTED: &str = "zQ7planted";
const KEPT: &str = "zQ7kept";
/// The planted number, digit for digit.
const NUMBER: u64 = 730_291_846_551;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-zA-Z._]{0,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The planted value: as a text or number, alone or deep in something.
fn planted() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(PLANTED)),
        Just(json!(NUMBER)),
        "[ -~]{0,6}".prop_map(|text| json!(format!("{text}{PLANTED}{text}"))),
        Just(json!([1, [PLANTED, NUMBER]])),
        any_json().prop_map(|value| json!({ "x": [value, { "ssl.enabled": PLANTED }] })),
    ]
}

/// A secret's name beside or above its value.
fn secret_shape() -> impl Strategy<Value = Value> {
    let name = proptest::sample::select(SECRET);
    let naming = proptest::sample::select(
        &["key", "name", "Name", "configKey", "config_key", "property", "id"][..],
    );
    (name, naming, planted(), any_json(), 0..4).prop_map(|(name, naming, planted, other, shape)| {
        match shape {
            0 => json!({ name: planted, "other": other }),
            1 => json!({ naming: name, "value": planted, "other": 1 }),
            2 => json!([name, planted]),
            _ => json!([planted, name]),
        }
    })
}

/// Something put somewhere into an answer, below names that the strategy gives.
fn somewhere(
    what: impl Strategy<Value = Value>,
    names: impl Strategy<Value = String> + Clone,
) -> impl Strategy<Value = Value> {
    (what, proptest::collection::vec(proptest::option::of(names), 0..5)).prop_map(
        |(what, above)| {
            above.into_iter().fold(what, |value, name| match name {
                Some(name) => json!({ name: value, "beside": 1 }),
                None => json!([value, 1]),
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_secret_survives_under_a_secret_name(
        answer in somewhere(secret_shape(), "[ -~]{0,12}"),
    ) {
        let mut answer = answer;
        prop_assert!(answer.to_string().contains("zQ7") || answer.to_string().contains("730291"));
        prop_assert!(redact(&mut answer) > 0);
        let text = answer.to_string();
        prop_assert!(!text.contains("planted") && !text.contains("730291846551"), "{}", text);
        let once = answer.clone();
        redact(&mut answer);
        prop_assert_eq!(answer, once);
    }

    /// From text to text it is the same as from value to value
    #[test]
    fn texts_are_redacted_as_values_are(answer in somewhere(secret_shape(), "[ -~]{0,12}"), pretty: bool) {
        let written = if pretty { serde_json::to_vec_pretty(&answer) } else { serde_json::to_vec(&answer) };
        let (text, count) = redact_text(&written.unwrap()).unwrap();
        let mut answer = answer;
        prop_assert_eq!(redact(&mut answer), count);
        prop_assert_eq!(String::from_utf8(text).unwrap(), answer.to_string());
    }

    #[test]
    fn what_is_harmless_survives(
        name in proptest::sample::select(HARMLESS),
        answer in somewhere(Just(json!({ "here": KEPT })), "(ssl|nodes|configKeys|items|links)"),
    ) {
        let mut answer = json!({ name: answer, "key": name, "value": KEPT });
        let before = answer.clone();
        prop_assert_eq!(redact(&mut answer), 0);
        prop_assert_eq!(answer, before);
    }

    #[test]
    fn any_answer_keeps_its_shape_or_loses_what_is_secret(answer in any_json()) {
        let mut redacted = answer.clone();
        let count = redact(&mut redacted);
        prop_assert_eq!(count == 0, redacted == answer);
    }
}
