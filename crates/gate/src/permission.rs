//! Permissions and roles: one permission per effect, whichever lane carries it.
//!
//! A role is a list of permissions; `*` ends a prefix. What gives away a secret or everything is
//! never covered by a prefix: it is given by name or not at all.

use std::fmt;
use std::str::FromStr;

/// Permissions with a name of their own.
pub const NAMED: &[&str] = &[
    "login",
    "status.read",
    "nodes.read",
    "jobs.read",
    "jobs.cancel",
    "server.start",
    "server.stop",
    "server.restart",
    "backup.create",
    "backup.restore",
    "maintenance.cleanup",
    "maintenance.ziplogs",
    "config.read",
    "config.secrets",
    "pending-changes.list",
    "pending-changes.apply",
    "pending-changes.discard",
    "commands.others",
    "api.raw",
];

/// Families whose members are the paths of `tsm` commands, words joined by dots; `tsm.` is that of the
/// commands which the operator of a host added.
pub const FAMILIES: &[&str] = &["security.", "authentication.", "tsm."];

/// Never covered by a prefix.
const BY_NAME_ONLY: &[&str] = &["login", "api.raw", "config.secrets"];

/// One permission, such as `status.read`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission(String);

impl Permission {
    /// The raw cookie.
    pub fn login() -> Self {
        Self("login".to_owned())
    }

    /// Operations of TSM's HTTP API that no table describes.
    pub fn raw() -> Self {
        Self("api.raw".to_owned())
    }

    /// What is secret in TSM's answers.
    pub fn secrets() -> Self {
        Self("config.secrets".to_owned())
    }

    /// The commands of other clients.
    pub fn others() -> Self {
        Self("commands.others".to_owned())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Whether it is the raw cookie.
    pub fn is_login(&self) -> bool {
        self.0 == "login"
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a text is not a permission, or not a grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermissionFault {
    /// No effect has this name.
    #[error("there is no permission `{0}`")]
    Unknown(String),
    /// A prefix that no permission begins with, or no prefix at all.
    #[error("`{0}` covers no permission; a prefix ends in `.*`, as `security.*`")]
    Prefix(String),
}

impl FromStr for Permission {
    type Err = PermissionFault;

    fn from_str(text: &str) -> Result<Self, PermissionFault> {
        let member = |family: &&str| {
            text.strip_prefix(*family).is_some_and(|rest| {
                let word =
                    |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                rest.split('.').all(|part| !part.is_empty() && part.bytes().all(word))
            })
        };
        if NAMED.contains(&text) || FAMILIES.iter().any(member) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PermissionFault::Unknown(text.to_owned()))
        }
    }
}

/// What a role gives: one permission, or all that begin with a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// This one.
    Exactly(Permission),
    /// All that begin so, but for those that are given by name only.
    Prefix(String),
}

impl Grant {
    fn covers(&self, permission: &Permission) -> bool {
        match self {
            Self::Exactly(granted) => granted == permission,
            Self::Prefix(prefix) => {
                permission.0.starts_with(prefix) && !BY_NAME_ONLY.contains(&permission.name())
            }
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(permission) => permission.fmt(formatter),
            Self::Prefix(prefix) => write!(formatter, "{prefix}*"),
        }
    }
}

impl FromStr for Grant {
    type Err = PermissionFault;

    fn from_str(text: &str) -> Result<Self, PermissionFault> {
        let Some(prefix) = text.strip_suffix('*') else {
            return text.parse().map(Self::Exactly);
        };
        let known = |name: &&str| name.starts_with(prefix) || prefix.starts_with(*name);
        let in_family = FAMILIES.iter().any(known);
        if prefix.ends_with('.') && (in_family || NAMED.iter().any(|name| name.starts_with(prefix)))
        {
            Ok(Self::Prefix(prefix.to_owned()))
        } else {
            Err(PermissionFault::Prefix(text.to_owned()))
        }
    }
}

/// A named list of grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    name: String,
    grants: Vec<Grant>,
    except: Vec<Permission>,
}

impl Role {
    /// A role of the configuration.
    pub fn new(name: String, grants: Vec<Grant>) -> Self {
        Self { name, grants, except: Vec::new() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the role gives the permission.
    pub fn gives(&self, permission: &Permission) -> bool {
        self.grants.iter().any(|grant| grant.covers(permission))
            && !self.except.contains(permission)
    }

    /// What it gives, as it is written; `*` ends a prefix.
    pub fn grants(&self) -> impl Iterator<Item = String> + '_ {
        self.grants.iter().map(Grant::to_string)
    }

    /// What its prefixes do not give.
    pub fn exceptions(&self) -> impl Iterator<Item = &Permission> {
        self.except.iter()
    }

    /// The roles that need no configuration: `login`, `monitor`, `operator`, `tls-admin`, `admin`.
    pub fn built_in() -> Vec<Self> {
        const MONITOR: &[&str] = &["status.read", "nodes.read", "jobs.read"];
        const OPERATOR: &[&str] = &[
            "server.start",
            "server.stop",
            "server.restart",
            "jobs.cancel",
            "backup.create",
            "maintenance.cleanup",
            "maintenance.ziplogs",
        ];
        const TLS_ADMIN: &[&str] = &["security.*", "pending-changes.*"];
        const ADMIN: &[&str] = &[
            "backup.restore",
            "config.read",
            "security.*",
            "pending-changes.*",
            "authentication.*",
            "tsm.*",
            "commands.others",
        ];
        let role = |name: &str, lists: &[&[&str]], except: &[&str]| Self {
            name: name.to_owned(),
            grants: lists.concat().iter().filter_map(|text| text.parse().ok()).collect(),
            except: except.iter().filter_map(|text| text.parse().ok()).collect(),
        };
        vec![
            role("login", &[&["login"]], &[]),
            role("monitor", &[MONITOR], &[]),
            role("operator", &[MONITOR, OPERATOR], &[]),
            role("tls-admin", &[MONITOR, TLS_ADMIN], &["security.regenerate-internal-tokens"]),
            role("admin", &[MONITOR, OPERATOR, ADMIN], &[]),
        ]
    }
}
