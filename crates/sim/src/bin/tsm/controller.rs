//! The controller as this program asks it: a session, one question at a time, and what errors say.

use data_encoding::BASE64;
use hyper::Method;
use hyper::header::SET_COOKIE;
use serde_json::{Value, json};

use crate::answer::{part, text};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::surroundings::Surroundings;
use crate::wire::{Question, exchange};
use crate::{login, prompt};

/// A user and a password, where they were given.
type Account = (String, String);

/// The controller.
pub(crate) struct Controller {
    place: Surroundings,
    account: Option<Account>,
    cookie: Option<String>,
}

impl Controller {
    pub(crate) fn new(place: Surroundings, global: &Global) -> Result<Self, Failure> {
        let account = match (&global.username, &global.password) {
            (None, None) => None,
            (Some(name), Some(password)) => Some((name.clone(), password.clone())),
            // Documented: it asks for the password at a login.
            (Some(name), None) => Some((name.clone(), prompt::password()?)),
            (None, Some(_)) => {
                let missing = "The option '--password' needs '--username'.";
                return Err(Failure::Usage(missing.to_owned()));
            }
        };
        Ok(Self { place, account, cookie: None })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        self.ask(Method::POST, path, body).await
    }

    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Failure> {
        let fresh = self.cookie.is_none();
        match self.once(&method, path, body.as_ref()).await {
            // Seen: a session that has ended is replaced, once.
            Err(Failure::Refused(401, _)) if !fresh => {
                self.cookie = None;
                self.once(&method, path, body.as_ref()).await
            }
            answered => answered,
        }
    }

    /// Seen: the version of the configuration that was applied last, and its keys.
    pub(crate) async fn configuration(&mut self) -> Result<Value, Failure> {
        let version = self.get("configurations/requested/version").await?;
        let path = format!("configurations/{}/keys", part(&version, "version"));
        Ok(part(&self.get(&path).await?, "configKeys").clone())
    }

    /// Stages keys; `null` is the default of one. Guess: the route, and all of the body's shape.
    pub(crate) async fn stage(
        &mut self,
        keys: Vec<(String, Value)>,
        force: bool,
    ) -> Result<(), Failure> {
        let keys: serde_json::Map<_, _> = keys.into_iter().collect();
        let path = format!("configurations/pending/keys?forceKeys={force}");
        self.post(&path, Some(json!({ "configKeys": keys }))).await.map(drop)
    }

    /// Sends a file that a key only names. Guess: all of it.
    pub(crate) async fn send_file(&mut self, name: &str, bytes: &[u8]) -> Result<String, Failure> {
        let file = json!({ "file": { "fileName": name, "fileBytes": BASE64.encode(bytes) } });
        let sent = self.post("clientFileService/files", Some(file)).await?;
        Ok(text(&sent, "file/id").to_owned())
    }

    async fn once(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        if self.cookie.is_none() {
            self.cookie = Some(self.log_in().await?);
        }
        let body = body.map(|body| body.to_string().into_bytes());
        let cookie = self.cookie.as_deref();
        let question = Question { method: method.clone(), path, cookie, body };
        let answer = exchange(&self.place, question).await.map_err(|error| unreachable(&error))?;
        let value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        match answer.status().as_u16() {
            200..=299 => Ok(value),
            status => Err(refused(status, &value)),
        }
    }

    async fn log_in(&self) -> Result<String, Failure> {
        let Some((name, password)) = &self.account else {
            return login::without_password(&self.place.socket);
        };
        let body = json!({ "authentication": { "name": name, "password": password } });
        let body = Some(body.to_string().into_bytes());
        let question = Question { method: Method::POST, path: "login", cookie: None, body };
        let answer = exchange(&self.place, question).await.map_err(|error| unreachable(&error))?;
        let cookie = answer.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok());
        match (answer.status().as_u16(), cookie.and_then(|cookie| cookie.split(';').next())) {
            (204, Some(cookie)) => Ok(cookie.to_owned()),
            (status, _) => {
                let value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
                // of a login, a 401 is the last word
                match refused(status, &value) {
                    Failure::Refused(401, detail) => Err(Failure::Failed(detail)),
                    failure => Err(failure),
                }
            }
        }
    }
}

/// Seen: `error.detail`; the rest is a guess.
fn refused(status: u16, body: &Value) -> Failure {
    let texts = ["error/detail", "error/summary", "error/code"].map(|place| text(body, place));
    let detail = texts.into_iter().find(|text| !text.is_empty());
    Failure::Refused(status, detail.unwrap_or_default().to_owned())
}

fn unreachable(error: &std::io::Error) -> Failure {
    Failure::Unreachable(format!("Could not connect to the controller: {error}."))
}
