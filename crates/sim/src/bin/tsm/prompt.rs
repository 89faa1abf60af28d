//! Questions to whoever sits at the terminal. Where there is none, the answer is that the command fails.
//!
//! Documented: which commands ask. The words, and that nothing is read from what is no terminal, are guesses.

use std::io::{BufRead, IsTerminal, Read, Write};

use crate::failure::Failure;

/// The longest answer, in bytes.
const ANSWER_LIMIT: u64 = 4096;

/// Asks whether to go on.
///
/// # Errors
/// There is no terminal, or the answer is no.
pub(crate) fn confirm(question: &str) -> Result<(), Failure> {
    let answer = ask(&format!("{question} (y/n): "))?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::failed("The operation was cancelled.")),
    }
}

/// Asks for a password, without hiding what is typed.
///
/// # Errors
/// There is no terminal.
pub(crate) fn password() -> Result<String, Failure> {
    Ok(ask("Password: ")?.trim_end_matches(['\r', '\n']).to_owned())
}

fn ask(question: &str) -> Result<String, Failure> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(Failure::failed(format!("There is no terminal to ask: {question}")));
    }
    let failed = |error: std::io::Error| Failure::failed(error.to_string());
    let mut out = std::io::stdout().lock();
    out.write_all(question.as_bytes()).and_then(|()| out.flush()).map_err(failed)?;
    let mut answer = String::new();
    input.lock().take(ANSWER_LIMIT).read_line(&mut answer).map_err(failed)?;
    Ok(answer)
}
