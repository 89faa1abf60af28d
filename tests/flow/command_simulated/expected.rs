//! What must come of a command at TSM, written by hand.

use data_encoding::BASE64;
use tsmgate_catalogue::command::{Command, FileKind, Kind};

use super::orders::Chosen;
use super::{Settings, Stage};

/// Option and the key it is kept under, or for a file the beginning of its two keys; by command.
const KEYS: &[(&str, &[(&str, &str)])] = &[
    (
        "security external-ssl enable",
        &[
            ("cert-file", "ssl.cert"),
            ("key-file", "ssl.key"),
            ("chain-file", "ssl.chain"),
            ("passphrase", "ssl.key.passphrase"),
            ("protocols", "ssl.protocols"),
        ],
    ),
    (
        "security vizql-extsvc-ssl enable",
        &[
            ("connection-type", "vizqlserver.extsvc.connection_type"),
            ("extsvc-host", "vizqlserver.extsvc.host"),
            ("extsvc-port", "vizqlserver.extsvc.port"),
            ("extsvc-username", "vizqlserver.extsvc.username"),
            ("extsvc-password", "vizqlserver.extsvc.password"),
            ("connect-timeout-ms", "vizqlserver.extsvc.connect_timeout_ms"),
            ("script-disabled", "vizqlserver.script.disabled"),
        ],
    ),
    (
        "authentication mutual-ssl configure",
        &[
            ("fallback-to-basic", "ssl.client_certificate_login.fallback_to_password"),
            ("user-name-mapping", "ssl.client_certificate_login.mapping_strategy"),
        ],
    ),
];

/// What is set beside that, whatever the options.
pub const ALWAYS: &[(&str, &[(&str, &str)])] = &[
    ("security external-ssl enable", &[("ssl.enabled", "true")]),
    ("security vizql-extsvc-ssl enable", &[("vizqlserver.extsvc.connect_timeout_ms", "1000")]),
    (
        "security repository-ssl enable",
        &[("pgsql.ssl.enabled", "true"), ("pgsql.ssl.required", "true")],
    ),
    ("authentication mutual-ssl enable", &[("ssl.client_certificate_login.required", "true")]),
];

/// The command that has to come before, where one does.
pub const BEFORE: &[(&str, &str)] = &[
    ("security custom-cert delete", "security custom-cert add"),
    ("security custom-cert list", "security custom-cert add"),
    ("security external-ssl disable", "security external-ssl enable"),
    ("security external-ssl list", "security external-ssl enable"),
    ("security repository-ssl disable", "security repository-ssl enable"),
    ("security repository-ssl get-certificate-file", "security repository-ssl enable"),
    ("security repository-ssl list", "security repository-ssl enable"),
    ("security vizql-extsvc-ssl disable", "security vizql-extsvc-ssl enable"),
    ("security vizql-extsvc-ssl list", "security vizql-extsvc-ssl enable"),
    ("authentication mutual-ssl disable", "authentication mutual-ssl enable"),
    ("authentication list", "authentication mutual-ssl enable"),
];

/// What those print that list, once what is listed is there: no secret, and of files the names alone.
pub const LISTED: &[(&str, &[&str])] = &[
    ("security custom-cert list", &["File name: cert-file.crt"]),
    ("security external-ssl list", &["ssl.enabled: true", "ssl.key.file_name: key-file.key"]),
    ("security repository-ssl list", &["pgsql.ssl.enabled: true", "pgsql.ssl.required: true"]),
    (
        "security vizql-extsvc-ssl list",
        &["vizqlserver.extsvc.host: service.example.com", "vizqlserver.extsvc.port: 9005"],
    ),
    ("authentication list", &["ssl.client_certificate_login.required: true"]),
];

impl Stage {
    /// What must have been set to what.
    pub fn wanted(&self, command: &Command, chosen: &Chosen<'_>) -> Settings {
        let mut wanted = Settings::new();
        let of = |table: &'static [(&str, &[(&str, &'static str)])]| {
            let row = table.iter().find(|(path, _)| *path == command.path);
            row.map(|(_, keys)| *keys).unwrap_or_default()
        };
        for (key, value) in of(ALWAYS) {
            wanted.insert((*key).to_owned(), (*value).to_owned());
        }
        for (option, value) in chosen {
            let Some((_, key)) = of(KEYS).iter().find(|(name, _)| *name == option.long) else {
                continue;
            };
            if let Kind::SendFile(kind) = option.kind {
                let (name, content) = self.content(kind);
                let (_, extension) = name.split_once('.').unwrap();
                wanted.insert(format!("{key}.file_name"), format!("{}.{extension}", option.long));
                wanted.insert(format!("{key}.file_bytes"), BASE64.encode(content.as_bytes()));
            } else {
                wanted.insert((*key).to_owned(), value.clone());
            }
        }
        let has = |name: &str| chosen.iter().any(|(option, _)| option.long == name);
        if has("internal-only") {
            wanted.insert("pgsql.ssl.required".to_owned(), "false".to_owned());
        }
        if command.path == "security vizql-extsvc-ssl enable" && has("cert-file") {
            let content = self.content(FileKind::Certificate).1;
            let keys = ["vizqlserver.extsvc.cert_file_name", "vizqlserver.extsvc.cert_bytes"];
            let values = ["cert-file.crt".to_owned(), BASE64.encode(content.as_bytes())];
            wanted.extend(keys.map(str::to_owned).into_iter().zip(values));
        }
        wanted
    }
}
