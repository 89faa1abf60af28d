//! The proof that a call may reach TSM. Only [`authorize`] makes one.

use std::net::IpAddr;
use std::sync::Arc;

use crate::ledger::{Ledger, UnderWay};
use crate::permission::Permission;
use crate::policy::{Client, Leaf, Policy};
use crate::reason::Reason;

/// Someone whose certificate was verified, whose key was proved, and whom an entry names.
#[derive(Debug, Clone)]
pub struct Caller {
    leaf: Arc<Leaf>,
    address: IpAddr,
    client: Arc<Client>,
}

impl Caller {
    /// Asks the policy who a verified certificate is.
    ///
    /// # Errors
    /// As [`Policy::identify`].
    pub fn identify(policy: &Policy, leaf: Arc<Leaf>, address: IpAddr) -> Result<Self, Reason> {
        let client = policy.identify(&leaf, address)?;
        Ok(Self { leaf, address, client })
    }

    /// The entry that named it when it was identified.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Its certificate.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// Where it comes from.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether an open connection may stay under another policy: as the same client, and with what it
    /// came for. Its next call is asked about all the same.
    ///
    /// # Errors
    /// As [`Policy::identify`]; or its certificate is another client's now, or the entry lost the
    /// permission.
    pub fn stays(&self, policy: &Policy) -> Result<(), Reason> {
        let client = policy.identify(&self.leaf, self.address)?;
        if client.name != self.client.name {
            return Err(Reason::ClientChanged);
        }
        let login = Permission::login();
        match (self.client.role_giving(&login), client.role_giving(&login)) {
            (Some(_), None) => Err(Reason::PermissionMissing),
            _ => Ok(()),
        }
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

/// Whether a caller may log in now: who it is under the current policy, what its roles give, what its
/// limits leave. Asked for each call, so that a changed policy reaches open connections.
///
/// # Errors
/// The first of these that says no.
pub fn authorize(policy: &Policy, ledger: &Ledger, caller: &Caller) -> Result<Permit, Reason> {
    let permission = Permission::login();
    let client = policy.identify(&caller.leaf, caller.address)?;
    let role = client.role_giving(&permission).ok_or(Reason::PermissionMissing)?.name().to_owned();
    let under_way = ledger.charge_login(&client)?;
    Ok(Permit { permission, role, _under_way: under_way })
}
