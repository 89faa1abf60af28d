//! One address of `socat`, `KEYWORD:PARAMETER:…,OPTION=VALUE,…`, taken apart as its manual page has it:
//! brackets and quotes hold their commas and colons together, keywords have no case.

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub kind: Kind,
    /// As it was written.
    pub text: String,
    /// The head without its keyword: the port, the path, the command.
    pub parameter: String,
    /// In lower case, with the value where there is one.
    pub options: Vec<(String, Option<String>)>,
}

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `TCP-LISTEN`: the family is another option's matter.
    TcpListen,
    /// `TCP4-LISTEN`
    Tcp4Listen,
    /// `TCP6-LISTEN`
    Tcp6Listen,
    /// `OPENSSL-LISTEN`
    TlsListen,
    /// `UNIX-CONNECT`
    UnixConnect,
    /// A path: a Unix socket if it is one.
    Path,
    /// `UNIX-LISTEN`
    UnixListen,
    /// `STDIO`
    Standard,
    /// `EXEC`, `SYSTEM`, `SHELL`
    Program,
    /// `TCP`, `OPENSSL`: goes out.
    TcpConnect,
    /// Two addresses for the two directions.
    Dual,
    /// Anything else.
    Other,
}

impl Kind {
    fn of(keyword: &str) -> Self {
        match keyword.to_ascii_uppercase().as_str() {
            "TCP-LISTEN" | "TCP-L" | "INET-LISTEN" | "INET-L" => Self::TcpListen,
            "TCP4-LISTEN" | "TCP4-L" | "INET4-LISTEN" | "INET4-L" => Self::Tcp4Listen,
            "TCP6-LISTEN" | "TCP6-L" | "INET6-LISTEN" | "INET6-L" => Self::Tcp6Listen,
            "OPENSSL-LISTEN" | "OPENSSL-L" | "SSL-LISTEN" | "SSL-L" => Self::TlsListen,
            "UNIX-CONNECT" | "UNIX-CLIENT" | "UNIX" | "LOCAL" => Self::UnixConnect,
            "GOPEN" => Self::Path,
            "UNIX-LISTEN" | "UNIX-L" => Self::UnixListen,
            "-" | "STDIO" | "STDIN" | "STDOUT" => Self::Standard,
            "EXEC" | "SYSTEM" | "SHELL" => Self::Program,
            "TCP" | "TCP4" | "TCP6" | "TCP-CONNECT" | "TCP4-CONNECT" | "TCP6-CONNECT"
            | "OPENSSL" | "SSL" | "OPENSSL-CONNECT" => Self::TcpConnect,
            _ => Self::Other,
        }
    }

    /// Whether others come in by it over TCP.
    pub(super) fn is_tcp_listener(self) -> bool {
        matches!(self, Self::TcpListen | Self::Tcp4Listen | Self::Tcp6Listen | Self::TlsListen)
    }
}

/// Takes an address apart.
pub(super) fn parse(text: &str) -> Address {
    let mut parts = split(text, ',').into_iter();
    let head = parts.next().unwrap_or_default();
    let options = parts.filter(|part| !part.is_empty()).map(option).collect();
    let (kind, parameter) = match () {
        () if text.contains("!!") => (Kind::Dual, String::new()),
        // a slash before the first colon: the keyword is left out
        () if head.split(':').next().is_some_and(|start| start.contains('/')) => {
            (Kind::Path, plain(head))
        }
        () => match head.split_once(':') {
            Some((keyword, parameter)) => (Kind::of(keyword), plain(parameter)),
            None => (Kind::of(head), String::new()),
        },
    };
    Address { kind, text: text.to_owned(), parameter, options }
}

fn option(part: &str) -> (String, Option<String>) {
    match part.split_once('=') {
        Some((name, value)) => (name.trim().to_ascii_lowercase(), Some(plain(value))),
        None => (part.trim().to_ascii_lowercase(), None),
    }
}

/// The parts between separators that no bracket, quote or backslash protects.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut open = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (place, character) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match character {
            '\\' => escaped = true,
            _ if open.last() == Some(&character) => {
                open.pop();
            }
            _ if matches!(open.last(), Some('\'' | '"')) => {}
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            '\'' | '"' => open.push(character),
            _ if character == separator && open.is_empty() => {
                parts.extend(text.get(start..place));
                start = place + character.len_utf8();
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

/// Without socat's own quotes and backslashes; brackets stay.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            '\'' | '"' => {}
            other => plain.push(other),
        }
    }
    plain
}
