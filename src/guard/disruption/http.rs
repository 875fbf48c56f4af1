//! A request that breaks something, one that puts it back, and one whose answer tells which of both it is.

mod curl;
mod exchange;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use self::exchange::HttpAnswer;
use crate::guard::secrets::HoldsSecrets;
use crate::model::{Text, human_time};
use crate::suite::secret::Redactor;

/// What is asked before anything is broken has less time than the guard has to get ready.
const BEFORE: Duration = Duration::from_secs(8);
/// Asking again and again ends within this, the last answer included.
const PATIENCE: Duration = Duration::from_secs(22);
/// From one answer to the next question meanwhile.
const PAUSE: Duration = Duration::from_millis(500);

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequestSpec {
    /// The method.
    pub method: String,
    /// The URL; no secret is in its host.
    pub url: Text,
    /// Headers beside those that every request has.
    pub headers: Vec<(String, Text)>,
    /// The body; none where it is left out.
    pub body: Option<Text>,
    /// Statuses of an answer that says that it was done; those from 200 to 299 where none is named.
    pub status: Vec<u16>,
}

/// A request whose answer shows that all is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpProof {
    /// It is answered with one of its statuses then.
    pub request: HttpRequestSpec,
    /// And this stands in the body.
    pub contains: Option<Text>,
}

/// On what terms servers are asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpTerms {
    /// Whom to trust over https. Nothing is sent to a server whose certificate does not verify.
    pub roots: HttpRoots,
    /// PEM files of a client certificate and its key.
    pub client: Option<(PathBuf, PathBuf)>,
    /// How long one exchange may take.
    pub timeout: Duration,
}

/// Whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpRoots {
    /// Mozilla's, built into this program.
    Webpki,
    /// This machine's store.
    System,
    /// A PEM file.
    File(PathBuf),
}

/// Something that a request breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpChange {
    /// Breaks it.
    pub request: HttpRequestSpec,
    /// Puts it back; where it is left out a command of the suite does.
    pub undo: Option<HttpRequestSpec>,
    /// Tells whether it is broken.
    pub verify: Option<HttpProof>,
    /// Of all three.
    pub terms: HttpTerms,
}

/// Puts it back, and shows that it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpUndo {
    request: HttpRequestSpec,
    verify: Option<HttpProof>,
    terms: HttpTerms,
}

/// What an answer, or none, says of a service.
enum ServiceHealth {
    /// As when all is well.
    Well,
    /// Otherwise, and how.
    Other(String),
    /// Nothing, and why.
    Unknown(String),
}

impl HttpChange {
    pub(super) async fn prepare(&self) -> Result<Option<HttpUndo>, String> {
        self.terms.load().await?;
        for request in [&self.request].into_iter().chain(&self.undo).chain(self.verify.as_ref().map(|one| &one.request))
        {
            request.is_sendable().map_err(|why| request.told(&why))?;
        }
        if let Some(verify) = &self.verify {
            let timeout = self.terms.timeout.min(BEFORE);
            match verify.ask(&HttpTerms { timeout, ..self.terms.clone() }).await {
                ServiceHealth::Well => {}
                ServiceHealth::Other(why) => return Err(format!("it is not well before anything is broken: {why}")),
                ServiceHealth::Unknown(why) => return Err(format!("`verify` does not tell whether it is well: {why}")),
            }
        }
        let undo = |request: &HttpRequestSpec| HttpUndo {
            request: request.clone(),
            verify: self.verify.clone(),
            terms: self.terms.clone(),
        };
        Ok(self.undo.as_ref().map(undo))
    }

    /// Once: whether a request without an answer was done nobody knows, and what undoes it follows.
    pub(super) async fn inject(&self) -> Result<(), String> {
        self.request.send(&self.terms).await.map_err(|failed| failed.why)
    }

    /// The request was accepted. Where its effect can be seen, it is waited for.
    pub(super) async fn in_effect(&self) -> Result<(), String> {
        let Some(verify) = &self.verify else { return Ok(()) };
        let retries = RetrySchedule::of(&self.terms);
        loop {
            let why = match verify.ask(&self.terms).await {
                ServiceHealth::Other(_) => return Ok(()),
                ServiceHealth::Well => format!("`verify` is answered as when all is well: {}", verify.request.name()),
                ServiceHealth::Unknown(why) => format!("`verify` does not tell whether it is broken: {why}"),
            };
            retries.again(SendFailure::yet(why)).await?;
        }
    }

    /// Why it is not in place any more; `None` while it is, and where that cannot be told.
    pub(super) async fn ended_early(&self) -> Option<String> {
        let verify = self.verify.as_ref()?;
        let well = matches!(verify.ask(&self.terms).await, ServiceHealth::Well);
        well.then(|| format!("`verify` is answered as when all is well: {}", verify.request.name()))
    }

    pub(super) fn shell_text(&self) -> String {
        self.terms.curl(&self.request)
    }

    /// `None` where a command of the suite puts it back.
    pub(super) fn inverse(&self) -> Option<String> {
        self.undo.as_ref().map(|undo| self.terms.curl(undo))
    }

    /// The server that is asked to.
    pub(super) fn subject(&self) -> String {
        format!("http {}", self.request.place())
    }

    /// Hosts that it is about, as its URLs name them.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        let verify = self.verify.as_ref().map(|verify| &verify.request);
        [&self.request].into_iter().chain(&self.undo).chain(verify).map(HttpRequestSpec::host).collect()
    }
}

impl HttpUndo {
    /// Until it is accepted: a server that is busy, or about to come back, may refuse it at first.
    pub(super) async fn restore(&self) -> Result<(), String> {
        let retries = RetrySchedule::of(&self.terms);
        loop {
            match self.request.send(&self.terms).await {
                Ok(()) => return Ok(()),
                Err(failed) => retries.again(failed).await?,
            }
        }
    }

    /// Whether `verify` shows it now.
    pub(super) async fn is_back(&self) -> bool {
        match &self.verify {
            Some(verify) => matches!(verify.ask(&self.terms).await, ServiceHealth::Well),
            None => false,
        }
    }

    pub(super) async fn verify(&self) -> Result<(), String> {
        let Some(verify) = &self.verify else { return Ok(()) };
        let retries = RetrySchedule::of(&self.terms);
        loop {
            let why = match verify.ask(&self.terms).await {
                ServiceHealth::Well => return Ok(()),
                ServiceHealth::Other(why) => format!("`verify` does not show that it is back: {why}"),
                ServiceHealth::Unknown(why) => format!("`verify` does not tell whether it is back: {why}"),
            };
            retries.again(SendFailure::yet(why)).await?;
        }
    }

    pub(super) fn by_hand(&self) -> String {
        self.terms.curl(&self.request)
    }
}

impl HoldsSecrets for HttpUndo {
    fn title(&self) -> String {
        format!("`http` ({})", self.request.name())
    }

    fn texts_mut(&mut self) -> Vec<&mut Text> {
        let verify = self.verify.iter_mut().flat_map(|verify| verify.request.texts_mut().chain(&mut verify.contains));
        self.request.texts_mut().chain(verify).collect()
    }
}

impl HttpRequestSpec {
    fn texts(&self) -> impl Iterator<Item = &Text> {
        [&self.url].into_iter().chain(self.headers.iter().map(|(_, value)| value)).chain(&self.body)
    }

    fn texts_mut(&mut self) -> impl Iterator<Item = &mut Text> {
        [&mut self.url].into_iter().chain(self.headers.iter_mut().map(|(_, value)| value)).chain(&mut self.body)
    }
}

/// Something that was not done.
struct SendFailure {
    why: String,
    /// The next try may be better.
    may_pass: bool,
}

impl SendFailure {
    fn yet(why: String) -> Self {
        Self { why, may_pass: true }
    }
}

/// Tries of what may not be done at first, each of which takes at most `longest`.
struct RetrySchedule {
    begun: Instant,
    longest: Duration,
}

impl RetrySchedule {
    fn of(terms: &HttpTerms) -> Self {
        Self { begun: Instant::now(), longest: terms.timeout }
    }

    /// Returns when it is time for the next. `Err` where it is certain that none succeeds, or there is no time for one.
    async fn again(&self, failed: SendFailure) -> Result<(), String> {
        let took = self.begun.elapsed();
        if !failed.may_pass {
            return Err(failed.why);
        }
        if took + PAUSE + self.longest > PATIENCE {
            return Err(format!("{} (tried for {})", failed.why, human_time(took)));
        }
        sleep(PAUSE).await;
        Ok(())
    }
}

impl HttpRequestSpec {
    /// Sends it, for what it does.
    async fn send(&self, terms: &HttpTerms) -> Result<(), SendFailure> {
        match self.ask(terms).await {
            Ok(answer) if self.accepts(answer.status) => Ok(()),
            Ok(answer) => Err(SendFailure { why: self.refusal(&answer), may_pass: answer.may_pass() }),
            Err(none) => Err(SendFailure::yet(self.told(&none.why()))),
        }
    }

    fn accepts(&self, status: u16) -> bool {
        if self.status.is_empty() { (200..300).contains(&status) } else { self.status.contains(&status) }
    }

    /// An answer of another status than is accepted.
    fn refusal(&self, answer: &HttpAnswer) -> String {
        let wanted = if self.status.is_empty() {
            "a status from 200 to 299".to_owned()
        } else {
            let all: Vec<String> = self.status.iter().map(ToString::to_string).collect();
            format!("status {}", all.join(" or "))
        };
        self.told(&format!("{}, not with {wanted}{}", answer.told(), answer.leads_elsewhere()))
    }

    /// What is to be said of it, with its name before it and without its secrets.
    fn told(&self, what: &str) -> String {
        let mut redactor = Redactor::default();
        for secret in self.texts().filter_map(Text::parts).flatten().filter_map(exchange::hidden) {
            redactor.add_secret(secret);
        }
        format!("{} {}", self.name(), redactor.clean(what))
    }

    /// Method and URL, for people.
    fn name(&self) -> String {
        format!("{} {}", self.method, self.url)
    }
}

impl HttpProof {
    async fn ask(&self, terms: &HttpTerms) -> ServiceHealth {
        let request = &self.request;
        let answer = match request.ask(terms).await {
            Ok(answer) => answer,
            Err(none) if none.is_of_the_way() => return ServiceHealth::Unknown(request.told(&none.why())),
            // A service that is gone is not well.
            Err(none) => return ServiceHealth::Other(request.told(&none.why())),
        };
        if !request.accepts(answer.status) {
            return ServiceHealth::Other(request.refusal(&answer));
        }
        let Some(wanted) = &self.contains else { return ServiceHealth::Well };
        if answer.contains(wanted) {
            ServiceHealth::Well
        } else if answer.is_whole {
            ServiceHealth::Other(request.told(&format!("{}, without `{wanted}`", answer.told())))
        } else {
            let why = format!("{}, without `{wanted}` in what was read of the body, which is not all", answer.told());
            ServiceHealth::Unknown(request.told(&why))
        }
    }
}
