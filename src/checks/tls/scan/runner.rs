//! Carries a plan's questions to the server: so many side by side, so many a second, for so long.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::job::What;
use super::plan::{Ask, Plan};
use super::seen::Scan;
use crate::checks::tls::reach::{NoWay, Way};
use crate::model::Fault;
use crate::proto::tls::hello::{Answer, ask};
use crate::proto::tls::starttls::Cause;
use crate::proto::tls::{certificate_probe, provider};

/// A server, and how hard it may be asked.
#[derive(Clone, Debug)]
pub(super) struct Runner {
    /// Its patience is for a connection, for STARTTLS, and again for an answer.
    pub(super) way: Way,
    /// Connections at a time.
    pub(super) parallel: usize,
    /// Least time between the starts of two connections.
    pub(super) interval: Duration,
    /// For the whole.
    pub(super) limit: Duration,
}

/// What came back over one connection.
enum Reply {
    Answer(Answer),
    Chain(Vec<Vec<u8>>),
}

impl Runner {
    /// Asks until the plan is done or the time is over. `Err` is a fault of this side.
    pub(super) async fn run(&self, mut plan: Plan, sni: Option<&str>) -> Result<Scan, Fault> {
        let end = Instant::now() + self.limit;
        let mut due = Instant::now();
        let mut under_way = FuturesUnordered::new();
        let mut asks: Vec<Ask> = Vec::new();
        loop {
            while under_way.len() < self.parallel
                && let Some(ask) = plan.next()
            {
                due = due.max(Instant::now()) + ask.pause;
                under_way.push(self.ask(ask.id, ask.what.clone(), due, sni));
                asks.push(ask);
                due += self.interval;
            }
            if under_way.is_empty() {
                return Ok(plan.finish());
            }
            let Ok(next) = tokio::time::timeout_at(end, under_way.next()).await else {
                let why = format!("the scan did not end within {:?}", self.limit);
                plan.halt(&why);
                for ask in asks {
                    plan.abandon(&ask, &why);
                }
                let _ = plan.next();
                return Ok(plan.finish());
            };
            let Some((id, reply)) = next else { continue };
            let Some(at) = asks.iter().position(|ask| ask.id == id) else { continue };
            let ask = asks.swap_remove(at);
            match reply? {
                Reply::Answer(answer) => plan.settle(ask, answer),
                Reply::Chain(chain) => plan.settle_chain(&ask, &chain),
            }
        }
    }

    async fn ask(&self, id: u32, what: What, due: Instant, sni: Option<&str>) -> (u32, Result<Reply, Fault>) {
        tokio::time::sleep_until(due).await;
        (id, self.exchange(what, sni).await)
    }

    async fn exchange(&self, what: What, name: Option<&str>) -> Result<Reply, Fault> {
        let Way { peer, patience, .. } = self.way;
        let mut stream = match self.way.open().await? {
            Ok(opened) => opened.stream,
            Err(why) => return Ok(Reply::Answer(self.unasked(why))),
        };
        match what {
            What::Hello { hello, sending } => {
                let mut random = [0; 32];
                provider().secure_random.fill(&mut random).map_err(|_| {
                    let remedy = "check this machine's entropy source";
                    Fault::local("gather randomness for TLS", "", "the system gives none", remedy)
                })?;
                let hello = hello.encode(&random);
                ask(&mut stream, peer, &hello, sending, patience).await.map(Reply::Answer)
            }
            What::Serve { keys, sni } => {
                let name = name.filter(|_| sni);
                let seen = certificate_probe::probe(stream, peer, name, keys, patience).await?;
                Ok(seen.map_or_else(Reply::Answer, Reply::Chain))
            }
        }
    }

    /// A question that could not be asked refuses nothing, whatever the server said before TLS.
    fn unasked(&self, why: NoWay) -> Answer {
        match why {
            NoWay::ConnectError(error) => Answer::Unconnected(error),
            NoWay::NotUpgraded(_, not) if not.cause == Cause::Timeout => Answer::Timeout,
            NoWay::NotUpgraded(_, not) if not.cause == Cause::Reset => Answer::Reset,
            NoWay::NotUpgraded(..) => Answer::NotTls(why.told(&self.way)),
        }
    }
}
