//! An order: recorded as meant, carried out, recorded as done. What cannot be recorded does not happen, and what
//! was not recorded as done is not given away; the same request again gets it.
//!
//! It runs to its end whoever goes away meanwhile: a connection that is cut must not leave half of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tsmgate_pki::enrolment::{
    ClientAnswer, EnrolFault, Enrolled, JoinRequest, Joined, RenewRequest,
};
use tsmgate_pki::{Authority, time_text};
use tsmgate_server::audit::record::{Outcome, Record};

use crate::answer::Refusal;
use crate::handshake::Shown;
use crate::house::{House, Rules};

/// How long somebody waits for his turn.
const TURN_TIME: Duration = Duration::from_secs(5);

/// What somebody asks for.
#[derive(Debug)]
pub enum Order {
    /// The first certificate, by an invite.
    Join(JoinRequest),
    /// The next one.
    Renew {
        /// The key it is for.
        request: RenewRequest,
        /// The one before.
        shown: Arc<Shown>,
        /// Where the request comes from.
        source: IpAddr,
    },
}

impl Order {
    fn action(&self) -> &'static str {
        match self {
            Self::Join(_) => "join",
            Self::Renew { .. } => "renew",
        }
    }

    /// Who asks, as he says or has proved; never what is in the request.
    fn about(&self) -> Record {
        match self {
            Self::Join(request) => Record::empty().text("client.user.name", &request.name),
            Self::Renew { shown, .. } => Record::empty().leaf(&shown.leaf),
        }
    }

    fn carry_out(&self, authority: &Authority, rules: &Rules) -> Result<Joined, EnrolFault> {
        match self {
            Self::Join(request) => authority.join(request, rules.life),
            Self::Renew { request, shown, source } => {
                authority.renew(&shown.der, *source, request, rules.life)
            }
        }
    }
}

/// Carries an order out, on record; `about` says whose connection it is.
///
/// # Errors
/// There is no certificate, or none that may be given away.
pub async fn perform(house: Arc<House>, order: Order, about: Record) -> Result<Enrolled, Refusal> {
    let (action, rules) = (order.action(), house.rules());
    let about = about.append(&order.about());
    let Some(_turn) = turn(&house, &order).await else {
        house.audit.remark(failed(action, "rate_limited").append(&about));
        return Err(Refusal::rate_limited());
    };
    let not_recorded = |_| Refusal::not_recorded();
    let intent = Record::new(action, Outcome::Unknown).append(&about);
    house.audit.write(intent).await.map_err(not_recorded)?;
    let (authority, terms) = (house.keeper.authority(), Arc::clone(&rules));
    let done = spawn_blocking(move || order.carry_out(&authority, &terms)).await;
    let outcome = match &done {
        Ok(Ok(joined)) => issued(action, joined),
        Ok(Err(fault)) => failed(action, fault.code()),
        Err(_) => failed(action, "authority_trouble"),
    };
    house.audit.write(outcome.append(&about)).await.map_err(not_recorded)?;
    match done {
        Ok(Ok(joined)) => Ok(enrolled(joined, &house, &rules)),
        Ok(Err(fault)) => {
            if let EnrolFault::AuthorityTrouble(cause) = &fault {
                tracing::error!(%cause, hint = %cause.hint(), "no certificate can be issued");
            }
            Err(Refusal::from(&fault))
        }
        Err(_) => {
            tracing::error!("an order ended in a panic; please report it");
            Err(Refusal::broken())
        }
    }
}

/// A turn at the authority; `None` where there is none in time, or strangers try too often.
async fn turn(house: &House, order: &Order) -> Option<OwnedSemaphorePermit> {
    if matches!(order, Order::Join(_)) {
        house.joins.take().ok()?;
    }
    let turn = timeout(TURN_TIME, Arc::clone(&house.turn).acquire_owned()).await;
    turn.ok()?.ok()
}

fn failed(action: &str, code: &str) -> Record {
    Record::new(action, Outcome::Failure).text("event.reason", code)
}

fn issued(action: &str, joined: &Joined) -> Record {
    let roles: Vec<&str> = joined.grants.roles.iter().map(String::as_str).collect();
    let record = Record::new(action, Outcome::Success)
        .text("tsmgate.issued.name", joined.name.as_str())
        .texts("tsmgate.issued.roles", &roles)
        .text("tsmgate.issued.serial_number", &joined.serial)
        .text("tsmgate.issued.not_after", &time_text(joined.not_after));
    if joined.again { record.flag("tsmgate.issued.again", true) } else { record }
}

fn enrolled(joined: Joined, house: &House, rules: &Rules) -> Enrolled {
    let authority = house.keeper.certificate();
    Enrolled {
        certificate: joined.certificate_pem,
        authority: authority.to_owned(),
        gate: rules.gate.clone(),
        client: ClientAnswer {
            name: joined.name.to_string(),
            roles: joined.grants.roles,
            networks: joined.grants.networks.unwrap_or_default(),
        },
        not_before: time_text(joined.not_before),
        not_after: time_text(joined.not_after),
        now: time_text(OffsetDateTime::now_utc()),
    }
}
