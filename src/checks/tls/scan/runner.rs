//! Carries a plan's questions to the server: so many side by side, so many a second, for so long.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::job::What;
use super::plan::{Ask, Plan};
use super::seen::Scan;
use crate::model::Fault;
use crate::net::tls::hello::{Answer, ask};
use crate::net::tls::{provider, served};
use crate::net::{Refusal, connect};

/// A server, and how hard it may be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Runner {
    pub(super) peer: SocketAddr,
    pub(super) source: Option<IpAddr>,
    /// For a connection, and again for an answer.
    pub(super) patience: Duration,
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
        let mut stream = match self.open().await? {
            Ok(stream) => stream,
            Err(refusal) => return Ok(Reply::Answer(Answer::Unconnected(refusal))),
        };
        match what {
            What::Hello { hello, sending } => {
                let mut random = [0; 32];
                provider().secure_random.fill(&mut random).map_err(|_| {
                    let remedy = "check this machine's entropy source";
                    Fault::local("gather randomness for TLS", "", "the system gives none", remedy)
                })?;
                let hello = hello.encode(&random);
                ask(&mut stream, self.peer, &hello, sending, self.patience).await.map(Reply::Answer)
            }
            What::Serve { keys, sni } => {
                let name = name.filter(|_| sni);
                let seen = served::served(stream, self.peer, name, keys, self.patience).await?;
                Ok(seen.map_or_else(Reply::Answer, Reply::Chain))
            }
        }
    }

    /// Opens a connection on which TLS can begin. The only place that does, so that whatever must be said in clear before TLS
    /// has one place too.
    async fn open(&self) -> Result<Result<TcpStream, Refusal>, Fault> {
        Ok(connect(self.peer, self.source, self.patience).await?.map(|dialled| dialled.stream))
    }
}
