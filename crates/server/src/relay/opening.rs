//! The record that a connection is open, which goes to file with that of its first call where the call
//! came with it: one write for both, and one thread woken.
//!
//! It is handed over at the latest when the connection first waits for anything, or ends, and before any
//! other record of it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use crate::audit::{Audit, Record};

/// The record, until it is handed over.
#[derive(Debug)]
pub struct Opening<'a> {
    audit: &'a Audit,
    record: Mutex<Option<Record>>,
}

impl<'a> Opening<'a> {
    /// One that is still to be recorded.
    pub fn new(audit: &'a Audit, record: Record) -> Self {
        Self { audit, record: Mutex::new(Some(record)) }
    }

    /// Hands it over to the audit.
    pub fn note(&self) {
        if let Some(record) = self.take() {
            self.audit.note(record);
        }
    }

    /// Hands it over to somebody who records it, right away, before anything else.
    pub(super) fn take(&self) -> Option<Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What a conversation comes to; where it has to wait, the opening goes to the audit first.
    pub async fn before<F: Future>(&self, conversation: F) -> F::Output {
        let mut conversation = pin!(conversation);
        poll_fn(|context| {
            let polled = conversation.as_mut().poll(context);
            self.note();
            polled
        })
        .await
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.note();
    }
}
