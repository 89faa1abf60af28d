//! The HTTPS side over real sockets: sessions, operations, jobs, and every way to misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

mod client;
mod jobs;
mod limits;
mod misbehaviour;
mod operations;
mod planting;
mod sessions;

use client::{Answer, Client};
use tsmsim::{
    Account, Api, ApiAccount, ApiOptions, Directory, Policy, Simulator, SimulatorOptions,
};

/// A simulator whose socket knows the user of this test, with an HTTPS side.
struct Stage {
    tsm: Simulator,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut ApiOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut api = ApiOptions::default();
        let account = |name: &str, in_group| ApiAccount {
            name: name.to_owned(),
            password: "a password".to_owned(),
            in_group,
        };
        api.accounts = vec![account("anna", true), account("otto", false)];
        change(&mut api);
        let mut options = SimulatorOptions::new(folder.path().join("login"));
        let table = vec![Account::of_this_process("gate", &["tsmadmin"])];
        options.policy = Policy { directory: Directory::Table(table), ..Policy::default() };
        options.api = Some(api);
        Self { tsm: Simulator::start(options).await.unwrap(), folder }
    }

    fn api(&self) -> &Api {
        self.tsm.api().unwrap()
    }

    async fn client(&self) -> Client {
        Client::connect(self.api()).await
    }

    /// One request with a session of its own, on a connection of its own.
    async fn ask(&self, method: &str, path: &str) -> Answer {
        let cookie = self.api().open_session("anna");
        self.ask_with(method, path, &format!("Cookie: AUTH_COOKIE={cookie}\r\n")).await
    }

    /// One request with these header lines.
    async fn ask_with(&self, method: &str, path: &str, headers: &str) -> Answer {
        let request = format!(
            "{method} /api/0.5/{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n",
            self.host()
        );
        self.client().await.exchange(request.as_bytes()).await
    }

    /// `POST /login`.
    async fn log_in(&self, name: &str, password: &str) -> Answer {
        let body = format!(r#"{{"authentication":{{"name":"{name}","password":"{password}"}}}}"#);
        let request = format!(
            "POST /api/0.5/login HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host(),
            body.len()
        );
        self.client().await.exchange(request.as_bytes()).await
    }

    fn host(&self) -> String {
        format!("localhost:{}", self.api().address().port())
    }
}
