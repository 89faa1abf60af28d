//! A job's steps, folded from its notes.

use serde::Deserialize;

use crate::tsm::lenient::{number, text};
use crate::tsm::wording::same;

/// A step that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// TSM's name of it, `DisableAllServices`.
    pub name: Option<String>,
    /// What TSM says of it to people.
    pub message: Option<String>,
    /// Where it stands.
    pub state: StepState,
    /// When it began, milliseconds since 1970.
    pub began_at: Option<u64>,
    /// When it ended.
    pub ended_at: Option<u64>,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// It has begun.
    Running,
    /// It is done.
    Succeeded,
    /// It ended in another way, in TSM's word; empty if there was none.
    Ended(String),
}

/// What TSM notes of a step, once when it begins and once when it ends.
#[derive(Deserialize)]
pub(super) struct Note {
    #[serde(default, deserialize_with = "text")]
    step: Option<String>,
    #[serde(default, deserialize_with = "text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "number")]
    timestamp: Option<u64>,
}

impl Step {
    /// What to call it: its message, or else its name. TSM's text.
    pub fn title(&self) -> &str {
        self.message.as_deref().or(self.name.as_deref()).unwrap_or_default()
    }
}

/// One step of each pair of notes. A job may do the same step twice, so that an end belongs to the last
/// one that is open, and a beginning after an end is another step.
pub(super) fn fold(notes: Vec<Note>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for note in notes {
        let state = state(note.status);
        let open = steps.iter_mut().rev().find(|step| {
            step.state == StepState::Running
                && step.name == note.step
                && step.message == note.message
        });
        match open {
            Some(open) if state == StepState::Running => {
                open.began_at = open.began_at.or(note.timestamp);
            }
            Some(open) => (open.state, open.ended_at) = (state, note.timestamp),
            None => {
                let (began_at, ended_at) = match state {
                    StepState::Running => (note.timestamp, None),
                    _ => (None, note.timestamp),
                };
                let (name, message) = (note.step, note.message);
                steps.push(Step { name, message, state, began_at, ended_at });
            }
        }
    }
    steps
}

fn state(word: Option<String>) -> StepState {
    let word = word.unwrap_or_default();
    match word {
        word if same(&word, "Running") => StepState::Running,
        word if same(&word, "Succeeded") => StepState::Succeeded,
        word => StepState::Ended(word),
    }
}
