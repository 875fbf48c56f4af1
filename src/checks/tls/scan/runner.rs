//! Puts a plan's questions to the server, within limits of connections at a time, connections a second, and time.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::plan::{Attempt, Plan};
use super::question::Request;
use super::result::ScanResult;
use crate::checks::tls::connect::{Connector, SetupError};
use crate::model::Fault;
use crate::net::Deadline;
use crate::proto::tls::hello::{HelloAnswer, ask};
use crate::proto::tls::starttls::FailureKind;
use crate::proto::tls::{certificate_probe, provider};

/// A server, and how many connections it is given.
#[derive(Clone, Debug)]
pub(super) struct Runner {
    /// Its timeout is for a connection, for STARTTLS, and again for an answer.
    pub(super) connector: Connector,
    /// Maximum number of simultaneous connections.
    pub(super) parallel: usize,
    /// Least time between the starts of two connections.
    pub(super) interval: Duration,
    /// For the whole.
    pub(super) limit: Duration,
}

/// The answer that came over one connection.
enum Reply {
    Answer(HelloAnswer),
    Chain(Vec<Vec<u8>>),
}

impl Runner {
    /// Asks until the plan is done or the time is over. `Err` is a fault of this side.
    pub(super) async fn run(&self, mut plan: Plan, sni: Option<&str>) -> Result<ScanResult, Fault> {
        let mut deadline = Deadline::at(Instant::now() + self.limit);
        let mut due = Instant::now();
        let mut under_way = FuturesUnordered::new();
        let mut attempts: Vec<Attempt> = Vec::new();
        loop {
            while under_way.len() < self.parallel
                && let Some(attempt) = plan.next()
            {
                due = due.max(Instant::now()) + attempt.pause;
                under_way.push(self.ask(attempt.id, attempt.request.clone(), due, sni));
                attempts.push(attempt);
                due += self.interval;
            }
            if under_way.is_empty() {
                return Ok(plan.finish());
            }
            let Ok(next) = deadline.wait(under_way.next()).await else {
                let why = format!("the scan did not end within {:?}", self.limit);
                plan.halt(&why);
                for attempt in attempts {
                    plan.abandon(&attempt, &why);
                }
                let _ = plan.next();
                return Ok(plan.finish());
            };
            let Some((id, reply)) = next else { continue };
            let Some(at) = attempts.iter().position(|attempt| attempt.id == id) else { continue };
            let attempt = attempts.swap_remove(at);
            match reply? {
                Reply::Answer(answer) => plan.record_answer(attempt, answer),
                Reply::Chain(chain) => plan.record_chain(&attempt, &chain),
            }
        }
    }

    async fn ask(&self, id: u32, request: Request, due: Instant, sni: Option<&str>) -> (u32, Result<Reply, Fault>) {
        tokio::time::sleep_until(due).await;
        (id, self.exchange(request, sni).await)
    }

    async fn exchange(&self, request: Request, name: Option<&str>) -> Result<Reply, Fault> {
        let (peer, timeout) = (self.connector.peer, self.connector.timeout);
        let mut stream = match self.connector.try_connect().await? {
            Ok(connection) => connection.stream,
            Err(error) => return Ok(Reply::Answer(self.setup_answer(error))),
        };
        match request {
            Request::Hello { hello, sending } => {
                let mut random = [0; 32];
                provider().secure_random.fill(&mut random).map_err(|_| {
                    let remedy = "check this machine's entropy source";
                    Fault::local("gather randomness for TLS", "", "the system gives none", remedy)
                })?;
                let hello = hello.encode(&random);
                ask(&mut stream, peer, &hello, sending, timeout).await.map(Reply::Answer)
            }
            Request::CertificateProbe { keys, sni } => {
                let name = name.filter(|_| sni);
                let found = certificate_probe::probe(stream, peer, name, keys, timeout).await?;
                Ok(found.map_or_else(Reply::Answer, Reply::Chain))
            }
        }
    }

    /// A question that could not be asked refuses nothing, whatever the server said before TLS.
    fn setup_answer(&self, error: SetupError) -> HelloAnswer {
        match error {
            SetupError::Connect(error) => HelloAnswer::Unconnected(error),
            SetupError::StartTls(_, not) if not.kind == FailureKind::Timeout => HelloAnswer::Timeout,
            SetupError::StartTls(_, not) if not.kind == FailureKind::Reset => HelloAnswer::Reset,
            SetupError::StartTls(..) => HelloAnswer::NotTls(error.evidence(&self.connector)),
        }
    }
}
