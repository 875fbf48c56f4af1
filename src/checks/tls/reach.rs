//! The way to where a ClientHello can be sent: a connection, and STARTTLS where the protocol begins in plain text.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::facts::CONNECT_TIME;
use crate::model::argument::ArgValue;
use crate::model::fact::Distribution;
use crate::model::field::shape;
use crate::model::table::{facts, fields};
use crate::model::{Arg, Better, Choice, Choices, Fact, Fault, Field, Unit};
use crate::net::{ConnectError, connect};
use crate::probe::{Cx, Mode};
use crate::proto::tls::starttls::{Cause, NotUpgraded, Protocol, upgrade};

impl Choices for Protocol {
    const WORDS: &'static [&'static str] = Protocol::WORDS;
    const ALL: &'static [Self] = Protocol::ALL;
    fn word(self) -> &'static str {
        Protocol::word(self)
    }
}

impl ArgValue for Protocol {
    const ACCEPTS: u32 = shape::CHOICE;
    fn of(arg: &Arg) -> Option<Self> {
        match arg {
            Arg::Text(word) => Self::of_word(word),
            _ => None,
        }
    }
}

fields! { pub(super) FIELDS;
    pub(super) const STARTTLS: Field<Option<Protocol>> = Field::optional_choice(
        "starttls",
        "Protocol that begins in plain text: TLS is asked for in its words first.",
    );
}

facts! { pub(super) FACTS;
    const UPGRADE: Fact<Choice> = Fact::choice(
        "starttls",
        Cause::WORDS,
        "What became of the request for TLS; `outcome` is `no_starttls` when the server does not want.",
    );
    const INJECTED: Fact<bool> = Fact::flag(
        "starttls.injected",
        "Bytes in plain text came after the go-ahead, or before the request: whoever sent them wants them taken for more than they are.",
    )
    .advice(&[(
        "true",
        "plain text where only TLS may follow: look for a proxy or a filter on the way that rewrites the protocol, then at the server's version",
    )]);
    const STARTTLS_TIME: Fact<Distribution> = Fact::distribution(
        "starttls_time",
        Unit::Seconds,
        Better::Lower,
        "From the connection to the go-ahead, greeting included.",
    );
}

pub(super) const MODE: Mode = Mode {
    with: "starttls: smtp, or another protocol",
    applies: |args| args.given(&STARTTLS),
    expect: None,
    adds: None,
    facts: FACTS,
};

/// How connections to one address are made ready for TLS.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) peer: SocketAddr,
    pub(super) source: Option<IpAddr>,
    pub(super) patience: Duration,
    pub(super) starttls: Option<Protocol>,
    /// Whom XMPP asks for.
    pub(super) name: String,
}

/// A connection whose next bytes are the ClientHello.
pub(super) struct Opened {
    pub(super) stream: TcpStream,
    /// From SYN to established.
    pub(super) connected: Duration,
    /// From there to the go-ahead of STARTTLS.
    pub(super) upgraded: Option<Duration>,
}

/// Why there is none.
pub(super) enum NoWay {
    /// No connection.
    ConnectError(ConnectError),
    /// A connection, but no STARTTLS.
    NotUpgraded(Duration, NotUpgraded),
}

impl Way {
    /// Opens one. The inner `Err` is a fact.
    pub(super) async fn open(&self) -> Result<Result<Opened, NoWay>, Fault> {
        match connect(self.peer, self.source, self.patience).await? {
            Ok(dialled) => self.upgrade(dialled.stream, dialled.elapsed).await,
            Err(error) => Ok(Err(NoWay::ConnectError(error))),
        }
    }

    /// Makes a connection ready that took `connected`.
    pub(super) async fn upgrade(
        &self,
        mut stream: TcpStream,
        connected: Duration,
    ) -> Result<Result<Opened, NoWay>, Fault> {
        let Some(protocol) = self.starttls else {
            return Ok(Ok(Opened { stream, connected, upgraded: None }));
        };
        let start = Instant::now();
        Ok(match upgrade(&mut stream, protocol, &self.name, self.patience).await? {
            Ok(()) => Ok(Opened { stream, connected, upgraded: Some(start.elapsed()) }),
            Err(why) => Err(NoWay::NotUpgraded(connected, why)),
        })
    }
}

impl NoWay {
    /// The word of fact `outcome`.
    pub(super) const fn outcome(&self) -> &'static str {
        match self {
            Self::ConnectError(error) => error.word(),
            Self::NotUpgraded(_, why) => why.cause.outcome(),
        }
    }

    /// Evidence.
    pub(super) fn told(&self, way: &Way) -> String {
        let why = match self {
            Self::ConnectError(ConnectError::Refused) => "the connection was refused (RST in answer to SYN)".to_owned(),
            Self::ConnectError(ConnectError::Timeout) => format!("no answer to SYN within {:?}", way.patience),
            Self::ConnectError(ConnectError::Reset) => "the connection was reset as soon as it was there".to_owned(),
            Self::ConnectError(ConnectError::Unreachable(why)) => why.clone(),
            Self::NotUpgraded(_, why) => {
                format!("no STARTTLS of {}: {why}", way.starttls.map_or("any protocol", Protocol::word))
            }
        };
        format!("{}: {why}", way.peer)
    }
}

/// What became of making a connection ready, as facts.
#[derive(Debug, Default)]
pub(super) struct Reached {
    connected: Option<Duration>,
    upgraded: Option<Duration>,
    starttls: Option<&'static str>,
    injected: Option<bool>,
}

impl Reached {
    pub(super) fn of(opened: &Result<Opened, NoWay>) -> Self {
        match opened {
            Ok(opened) => Self {
                connected: Some(opened.connected),
                upgraded: opened.upgraded,
                starttls: opened.upgraded.map(|_| "upgraded"),
                injected: opened.upgraded.map(|_| false),
            },
            Err(NoWay::NotUpgraded(connected, not)) => Self {
                connected: Some(*connected),
                upgraded: None,
                starttls: Some(not.cause.word()),
                injected: (not.cause == Cause::Injected).then_some(true),
            },
            Err(NoWay::ConnectError(_)) => Self::default(),
        }
    }

    /// It came to a connection.
    pub(super) const fn connected(&self) -> bool {
        self.connected.is_some()
    }

    /// Plain text came when TLS had begun: where there was STARTTLS, it was on its way when the go-ahead was read.
    pub(super) fn plain_text_came(&mut self) {
        if self.upgraded.is_some() {
            self.injected = Some(true);
        }
    }

    /// Records how long it took.
    pub(super) fn record_times(&self, cx: &mut Cx<'_>) {
        for (fact, time) in [(&CONNECT_TIME, self.connected), (&STARTTLS_TIME, self.upgraded)] {
            if let Some(time) = time {
                cx.record_time(fact, time);
            }
        }
    }

    /// Records what became of STARTTLS.
    pub(super) fn record(&self, cx: &mut Cx<'_>) {
        if let Some(word) = self.starttls {
            cx.set(&UPGRADE, word);
        }
        if let Some(injected) = self.injected {
            cx.set(&INJECTED, injected);
        }
        if self.upgraded.is_some() && self.injected == Some(true) {
            cx.note(
                "after the go-ahead of STARTTLS came plain text: from a server that is confused, or from somebody on the way",
            );
        }
    }
}
