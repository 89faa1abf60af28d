//! Colour: what it says, and whether anybody wants it.
//!
//! What is rendered carries colours always, and they are taken out where they are not wanted. They say
//! nothing that the words beside them do not say. Foreign text never brings its own: it is escaped
//! before it is painted.

use anstream::adapter::strip_str;
use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

#[cfg(test)]
mod tests;

/// What a piece of text is like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Tone {
    /// Not worth a colour.
    #[default]
    Plain,
    /// Above a column or a block.
    Heading,
    /// All is well.
    Good,
    /// Not well, but somebody wanted it so, or it goes on.
    Middling,
    /// Not well.
    Bad,
    /// Nobody needs to look at it.
    Quiet,
}

impl Tone {
    /// The text in this colour; without one, as it is.
    pub(super) fn paint(self, text: &str) -> String {
        let style = match self {
            Self::Plain => return text.to_owned(),
            Self::Heading => Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Middling => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Quiet => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }
}

/// When to colour
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// On a terminal that can, unless NO_COLOR is set
    #[default]
    Auto,
    /// Also into a pipe
    Always,
    /// Not at all
    Never,
}

impl When {
    /// Whether what goes to this stream is coloured. `NO_COLOR`, `CLICOLOR` and their like count where
    /// the choice was left to us.
    pub(super) fn is_wanted<S: RawStream>(self, stream: &S) -> bool {
        match self {
            Self::Auto => AutoStream::choice(stream) != ColorChoice::Never,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Rendered text as it is to be written: with its colours, or without.
pub(super) fn dress(text: String, coloured: bool) -> String {
    if coloured { text } else { strip_str(&text).to_string() }
}
