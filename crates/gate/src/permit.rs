//! The proof that a call may reach TSM. Only [`authorize`] makes one.

use std::net::IpAddr;
use std::sync::Arc;

use crate::ledger::{Ledger, UnderWay};
use crate::local::LocalUser;
use crate::permission::Permission;
use crate::policy::{Client, Leaf, Policy};
use crate::reason::Reason;

/// Someone whose certificate was verified and whose key was proved, or a user of this host; and whom an entry
/// names.
#[derive(Debug, Clone)]
pub struct Caller {
    who: Who,
    client: Arc<Client>,
}

/// How it is known who a caller is.
#[derive(Debug, Clone)]
pub enum Who {
    /// By a verified certificate.
    Certificate {
        /// The certificate.
        leaf: Arc<Leaf>,
        /// Where it comes from.
        address: IpAddr,
    },
    /// As a user of this host: the kernel says who connected, the user database who that is.
    Local(Arc<LocalUser>),
}

impl Caller {
    /// Asks the policy who a verified certificate is.
    ///
    /// # Errors
    /// As [`Policy::identify`].
    pub fn identify(policy: &Policy, leaf: Arc<Leaf>, address: IpAddr) -> Result<Self, Reason> {
        let client = policy.identify(&leaf, address)?;
        Ok(Self { who: Who::Certificate { leaf, address }, client })
    }

    /// Asks the policy who a user of this host is. `user` says of each group that entries name whether he is
    /// in it.
    ///
    /// # Errors
    /// No entry names him.
    pub fn local(policy: &Policy, user: LocalUser) -> Result<Self, Reason> {
        let client = policy.local().identify(&user)?;
        Ok(Self { who: Who::Local(Arc::new(user)), client })
    }

    /// The entry that named it when it was identified.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The entry that names it now, under another policy.
    ///
    /// # Errors
    /// As [`Policy::identify`]; of a user, that no entry names him.
    pub fn entry(&self, policy: &Policy) -> Result<Arc<Client>, Reason> {
        match &self.who {
            Who::Certificate { leaf, address } => policy.identify(leaf, *address),
            Who::Local(user) => policy.local().identify(user),
        }
    }

    /// How it is known who it is.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Whether an open connection may stay under another policy: as the same client, and with the
    /// permission it came for, where its lane has one alone. Its next call is asked about all the same.
    ///
    /// # Errors
    /// As [`Policy::identify`]; or its certificate is another client's now, or the entry lost the
    /// permission.
    pub fn stays(&self, policy: &Policy, for_what: Option<&Permission>) -> Result<(), Reason> {
        let client = self.entry(policy)?;
        if client.name != self.client.name {
            return Err(Reason::ClientChanged);
        }
        let lost = |permission| {
            self.client.role_giving(permission).is_some()
                && client.role_giving(permission).is_none()
        };
        if for_what.is_some_and(lost) { Err(Reason::PermissionMissing) } else { Ok(()) }
    }

    /// Whether a local caller is still who he was when he came, as the user database says `now`. A group that he
    /// has joined since counts when he comes again; one that he has left counts at once.
    ///
    /// # Errors
    /// No entry names him now, he is called otherwise, or he has left a group that an entry names.
    pub fn is_still(&self, policy: &Policy, now: &LocalUser) -> Result<(), Reason> {
        let Who::Local(then) = &self.who else { return Err(Reason::ClientChanged) };
        policy.local().identify(now)?;
        let counts = policy.local().groups();
        let left = then.groups.difference(&now.groups).any(|group| counts.contains(group));
        let other = (now.uid, &now.name) != (then.uid, &then.name);
        if left || other { Err(Reason::ClientChanged) } else { Ok(()) }
    }
}

/// One call may reach TSM, once, for one permission. It holds the client's place for a call under
/// way until it is dropped.
#[derive(Debug)]
pub struct Permit {
    permission: Permission,
    role: String,
    _under_way: UnderWay,
}

impl Permit {
    /// What it is for.
    pub fn permission(&self) -> &Permission {
        &self.permission
    }

    /// The role that gave it.
    pub fn role(&self) -> &str {
        &self.role
    }
}

/// Whether a caller may do this now: who it is under the current policy, what its roles give, what its
/// limits leave. Asked for each call, so that a changed policy reaches open connections.
///
/// # Errors
/// The first of these that says no.
pub fn authorize(
    policy: &Policy,
    ledger: &Ledger,
    caller: &Caller,
    permission: Permission,
) -> Result<Permit, Reason> {
    permit(policy, caller, permission, |client, permission| ledger.charge(client, permission))
}

/// The same for a call that is charged as one request, whatever its permission: to give a raw cookie back
/// takes the permission for it, and none of the client's logins.
///
/// # Errors
/// As [`authorize`].
pub fn authorize_request(
    policy: &Policy,
    ledger: &Ledger,
    caller: &Caller,
    permission: Permission,
) -> Result<Permit, Reason> {
    permit(policy, caller, permission, |client, _| ledger.charge_request(client))
}

/// The same for a call that is charged already: what it is for is known only when it has been read.
///
/// # Errors
/// As [`authorize`], but for limits.
pub fn authorize_charged(
    policy: &Policy,
    caller: &Caller,
    permission: Permission,
    under_way: UnderWay,
) -> Result<Permit, Reason> {
    permit(policy, caller, permission, |_, _| Ok(under_way))
}

fn permit(
    policy: &Policy,
    caller: &Caller,
    permission: Permission,
    charge: impl FnOnce(&Client, &Permission) -> Result<UnderWay, Reason>,
) -> Result<Permit, Reason> {
    let client = caller.entry(policy)?;
    let role = client.role_giving(&permission).ok_or(Reason::PermissionMissing)?.name().to_owned();
    let under_way = charge(&client, &permission)?;
    Ok(Permit { permission, role, _under_way: under_way })
}
