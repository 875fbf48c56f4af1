//! Session resumption: how often a server resumes the session of a client that comes back.
//!
//! Each try offers one of the sessions that the handshakes before it were given, drawn at random: so two servers behind a
//! balancer, each with a ticket key of its own, resume about half of them, also when the balancer takes strict turns.

use std::time::Duration;

use tokio::time::Instant;

use crate::checks::tls::client::{TlsClient, describe_end, outcome};
use crate::model::count::counted;
use crate::model::table::{facts, fields};
use crate::model::{Better, Fact, Fault, Field, FieldKind, Unit};
use crate::net::deadline;
use crate::probe::{Cx, EarlyEnd, Mode};
use crate::proto::tls::{Handshake, HandshakeEnd, Offer, ResumingClient};
use crate::stats::splitmix::SplitMix;

/// Most tries; a ratio needs no more.
const MOST: i64 = 1000;
/// A ratio that moved by less is no alarm: one of ten tries.
const STEP: f64 = 0.1;

fields! { pub(in crate::checks::tls) FIELDS;
    pub(in crate::checks::tls) const RESUMPTION: Field<Option<u32>> = Field::optional(
        "resumption",
        FieldKind::Integer(1, MOST),
        "How often to try to resume a session, for each version offered; each try is one more connection.",
    );
}

/// Advice for sessions that are not resumed.
pub(in crate::checks::tls) const NOT_RESUMED: &str =
    "sessions are not known again: do all servers behind this address share ticket keys, or a session cache?";

facts! { pub(in crate::checks::tls) FACTS;
    const TLS12: Fact<f64> = Fact::metric(
        "resumption.tls1.2",
        Unit::Ratio,
        Better::Higher,
        "Share of tries that resumed the session in TLS 1.2, by ticket or id; absent without that version.",
    )
    .within(STEP)
    .on_breach(NOT_RESUMED);
    const TLS13: Fact<f64> = Fact::metric(
        "resumption.tls1.3",
        Unit::Ratio,
        Better::Higher,
        "Share of tries that resumed the session in TLS 1.3, by ticket; absent without that version.",
    )
    .within(STEP)
    .on_breach(NOT_RESUMED);
}

pub(super) const MODE: Mode =
    Mode::of("resumption: 10, or another number of tries", |args| args.given(&RESUMPTION), FACTS);

/// One version has the time of two slow handshakes and, for each try, of a quick one.
fn limit(tries: u32, timeout: Duration, one: Duration) -> Duration {
    one * 2 + timeout / 4 * tries
}

pub(super) fn longest(tries: u32, timeout: Duration, one: Duration) -> Duration {
    limit(tries, timeout, one) * 2
}

/// Tries each version that is offered.
pub(super) async fn run(cx: &mut Cx<'_>, client: &TlsClient<'_>, tries: u32) -> Result<(), Fault> {
    let connector = &client.connector;
    let limit = limit(tries, connector.timeout, connector.longest_handshake(client.late_wait));
    for version in &client.offer.versions {
        let (word, fact) =
            if version.version == rustls::ProtocolVersion::TLSv1_3 { ("TLS1.3", &TLS13) } else { ("TLS1.2", &TLS12) };
        let offer = Offer { versions: vec![*version], ..client.offer.clone() };
        let mut series = Series {
            resuming: ResumingClient::new(client.credentials, &offer, connector.peer)?,
            client,
            tries,
            done: 0,
            draws: SplitMix::new(cx.seed()),
        };
        let start = Instant::now();
        let why = match deadline::within(limit, series.run()).await {
            Ok(Ok(resumed)) => {
                cx.set(fact, f64::from(resumed.count) / f64::from(tries));
                resumed.why
            }
            Ok(Err(end)) => Some(end.into_evidence()?),
            Err(_) => Some(format!("only {} of {} in {:?}", series.done, counted(tries, "try"), start.elapsed())),
        };
        if let Some(why) = why {
            cx.note(format!("resumption in {word}: {why}"));
        }
    }
    Ok(())
}

/// The tries of one version.
struct Series<'a> {
    resuming: ResumingClient,
    client: &'a TlsClient<'a>,
    tries: u32,
    done: u32,
    draws: SplitMix,
}

/// Tries that resumed a session.
struct Resumed {
    count: u32,
    /// Why not all did.
    why: Option<String>,
}

impl Series<'_> {
    /// An early end says that nothing can be told, and why.
    async fn run(&mut self) -> Result<Resumed, EarlyEnd> {
        let first = self.handshake().await?;
        match &first.end {
            HandshakeEnd::Completed(_) => {}
            // With this version alone on offer, that is how servers without it end.
            HandshakeEnd::Alert(alert) if matches!(alert.as_str(), "protocol_version" | "handshake_failure") => {
                return Err(EarlyEnd::outcome("alert", format!("the server does not speak it (alert {alert})")));
            }
            end => {
                let why = format!("no handshake to begin with: {}", describe_end(end));
                return Err(EarlyEnd::outcome(outcome(end), why));
            }
        }
        drop(first);
        let mut count = 0;
        let mut fresh = true;
        while self.done < self.tries {
            if !self.draw() {
                if fresh {
                    let why = "a full handshake handed out neither a ticket nor an id".to_owned();
                    return Ok(Resumed { count, why: Some(why) });
                }
                // A resumed session without a new ticket: one more full handshake, which is no try.
                self.completed().await?;
                fresh = true;
                continue;
            }
            let handshake = self.completed().await?;
            self.done += 1;
            fresh = handshake.session.as_ref().is_none_or(|session| !session.resumed);
            count += u32::from(!fresh);
        }
        let why = (count < self.tries).then(|| format!("{count} of {} resumed", counted(self.tries, "try")));
        Ok(Resumed { count, why })
    }

    /// Draws the session to offer next; false when there is none.
    fn draw(&mut self) -> bool {
        let Self { resuming, draws, .. } = self;
        resuming.choose_session(|count| draws.below(count))
    }

    async fn handshake(&self) -> Result<Handshake, EarlyEnd> {
        let connection = self.client.connector.connect().await?;
        let timeout = self.client.connector.timeout;
        Ok(self.resuming.handshake(connection.stream, timeout, self.client.late_wait).await?)
    }

    /// A handshake that must be completed: a try that came to none says nothing about sessions.
    async fn completed(&self) -> Result<Handshake, EarlyEnd> {
        let (word, why) = match self.handshake().await {
            Ok(handshake) if matches!(handshake.end, HandshakeEnd::Completed(_)) => return Ok(handshake),
            Ok(handshake) => (outcome(&handshake.end), describe_end(&handshake.end)),
            Err(EarlyEnd::Outcome { word, evidence }) => (word, evidence.unwrap_or_default()),
            Err(EarlyEnd::Fault(fault)) => return Err(EarlyEnd::Fault(fault)),
        };
        let why = format!("try {} of {} came to no handshake: {why}", self.done + 1, self.tries);
        Err(EarlyEnd::outcome(word, why))
    }
}
