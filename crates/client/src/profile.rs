//! Gates by name: `~/.config/tsmgate/config.toml`, what it says, and where it is.
//!
//! A profile names files and never holds a secret. The file decides whom we talk to, so it counts only where
//! nobody else could have written it. Nothing is asked of anybody here.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use tsmgate_settings::fault::{ConfigFault, nearest, parse, read_text};
use tsmgate_settings::values::Parsed;

use crate::enrol::read_authority;
use crate::exit::Exit;
use crate::failure::shown;
use crate::gate::read_timeout;
use crate::{Address, LoginFailure, ProxyUrl};

pub mod written;

/// The variable that names the file itself.
const FILE: &str = "TSMGATE_CONFIG";
/// The longest name of a profile, in bytes.
const NAME_MOST: usize = 64;

/// A profile's name: letters, digits, `-`, `_` and `.`, beginning with a letter or a digit; at most 64.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ProfileName(String);

impl ProfileName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProfileName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_name = (1..=NAME_MOST).contains(&text.len())
            && text.bytes().all(in_names)
            && text.starts_with(|first: char| first.is_ascii_alphanumeric());
        if is_name {
            Ok(Self(text.to_owned()))
        } else {
            Err("a profile's name has letters, digits, - _ and . alone, at most 64".to_owned())
        }
    }
}

impl TryFrom<String> for ProfileName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::fmt::Display for ProfileName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A gate by name, and who we are to it. What is absent may be said elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Where the gate listens.
    pub gate: Option<Address>,
    /// The socket of a gate of this host, in place of that.
    pub local: Option<PathBuf>,
    /// The name in the gate's certificate.
    pub server_name: Option<String>,
    /// The authority that issued the gate's certificate.
    pub ca: Option<PathBuf>,
    /// Our certificate.
    pub cert: Option<PathBuf>,
    /// Our key.
    pub key: Option<PathBuf>,
    /// The address of this host to connect from.
    pub bind: Option<IpAddr>,
    /// The proxy on the way there.
    pub proxy: Option<ProxyUrl>,
    /// The file with the proxy's password.
    pub proxy_password_file: Option<PathBuf>,
    /// The time of a whole attempt.
    pub timeout: Option<Duration>,
    /// Where the certificate is renewed.
    pub authority: Option<Address>,
    /// The authority by which that service's certificate is checked, and ours.
    pub authority_ca: Option<PathBuf>,
}

/// The profiles of a file; none where there is no file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profiles {
    /// The one that counts where no gate is named.
    pub current: Option<ProfileName>,
    profiles: BTreeMap<ProfileName, Profile>,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileFault {
    /// Neither `HOME` nor `XDG_CONFIG_HOME` says where configuration is.
    #[error("there is no place for profiles: neither XDG_CONFIG_HOME nor HOME is an absolute path")]
    NoPlace,
    /// The file is wrong, or not safe to use.
    #[error("{0}")]
    File(ConfigFault),
    /// No profile of that name.
    #[error("there is no profile {} in {}", .name, shown(.path))]
    Unknown {
        /// What was asked for.
        name: ProfileName,
        /// Where it was looked for.
        path: PathBuf,
        /// The name that is most like it.
        nearest: Option<String>,
    },
    /// One of that name is there already.
    #[error("there is a profile {} in {} already", .name, shown(.path))]
    There {
        /// Which.
        name: ProfileName,
        /// Where.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {}", shown(.path), tsmgate_pki::kind_text(*.kind))]
    Unwritten {
        /// Which.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
}

impl ProfileFault {
    /// The exit code of this fault.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unknown { .. } | Self::There { .. } | Self::NoPlace => Exit::Usage,
            Self::File(_) | Self::Unwritten { .. } => Exit::File,
        }
    }

    /// What can be done about it, in one line.
    pub fn hint(&self) -> String {
        match self {
            Self::NoPlace => format!("set HOME, or {FILE} to the file itself"),
            Self::File(_) => "mend the file, or name another with TSMGATE_CONFIG".to_owned(),
            Self::Unknown { nearest: Some(nearest), .. } => format!("did you mean {nearest}?"),
            Self::Unknown { .. } => "`tsmgate profile list` shows those that there are".to_owned(),
            Self::There { .. } => "give --replace to write it anew".to_owned(),
            Self::Unwritten { .. } => "check that its folder is yours, and has room".to_owned(),
        }
    }
}

impl Profiles {
    /// Where the file is: `TSMGATE_CONFIG`, or `tsmgate/config.toml` in the folder that the XDG base directory
    /// specification names.
    ///
    /// # Errors
    /// [`ProfileFault::NoPlace`].
    pub fn path() -> Result<PathBuf, ProfileFault> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        if let Some(file) = variable(FILE).filter(|file| !file.as_os_str().is_empty()) {
            return Ok(file);
        }
        // the specification has relative paths ignored
        let absolute = |path: &PathBuf| path.is_absolute();
        variable("XDG_CONFIG_HOME")
            .filter(absolute)
            .or_else(|| variable("HOME").filter(absolute).map(|home| home.join(".config")))
            .map(|folder| folder.join("tsmgate/config.toml"))
            .ok_or(ProfileFault::NoPlace)
    }

    /// Reads the file; a missing one has no profiles.
    ///
    /// # Errors
    /// [`ProfileFault::File`] where it is wrong, or others could have written it.
    pub fn read(path: &Path) -> Result<Self, ProfileFault> {
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            _ => {}
        }
        let text = read_text(path).map_err(ProfileFault::File)?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ProfileFault> {
        let written: Written = parse(path, text).map_err(ProfileFault::File)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut profiles = BTreeMap::new();
        for (name, profile) in written.profile {
            if profile.gate.is_some() && profile.local.is_some() {
                let what = format!("profile {name}: it is either a gate or a local socket");
                return Err(ProfileFault::File(ConfigFault::whole(path, what)));
            }
            profiles.insert(name, profile.within(folder));
        }
        let read = Self { current: written.current, profiles };
        if let Some(current) = &read.current {
            read.find(current, path)?;
        }
        Ok(read)
    }

    /// The profile of that name; `path` is said where there is none.
    ///
    /// # Errors
    /// [`ProfileFault::Unknown`].
    pub fn find(&self, name: &ProfileName, path: &Path) -> Result<&Profile, ProfileFault> {
        self.profiles.get(name).ok_or_else(|| ProfileFault::Unknown {
            name: name.clone(),
            path: path.to_owned(),
            nearest: nearest(name.as_str(), self.profiles.keys().map(ProfileName::as_str))
                .map(str::to_owned),
        })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ProfileName, &Profile)> {
        self.profiles.iter()
    }
}

/// What a person reads of a profile: its keys and values, those that there are.
impl Profile {
    /// The keys that are set, as the file has them, with paths as they are used.
    pub fn values(&self) -> Vec<(&'static str, String)> {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let all = [
            ("gate", self.gate.as_ref().map(Address::to_string)),
            ("local", self.local.as_ref().map(path)),
            ("server_name", self.server_name.clone()),
            ("ca", self.ca.as_ref().map(path)),
            ("cert", self.cert.as_ref().map(path)),
            ("key", self.key.as_ref().map(path)),
            ("bind", self.bind.map(|address| address.to_string())),
            ("proxy", self.proxy.as_ref().map(ProxyUrl::to_string)),
            ("proxy_password_file", self.proxy_password_file.as_ref().map(path)),
            ("timeout", self.timeout.map(|time| format!("{}ms", time.as_millis()))),
            ("authority", self.authority.as_ref().map(Address::to_string)),
            ("authority_ca", self.authority_ca.as_ref().map(path)),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }

    /// What is asked, for a person.
    pub fn place(&self) -> String {
        match (&self.gate, &self.local) {
            (Some(gate), _) => gate.to_string(),
            (None, Some(path)) => shown(path),
            (None, None) => String::new(),
        }
    }
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    current: Option<ProfileName>,
    #[serde(default)]
    profile: BTreeMap<ProfileName, WrittenProfile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenProfile {
    gate: Option<Parsed<Address>>,
    local: Option<PathBuf>,
    server_name: Option<String>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    bind: Option<IpAddr>,
    proxy: Option<Parsed<ProxyUrl>>,
    proxy_password_file: Option<PathBuf>,
    timeout: Option<Parsed<Timeout>>,
    authority: Option<Parsed<AuthorityAddress>>,
    authority_ca: Option<PathBuf>,
}

#[derive(Debug)]
struct Timeout(Duration);

impl FromStr for Timeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read_timeout(text).map(Self)
    }
}

#[derive(Debug)]
struct AuthorityAddress(Address);

impl FromStr for AuthorityAddress {
    type Err = LoginFailure;

    fn from_str(text: &str) -> Result<Self, LoginFailure> {
        read_authority(text).map(Self)
    }
}

impl WrittenProfile {
    /// With paths as they are used: relative ones are relative to the file's folder.
    fn within(self, folder: &Path) -> Profile {
        let place = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        Profile {
            gate: self.gate.map(|Parsed(gate)| gate),
            local: place(self.local),
            server_name: self.server_name,
            ca: place(self.ca),
            cert: place(self.cert),
            key: place(self.key),
            bind: self.bind,
            proxy: self.proxy.map(|Parsed(proxy)| proxy),
            proxy_password_file: place(self.proxy_password_file),
            timeout: self.timeout.map(|Parsed(Timeout(time))| time),
            authority: self.authority.map(|Parsed(AuthorityAddress(address))| address),
            authority_ca: place(self.authority_ca),
        }
    }
}

#[cfg(test)]
mod tests;
