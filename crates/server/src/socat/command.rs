//! The `socat` command in a line: what stands in front of it, its own options, its two addresses.

use super::{LineFault, Note, quoted, words};

/// A `socat` command taken apart.
#[derive(Debug, Default)]
pub(super) struct Command {
    pub left: String,
    pub right: String,
    /// `-6`: what listens without saying so listens on IPv6.
    pub ipv6: bool,
    pub in_unit: bool,
    /// `sudo` without a user.
    pub as_root: bool,
    pub notes: Vec<Note>,
}

/// What changes nothing about what socat does, in front of it.
const PLAIN_FRONT: &[&str] = &["exec", "nohup", "setsid", "env", "command", "ExecStart", "="];
const SUDO_FLAGS: &[&str] = &["-n", "-E", "-H", "-b", "-S", "-k", "--"];

/// Finds the command.
pub(super) fn read(line: &str) -> Result<Command, LineFault> {
    let mut commands = words::commands(line)?;
    let mut command = Command::default();
    if !commands.iter().any(|words| place(words).is_some()) {
        // `sh -c 'socat …'`, `su tableau -c "socat …"`
        let inner = commands.iter().flatten().find(|word| is_line(word)).cloned();
        commands = words::commands(&inner.ok_or(LineFault::NoSocat)?)?;
        let what =
            "the shell or `su` around the command: as which user it runs is not carried over";
        command.notes.push(Note::Unclear(what.to_owned()));
    }
    let mut found = commands.into_iter().filter_map(|words| Some((place(&words)?, words)));
    let (place, words) = found.next().ok_or(LineFault::NoSocat)?;
    if found.next().is_some() {
        let what = "there is more than one `socat` in the line: only the first was read";
        command.notes.push(Note::Unclear(what.to_owned()));
    }
    let mut words = words.into_iter();
    let front: Vec<String> = words.by_ref().take(place).collect();
    let program = words.next().unwrap_or_default();
    command.front(&front, &program);
    if exec_start(&program).is_some_and(|(prefix, _)| prefix.contains('@')) {
        // systemd gives it as the program's name
        words.next();
    }
    let addresses = command.own_options(words);
    match <[String; 2]>::try_from(addresses) {
        Ok([left, right]) => Ok(Command { left, right, ..command }),
        Err(addresses) => Err(LineFault::Addresses(addresses.len())),
    }
}

/// Which word is the program.
fn place(words: &[String]) -> Option<usize> {
    words.iter().position(|word| {
        let path = exec_start(word).map_or(word.as_str(), |(_, path)| path);
        let name = path.rsplit('/').next().unwrap_or_default();
        let version = name.strip_prefix("socat");
        version.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    })
}

/// systemd's prefixes of a command, and the command.
fn exec_start(word: &str) -> Option<(&str, &str)> {
    let value = word.strip_prefix("ExecStart=")?;
    let path = value.trim_start_matches(['-', '@', ':', '+', '!', '|']);
    value.split_at_checked(value.len() - path.len())
}

/// Whether a word is a whole command in itself.
fn is_line(word: &str) -> bool {
    word.contains(char::is_whitespace)
        && words::commands(word)
            .is_ok_and(|commands| commands.iter().any(|words| place(words).is_some()))
}

impl Command {
    fn front(&mut self, front: &[String], program: &str) {
        self.in_unit = front
            .iter()
            .map(String::as_str)
            .chain([program])
            .any(|word| word == "ExecStart" || word.starts_with("ExecStart="));
        let (mut sudo, mut user, mut unclear) = (false, None, Vec::new());
        let mut words = front.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            let word = exec_start(word).map_or(word, |(_, path)| path);
            match word.rsplit('/').next().unwrap_or_default() {
                "sudo" | "doas" => sudo = true,
                "-u" | "--user" if sudo => user = words.next(),
                long if sudo && long.starts_with("--user=") => user = long.strip_prefix("--user="),
                flag if sudo && SUDO_FLAGS.contains(&flag) => {}
                plain if PLAIN_FRONT.contains(&plain) => {}
                _ => unclear.push(word),
            }
        }
        self.as_root = sudo && user.is_none_or(|user| matches!(user, "root" | "#0"));
        if let Some(user) = user.filter(|_| !self.as_root) {
            let user = quoted(user);
            self.notes.push(Note::Fact(format!("it ran as the user {user}, by `sudo`")));
        }
        if !unclear.is_empty() {
            let what = quoted(&unclear.join(" "));
            self.notes.push(Note::Unclear(format!("what stands in front of `socat`: {what}")));
        }
    }

    /// Reads the options before the addresses, and gives what is left.
    fn own_options(&mut self, mut words: impl Iterator<Item = String>) -> Vec<String> {
        let mut addresses = Vec::new();
        while let Some(word) = words.next() {
            // after the first address there are no more options; `-` alone is an address
            if !addresses.is_empty()
                || !word.starts_with('-')
                || word == "-"
                || word.starts_with("-,")
            {
                addresses.push(word);
                continue;
            }
            if matches!(
                word.as_str(),
                "-b" | "-t" | "-T" | "-L" | "-W" | "-r" | "-R" | "-lf" | "-lp"
            ) {
                // its value is the next word
                words.next();
            }
            self.own_option(&word);
        }
        addresses
    }

    fn own_option(&mut self, word: &str) {
        let harmless = ["-d", "-D", "-l", "-b", "-t", "-T", "-L", "-W", "-s", "-g", "-4"];
        match word {
            "-6" => self.ipv6 = true,
            "-v" | "-x" | "-r" | "-R" => self.writes_cookies(word),
            _ if word.starts_with("-r") || word.starts_with("-R") => self.writes_cookies(word),
            "-u" | "-U" => {
                let what = "lets bytes pass one way only, so that no login can have worked";
                self.notes.push(Note::Unclear(format!("socat's option `{word}`: it {what}")));
            }
            _ if harmless.iter().any(|known| word.starts_with(known)) => {}
            _ => {
                let what = format!("socat's option {}", quoted(word));
                self.notes.push(Note::Unclear(what));
            }
        }
    }

    fn writes_cookies(&mut self, word: &str) {
        let what = "writes down all that passes, cookies and all; look for what it wrote";
        self.notes.push(Note::Danger(format!("socat's option {} {what}", quoted(word))));
    }
}
