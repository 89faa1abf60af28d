//! Where the token comes from: the command line, stdin, or the terminal, which does not show it. One that cannot
//! work is refused before anything is made or sent, and never said again.

use std::convert::Infallible;
use std::io::{self, IsTerminal, Read};

use time::OffsetDateTime;
use tsmgate_pki::enrolment::{Token, TokenFault};
use tsmgate_pki::{kind_text, time_text};
use tsmgate_wire::Secret;
use zeroize::Zeroizing;

use crate::cli::complaint::Complaint;

/// The longest line that is read for a token, in bytes.
const LINE_MOST: u64 = 4096;

/// What was typed for a token, as the command line takes it: any text.
pub(super) fn word(typed: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(typed.to_owned()))
}

/// Whether what was typed is the token itself, and not a word for stdin.
pub(super) fn is_meant(typed: &Secret) -> bool {
    typed.expose() != "-"
}

/// The token: what was typed, what stdin has, or what is asked for. One that cannot work is refused here.
pub(super) fn read(typed: Option<Secret>) -> Result<Token, Complaint> {
    let text = match typed.filter(is_meant) {
        Some(text) => text,
        None if io::stdin().is_terminal() => {
            let asked = rpassword::prompt_password("Token of the invite: ").map(Secret::new);
            asked.map_err(|_| {
                let hint = "send it to stdin: tsmgate join < FILE";
                Complaint::check("there is no terminal to ask for the token", hint)
            })?
        }
        None => {
            // all the room at once: a buffer that grows leaves copies behind
            let mut text = Zeroizing::new(String::with_capacity(8192));
            io::stdin().take(LINE_MOST).read_to_string(&mut text).map_err(|error| {
                let kind = kind_text(error.kind());
                Complaint::check(
                    format!("cannot read the token from stdin: {kind}"),
                    "send it as one line",
                )
            })?;
            Secret::new(std::mem::take(&mut text))
        }
    };
    let token: Token = text.expose().parse().map_err(|fault: TokenFault| {
        let hint = "give the whole line that `tsmgate pki invite NAME` printed on the TSM host; nothing was sent";
        Complaint::check(fault.to_string(), hint)
    })?;
    let now = OffsetDateTime::now_utc();
    if token.not_after < now {
        let (until, now) = (time_text(token.not_after), time_text(now));
        let what = format!("the token was good until {until}, and this host's clock says {now}");
        let hint = format!(
            "ask for a new invite: `tsmgate pki invite {} …` on the TSM host; or set this host's clock; nothing was sent",
            token.name
        );
        return Err(Complaint::check(what, hint));
    }
    Ok(token)
}
