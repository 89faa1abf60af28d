//! What each client has used of its limits: tokens of its bucket, and calls under way.
//!
//! One account per `[[client]]` entry and one per local user, of whom a group may have many: so what nobody
//! uses is forgotten once there are many. It outlives a reload: where the limits of an account changed, what is
//! taken of them and what is under way stays so.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;
use crate::permission::Permission;
use crate::policy::{Client, ClientLimits};
use crate::rate::Bucket;
use crate::reason::Reason;

/// From so many accounts on those are forgotten that are as good as new.
const ACCOUNTS: usize = 4096;

/// The accounts of all clients.
#[derive(Debug)]
pub struct Ledger {
    clock: Clock,
    accounts: Mutex<HashMap<String, Arc<Account>>>,
}

#[derive(Debug)]
struct Account {
    limits: ClientLimits,
    logins: Bucket,
    requests: Bucket,
    commands: Bucket,
    /// Outlives the account, for calls do.
    in_flight: Arc<AtomicU32>,
}

impl Account {
    fn new(limits: ClientLimits, clock: &Clock) -> Self {
        Self {
            limits,
            logins: Bucket::new(limits.logins, clock),
            requests: Bucket::new(limits.requests, clock),
            commands: Bucket::new(limits.commands, clock),
            in_flight: Arc::default(),
        }
    }

    /// The same account under other limits.
    fn with_limits(&self, limits: ClientLimits) -> Self {
        Self {
            limits,
            logins: self.logins.with_rate(limits.logins),
            requests: self.requests.with_rate(limits.requests),
            commands: self.commands.with_rate(limits.commands),
            in_flight: Arc::clone(&self.in_flight),
        }
    }

    /// Whether anything of it is taken: else a new one is the same.
    fn is_used(&self) -> bool {
        let ClientLimits { logins, requests, commands, .. } = self.limits;
        let full = self.logins.left() == logins.burst.get()
            && self.requests.left() == requests.burst.get()
            && self.commands.left() == commands.burst.get();
        !full || self.in_flight.load(Ordering::Acquire) > 0
    }
}

impl Ledger {
    /// Nobody has used anything yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, accounts: Mutex::default() }
    }

    /// Takes one call for that permission and one place for a call under way; the place is free again
    /// when the answer is dropped. Raw logins have a bucket of their own.
    ///
    /// # Errors
    /// [`Reason::ClientInFlight`] or [`Reason::ClientOverRate`].
    pub fn charge(&self, client: &Client, permission: &Permission) -> Result<UnderWay, Reason> {
        let login = permission.is_login();
        self.take(client, |account| if login { &account.logins } else { &account.requests })
    }

    /// The same for a question about the client itself, which takes no permission and one of its requests.
    ///
    /// # Errors
    /// As [`Ledger::charge`].
    pub fn charge_request(&self, client: &Client) -> Result<UnderWay, Reason> {
        self.take(client, |account| &account.requests)
    }

    /// The same for a command that is to be run, of which a client has fewer.
    ///
    /// # Errors
    /// As [`Ledger::charge`].
    pub fn charge_command(&self, client: &Client) -> Result<UnderWay, Reason> {
        self.take(client, |account| &account.commands)
    }

    /// What a client has left at this moment.
    pub fn left(&self, client: &Client) -> Left {
        let account = self.account(client);
        Left {
            logins: account.logins.left(),
            requests: account.requests.left(),
            commands: account.commands.left(),
            in_flight: account.in_flight.load(Ordering::Acquire),
        }
    }

    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take(
        &self,
        client: &Client,
        bucket: impl FnOnce(&Account) -> &Bucket,
    ) -> Result<UnderWay, Reason> {
        let account = self.account(client);
        // the place first: a caller with too many calls under way keeps its tokens
        let place = UnderWay::take(&account)?;
        bucket(&account).take().map_err(Reason::ClientOverRate)?;
        Ok(place)
    }

    fn account(&self, client: &Client) -> Arc<Account> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = accounts.get(&client.name);
        if let Some(account) = known.filter(|account| account.limits == client.limits) {
            return Arc::clone(account);
        }
        let account = match known {
            Some(account) => account.with_limits(client.limits),
            None => Account::new(client.limits, &self.clock),
        };
        if accounts.len() >= ACCOUNTS {
            // one that somebody holds is about to be taken from
            accounts.retain(|_, it| Arc::strong_count(it) > 1 || it.is_used());
        }
        let account = Arc::new(account);
        accounts.insert(client.name.clone(), Arc::clone(&account));
        account
    }
}

/// What a client has left of its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Raw logins that it could do at once.
    pub logins: u32,
    /// Requests that it could do at once.
    pub requests: u32,
    /// Commands that it could start at once.
    pub commands: u32,
    /// Calls of it that are under way, this one included.
    pub in_flight: u32,
}

/// A call under way; dropping it ends it.
#[derive(Debug)]
pub struct UnderWay(Arc<AtomicU32>);

impl UnderWay {
    fn take(account: &Account) -> Result<Self, Reason> {
        let most = account.limits.in_flight;
        let grown = |now: u32| (now < most).then_some(now + 1);
        match account.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, grown) {
            Ok(_) => Ok(Self(Arc::clone(&account.in_flight))),
            Err(_) => Err(Reason::ClientInFlight),
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
