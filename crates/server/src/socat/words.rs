//! From a line to commands and their words, as a shell takes them apart: quotes, backslashes, operators.
//!
//! Nothing is replaced: `$NAME`, `%i` and patterns stay as they are, and whoever reads the word says
//! that it cannot be known.

use std::iter::Peekable;
use std::str::Chars;

use super::LineFault;

/// The commands of a text, each a list of words. Where they send their output is left out.
///
/// # Errors
/// A quote is not closed.
pub(super) fn commands(text: &str) -> Result<Vec<Vec<String>>, LineFault> {
    let text = text.trim();
    // the prompt of root, copied along with the line
    let text = text.strip_prefix("# ").unwrap_or(text);
    let mut splitter = Splitter::default();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        splitter.take(character, &mut rest)?;
    }
    splitter.end_command();
    Ok(splitter.commands)
}

#[derive(Default)]
struct Splitter {
    commands: Vec<Vec<String>>,
    command: Vec<String>,
    word: Option<String>,
    /// The next word is the name of a file that takes output.
    redirected: bool,
}

impl Splitter {
    fn take(&mut self, character: char, rest: &mut Peekable<Chars<'_>>) -> Result<(), LineFault> {
        match character {
            '\\' => match rest.next() {
                Some('\n') | None => {}
                Some(other) => self.push(other),
            },
            '\'' => {
                self.word.get_or_insert_default();
                loop {
                    match rest.next().ok_or(LineFault::OpenQuote)? {
                        '\'' => break,
                        other => self.push(other),
                    }
                }
            }
            '"' => self.double_quoted(rest)?,
            '\n' | ';' | '|' => self.end_command(),
            '&' if rest.next_if_eq(&'>').is_some() => self.redirect(rest),
            '&' => self.end_command(),
            '>' | '<' => self.redirect(rest),
            '#' if self.word.is_none() => while rest.next_if(|&other| other != '\n').is_some() {},
            blank if blank.is_whitespace() => self.end_word(),
            other => self.push(other),
        }
        Ok(())
    }

    fn double_quoted(&mut self, rest: &mut Peekable<Chars<'_>>) -> Result<(), LineFault> {
        self.word.get_or_insert_default();
        loop {
            match rest.next().ok_or(LineFault::OpenQuote)? {
                '"' => return Ok(()),
                '\\' => match rest.next().ok_or(LineFault::OpenQuote)? {
                    '\n' => {}
                    escaped @ ('"' | '\\' | '$' | '`') => self.push(escaped),
                    other => {
                        self.push('\\');
                        self.push(other);
                    }
                },
                other => self.push(other),
            }
        }
    }

    fn redirect(&mut self, rest: &mut Peekable<Chars<'_>>) {
        // `2>`: the number belongs to the arrow
        if self.word.as_ref().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        while rest.next_if(|&other| matches!(other, '>' | '<' | '&' | '|')).is_some() {}
        self.redirected = true;
    }

    fn push(&mut self, character: char) {
        self.word.get_or_insert_default().push(character);
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take()
            && !std::mem::take(&mut self.redirected)
        {
            self.command.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.redirected = false;
        if !self.command.is_empty() {
            self.commands.push(std::mem::take(&mut self.command));
        }
    }
}
