//! Who may have which command run, as one table that nothing under test had a hand in: each command, its
//! permission, an order for it and what `tsm` is to be given for that, and the built-in roles that allow it.
//!
//! It is compared with the catalogue and the roles, and walked through the running gate.

use std::path::Path;

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::operations::ROLES;

/// Path, permission, options, roles; between bars. `@name` is a file that goes along, `>` one that comes
/// back, and what stands behind `+` is given to `tsm` beside what the order says.
const TABLE: &str = "
security custom-cert add                      | security.custom-cert.add                      | --cert-file @ca.pem                                                                                         | tls-admin admin
security custom-cert delete                   | security.custom-cert.delete                   |                                                                                                             | tls-admin admin
security custom-cert list                     | security.custom-cert.list                     |                                                                                                             | tls-admin admin
security external-ssl disable                 | security.external-ssl.disable                 |                                                                                                             | tls-admin admin
security external-ssl enable                  | security.external-ssl.enable                  | --cert-file @server.crt --key-file @server.key --chain-file @chain.crt --protocols -SSLv3                   | tls-admin admin
security external-ssl list                    | security.external-ssl.list                    |                                                                                                             | tls-admin admin
security regenerate-internal-tokens           | security.regenerate-internal-tokens           | --request-timeout 60                                                                                        | admin
security repository-ssl disable               | security.repository-ssl.disable               |                                                                                                             | tls-admin admin
security repository-ssl enable                | security.repository-ssl.enable                | --internal-only                                                                                             | tls-admin admin
security repository-ssl get-certificate-file  | security.repository-ssl.get-certificate-file  | --file >                                                                                                    | tls-admin admin
security repository-ssl list                  | security.repository-ssl.list                  |                                                                                                             | tls-admin admin
security vizql-extsvc-ssl disable             | security.vizql-extsvc-ssl.disable             |                                                                                                             | tls-admin admin
security vizql-extsvc-ssl enable              | security.vizql-extsvc-ssl.enable              | --connection-type tabpy-secure --extsvc-host tabpy.example.com --extsvc-port 9004 --script-disabled false   | tls-admin admin
security vizql-extsvc-ssl list                | security.vizql-extsvc-ssl.list                |                                                                                                             | tls-admin admin
security kms set-mode aws                     | security.kms.set-mode.aws                     | --key-arn arn:aws:kms:us-west-2:1:key/2 --aws-region us-west-2                                              | tls-admin admin
security kms set-mode local                   | security.kms.set-mode.local                   |                                                                                                             | tls-admin admin
security kms status                           | security.kms.status                           |                                                                                                             | tls-admin admin
security maestro-rserve-ssl disable           | security.maestro-rserve-ssl.disable           |                                                                                                             | tls-admin admin
security maestro-rserve-ssl enable            | security.maestro-rserve-ssl.enable            | --connection-type maestro-rserve --rserve-host 10.0.0.7 --rserve-port 6311                                  | tls-admin admin
security maestro-tabpy-ssl disable            | security.maestro-tabpy-ssl.disable            |                                                                                                             | tls-admin admin
security maestro-tabpy-ssl enable             | security.maestro-tabpy-ssl.enable             | --connection-type maestro-tabpy --tabpy-host ::1 --tabpy-port 9004                                          | tls-admin admin
authentication list                           | authentication.list                           | --verbose                                                                                                   | admin
authentication mutual-ssl configure           | authentication.mutual-ssl.configure           | --ca-cert @ca.pem --user-name-mapping upn                                                                   | admin
authentication mutual-ssl disable             | authentication.mutual-ssl.disable             |                                                                                                             | admin
authentication mutual-ssl enable              | authentication.mutual-ssl.enable              |                                                                                                             | admin
pending-changes apply                         | pending-changes.apply                         | --ignore-warnings + --ignore-prompt                                                                         | tls-admin admin
pending-changes discard                       | pending-changes.discard                       | --config-only                                                                                               | tls-admin admin
pending-changes list                          | pending-changes.list                          |                                                                                                             | tls-admin admin
maintenance backup                            | backup.create                                 | --file nightly --skip-compression + --ignore-prompt                                                         | operator admin
maintenance cleanup                           | maintenance.cleanup                           | --log-files --log-files-retention 2                                                                         | operator admin
maintenance ziplogs                           | maintenance.ziplogs                           | --file logs --overwrite                                                                                     | operator admin
";

/// What is in the files that go along.
pub const CONTENT: &[u8] = b"what is in the file\n";

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Row {
    /// The command's words.
    pub path: &'static str,
    /// The permission that it takes.
    pub permission: &'static str,
    /// What is ordered.
    options: Vec<(&'static str, Given)>,
    /// What `tsm` is given beside that.
    added: Vec<&'static str>,
    /// The built-in roles that allow it.
    pub roles: Vec<&'static str>,
}

/// What is given for an option.
#[derive(Debug, Clone, Copy)]
enum Given {
    Flag,
    Plain(&'static str),
    File(&'static str),
    Fetched,
}

impl Row {
    /// The order, as JSON.
    #[must_use]
    pub fn order(&self) -> Value {
        let option = |(name, value): &(&str, Given)| match value {
            Given::Flag | Given::Fetched => json!({"name": name}),
            Given::Plain(value) => json!({"name": name, "value": value}),
            Given::File(file) => {
                json!({"name": name, "file": {"name": file, "content": BASE64.encode(CONTENT)}})
            }
        };
        let options: Vec<_> = self.options.iter().map(option).collect();
        json!({"command": self.path, "options": options})
    }

    /// What `tsm` is given, with the command's own folder there.
    #[must_use]
    pub fn arguments(&self, folder: &Path) -> Vec<String> {
        let mut arguments: Vec<String> = self.path.split(' ').map(str::to_owned).collect();
        for (name, value) in &self.options {
            let name = format!("--{name}");
            let file = |file: String| folder.join(file).display().to_string();
            match value {
                Given::Flag => arguments.push(name),
                Given::Plain(value) if value.starts_with('-') => {
                    arguments.push(format!("{name}={value}"));
                }
                Given::Plain(value) => arguments.extend([name, (*value).to_owned()]),
                Given::File(own) => {
                    let (_, extension) = own.split_once('.').expect(own);
                    let on_host = format!("{}.{extension}", name.trim_start_matches('-'));
                    arguments.extend([name, file(on_host)]);
                }
                Given::Fetched => {
                    let on_host = name.trim_start_matches('-').to_owned();
                    arguments.extend([name, file(on_host)]);
                }
            }
        }
        arguments.extend(self.added.iter().map(|added| (*added).to_owned()));
        arguments
    }
}

/// The table.
///
/// # Panics
/// Where a line of it lacks something.
#[must_use]
pub fn rows() -> Vec<Row> {
    TABLE.trim().lines().map(row).collect()
}

/// One line of it, or of another of that kind.
///
/// # Panics
/// Where it lacks something.
#[must_use]
pub fn row(line: &'static str) -> Row {
    let mut columns = line.split('|').map(str::trim);
    let mut next = || columns.next().expect(line);
    let (path, permission, arguments) = (next(), next(), next());
    let roles: Vec<_> = next().split(' ').collect();
    assert!(roles.iter().all(|role| ROLES.contains(role)), "{line}");
    let (given, added) = arguments.split_once('+').unwrap_or((arguments, ""));
    let mut options: Vec<(&str, Given)> = Vec::new();
    for word in given.split_whitespace() {
        match (word.strip_prefix("--"), options.last_mut()) {
            (Some(name), _) => options.push((name, Given::Flag)),
            (None, Some((_, value @ Given::Flag))) => *value = Given::of(word),
            _ => panic!("{word} in {line}"),
        }
    }
    Row { path, permission, options, added: added.split_whitespace().collect(), roles }
}

impl Given {
    fn of(word: &'static str) -> Self {
        match word.strip_prefix('@') {
            Some(file) => Self::File(file),
            None if word == ">" => Self::Fetched,
            None => Self::Plain(word),
        }
    }
}
