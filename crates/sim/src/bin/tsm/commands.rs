//! Which command does what: one table of paths, and below it a room for each family.
//!
//! Staging commands say nothing when they succeed (seen for one of them).

use crate::arguments::Asked;
use crate::controller::Controller;
use crate::failure::Failure;
use crate::output::Output;

mod configuration;
mod custom_cert;
mod external_ssl;
mod extsvc;
mod jobs;
mod later;
mod maintenance;
mod mutual_ssl;
mod pending;
mod repository_ssl;
mod status;
mod tokens;

/// A command on its way.
pub(crate) struct Task<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) controller: Controller,
    pub(crate) output: &'a mut Output,
}

/// What a command comes to.
type Outcome = Result<(), Failure>;

/// Carries out a command.
pub(crate) async fn carry_out(task: Task<'_>) -> Outcome {
    match &*task.asked.command.path {
        "security custom-cert add" => custom_cert::add(task).await,
        "security custom-cert delete" => custom_cert::delete(task).await,
        "security custom-cert list" => custom_cert::list(task).await,
        "security external-ssl enable" => external_ssl::enable(task).await,
        "security external-ssl disable" => external_ssl::disable(task).await,
        "security external-ssl list" => external_ssl::list(task).await,
        "security regenerate-internal-tokens" => tokens::regenerate(task).await,
        "security repository-ssl enable" => repository_ssl::enable(task).await,
        "security repository-ssl disable" => repository_ssl::disable(task).await,
        "security repository-ssl get-certificate-file" => {
            repository_ssl::get_certificate_file(task).await
        }
        "security repository-ssl list" => repository_ssl::list(task).await,
        "security vizql-extsvc-ssl enable" => extsvc::enable(task).await,
        "security vizql-extsvc-ssl disable" => extsvc::disable(task).await,
        "security vizql-extsvc-ssl list" => extsvc::list(task).await,
        "authentication mutual-ssl configure" => mutual_ssl::configure(task).await,
        "authentication mutual-ssl enable" => mutual_ssl::switch(task, true).await,
        "authentication mutual-ssl disable" => mutual_ssl::switch(task, false).await,
        "authentication list" => mutual_ssl::list(task).await,
        "pending-changes list" => pending::list(task).await,
        "pending-changes apply" => pending::apply(task).await,
        "pending-changes discard" => pending::discard(task).await,
        "maintenance ziplogs" => maintenance::ziplogs(task).await,
        "maintenance backup" => maintenance::backup(task).await,
        "maintenance cleanup" => maintenance::cleanup(task).await,
        "jobs list" => jobs::all(task).await,
        "jobs reconnect" => jobs::reconnect(task).await,
        "jobs cancel" => jobs::cancel(task).await,
        "status" => status::status(task).await,
        "configuration get" => configuration::get(task).await,
        "configuration set" => configuration::set(task).await,
        "version" => status::version(task).await,
        _ => later::carry_out(task).await,
    }
}
