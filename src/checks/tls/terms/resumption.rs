//! Resumption: how often a client that comes back is known again.
//!
//! Each try offers one of the sessions that the handshakes before it were given, drawn at random: so two servers behind a
//! balancer, each with a ticket key of its own, know about half of them again, also when the balancer takes strict turns.

use std::time::Duration;

use tokio::time::Instant;

use super::{Again, unfinished};
use crate::model::table::{facts, fields};
use crate::model::{Better, Fact, Fault, Field, FieldKind, Unit};
use crate::probe::{Cx, Mode};
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
        "Tries to resume a session, for each version offered; each is one more connection.",
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

pub(super) const MODE: Mode = Mode {
    with: "resumption: 10, or another number of tries",
    applies: |args| args.given(&RESUMPTION),
    expect: None,
    adds: None,
    facts: FACTS,
};

/// One version has the time of two slow handshakes and, for each try, of a quick one.
fn limit(tries: u32, patience: Duration, one: Duration) -> Duration {
    one * 2 + patience / 4 * tries
}

pub(super) fn longest(tries: u32, patience: Duration, one: Duration) -> Duration {
    limit(tries, patience, one) * 2
}

/// Looks at each version that is offered.
pub(super) async fn look(cx: &mut Cx<'_>, again: &Again<'_>, tries: u32) -> Result<(), Fault> {
    for version in &again.offer.versions {
        let (word, fact) =
            if version.version == rustls::ProtocolVersion::TLSv1_3 { ("TLS1.3", &TLS13) } else { ("TLS1.2", &TLS12) };
        let offer = Offer { versions: vec![*version], ..again.offer.clone() };
        let patience = again.way.patience;
        let one = patience * (2 + u32::from(again.way.starttls.is_some())) + again.late;
        let mut series = Series {
            client: ResumingClient::new(again.credentials, &offer, again.way.peer)?,
            again,
            tries,
            done: 0,
            draws: SplitMix::new(cx.seed()),
        };
        let start = Instant::now();
        match tokio::time::timeout(limit(tries, patience, one), series.run()).await {
            Ok(seen) => match seen? {
                Seen::Ratio(ratio, why) => {
                    cx.set(fact, ratio);
                    if let Some(why) = why {
                        cx.note(format!("resumption in {word}: {why}"));
                    }
                }
                Seen::Nothing(why) => cx.note(format!("resumption in {word}: {why}")),
            },
            Err(_) => {
                let done = series.done;
                cx.note(format!("resumption in {word}: only {done} of {tries} tries in {:?}", start.elapsed()));
            }
        }
    }
    Ok(())
}

/// The tries of one version.
struct Series<'a> {
    client: ResumingClient,
    again: &'a Again<'a>,
    tries: u32,
    done: u32,
    draws: SplitMix,
}

/// What they come to.
enum Seen {
    Ratio(f64, Option<String>),
    /// It cannot be told, and why.
    Nothing(String),
}

impl Series<'_> {
    async fn run(&mut self) -> Result<Seen, Fault> {
        let first = match self.visit().await? {
            Ok(first) => first,
            Err(why) => return Ok(Seen::Nothing(why)),
        };
        match &first.end {
            HandshakeEnd::Completed(_) => {}
            // With this version alone on offer, that is how servers without it end.
            HandshakeEnd::Alert(alert) if matches!(alert.as_str(), "protocol_version" | "handshake_failure") => {
                return Ok(Seen::Nothing(format!("the server does not speak it (alert {alert})")));
            }
            end => return Ok(Seen::Nothing(format!("no handshake to begin with: {}", unfinished(end)))),
        }
        drop(first);
        let mut resumed = 0_u32;
        let mut fresh = true;
        while self.done < self.tries {
            if !self.draw() {
                if fresh {
                    let why = "a full handshake handed out neither a ticket nor an id".to_owned();
                    return Ok(Seen::Ratio(f64::from(resumed) / f64::from(self.tries), Some(why)));
                }
                // A resumed session without a new ticket: one more full handshake, which is no try.
                match self.visit().await? {
                    Ok(shaken) if matches!(shaken.end, HandshakeEnd::Completed(_)) => fresh = true,
                    Ok(shaken) => return Ok(self.broken(&unfinished(&shaken.end))),
                    Err(why) => return Ok(self.broken(&why)),
                }
                continue;
            }
            let shaken = match self.visit().await? {
                Ok(shaken) => shaken,
                Err(why) => return Ok(self.broken(&why)),
            };
            if !matches!(shaken.end, HandshakeEnd::Completed(_)) {
                return Ok(self.broken(&unfinished(&shaken.end)));
            }
            self.done += 1;
            fresh = shaken.session.as_ref().is_none_or(|session| !session.resumed);
            resumed += u32::from(!fresh);
        }
        let why = (resumed < self.tries).then(|| format!("{resumed} of {} tries resumed", self.tries));
        Ok(Seen::Ratio(f64::from(resumed) / f64::from(self.tries), why))
    }

    fn draw(&mut self) -> bool {
        let Self { client, draws, .. } = self;
        client.choose_session(|count| draws.below(count))
    }

    async fn visit(&self) -> Result<Result<Handshake, String>, Fault> {
        let way = &self.again.way;
        match way.open().await? {
            Ok(opened) => self.client.handshake(opened.stream, way.patience, self.again.late).await.map(Ok),
            Err(why) => Ok(Err(why.told(way))),
        }
    }

    /// A try that came to no handshake says nothing about sessions.
    fn broken(&self, why: &str) -> Seen {
        Seen::Nothing(format!("try {} of {} came to no handshake: {why}", self.done + 1, self.tries))
    }
}
