//! Connections on which a ClientHello can be sent: TCP, and STARTTLS where the protocol begins in plain text.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::facts::CONNECT_TIME;
use crate::model::argument::ArgValue;
use crate::model::fact::Distribution;
use crate::model::field::shape;
use crate::model::table::{facts, fields};
use crate::model::{Arg, Better, Choice, Choices, Fact, Fault, Field, Unit};
use crate::net::clock::MeasuredTime;
use crate::net::{ConnectError, Origin, connect};
use crate::probe::{Cx, EarlyEnd, Mode};
use crate::proto::tls::starttls::{FailureKind, Protocol, UpgradeError, upgrade};

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
        "Protocol that starts in plain text and is then upgraded to TLS.",
    );
}

facts! { pub(super) FACTS;
    const UPGRADE: Fact<Choice> = Fact::choice(
        "starttls",
        FailureKind::WORDS,
        "How the request for TLS ended; `outcome` is `no_starttls` if the server refuses to upgrade, `service_refused` if it refuses the client altogether.",
    );
    const INJECTED: Fact<bool> = Fact::flag(
        "starttls.injected",
        "Whether plain-text bytes came after the go-ahead, or before the request: somebody may be trying to inject commands.",
    )
    .advice(&[(
        "true",
        "plain text where only TLS may follow: look for a proxy or a filter on the way that rewrites the protocol, then at the server's version",
    )]);
    const STARTTLS_TIME: Fact<Distribution> = Fact::distribution(
        "starttls_time",
        Unit::Seconds,
        Better::Lower,
        "Time from the connection to the go-ahead, greeting included.",
    );
}

pub(super) const MODE: Mode = Mode::of("starttls: smtp, or another protocol", |args| args.given(&STARTTLS), FACTS);

/// Makes connections to one address ready for TLS.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    pub(super) peer: SocketAddr,
    pub(super) origin: Origin,
    /// How long to wait for an unresponsive peer, in each phase.
    pub(super) timeout: Duration,
    pub(super) starttls: Option<Protocol>,
    /// Domain that XMPP asks for.
    pub(super) domain: String,
}

/// A connection whose next bytes are the ClientHello.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// From SYN to established.
    pub(super) connect_time: MeasuredTime,
    /// What to say of a SYN that was sent again.
    pub(super) repeated: Option<String>,
    /// From there to the go-ahead of STARTTLS.
    pub(super) starttls_time: Option<Duration>,
}

/// Why there is no such connection.
pub(super) enum SetupError {
    /// TCP was not established.
    Connect(ConnectError),
    /// TCP was established in this time, but TLS may not begin.
    StartTls(MeasuredTime, UpgradeError),
}

impl Connector {
    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Connection, EarlyEnd> {
        self.try_connect().await?.map_err(|error| error.early_end(self))
    }

    /// Opens a connection; the inner `Err` is for a caller that makes facts of it.
    pub(super) async fn try_connect(&self) -> Result<Result<Connection, SetupError>, Fault> {
        match connect(self.peer, self.origin, self.timeout).await? {
            Ok(dialled) => {
                let repeated = dialled.note(self.peer);
                let upgraded = self.upgrade(dialled.stream, dialled.took).await?;
                Ok(upgraded.map(|connection| Connection { repeated, ..connection }))
            }
            Err(error) => Ok(Err(SetupError::Connect(error))),
        }
    }

    /// A connection whose next bytes are the ClientHello, if there is one.
    pub(super) async fn open(&self) -> Result<Option<TcpStream>, Fault> {
        Ok(self.try_connect().await?.ok().map(|connection| connection.stream))
    }

    /// Makes a connection ready that took `connect_time`.
    pub(super) async fn upgrade(
        &self,
        mut stream: TcpStream,
        connect_time: MeasuredTime,
    ) -> Result<Result<Connection, SetupError>, Fault> {
        let Some(protocol) = self.starttls else {
            return Ok(Ok(Connection { stream, connect_time, repeated: None, starttls_time: None }));
        };
        let start = Instant::now();
        Ok(match upgrade(&mut stream, protocol, &self.domain, self.timeout).await? {
            Ok(()) => Ok(Connection { stream, connect_time, repeated: None, starttls_time: Some(start.elapsed()) }),
            Err(error) => Err(SetupError::StartTls(connect_time, error)),
        })
    }

    /// The longest one handshake takes over such a connection, when a late refusal is waited for so long: each phase has the
    /// timeout.
    pub(super) fn longest_handshake(&self, late_wait: Duration) -> Duration {
        longest_handshake(self.timeout, self.starttls, late_wait)
    }
}

/// See [`Connector::longest_handshake`].
pub(super) fn longest_handshake(timeout: Duration, starttls: Option<Protocol>, late_wait: Duration) -> Duration {
    timeout * (2 + u32::from(starttls.is_some())) + late_wait
}

impl SetupError {
    /// The word of fact `outcome`.
    pub(super) const fn outcome(&self) -> &'static str {
        match self {
            Self::Connect(error) => error.word(),
            Self::StartTls(_, error) => error.kind.outcome(),
        }
    }

    /// A line that names the peer.
    pub(super) fn evidence(&self, connector: &Connector) -> String {
        let why = match self {
            Self::Connect(error) => return error.sentence(connector.peer, connector.timeout),
            Self::StartTls(_, error) if error.kind == FailureKind::ServiceRefused => {
                format!("the service refuses this client, whatever it asks for: {error}")
            }
            Self::StartTls(_, error) => {
                format!("no STARTTLS of {}: {error}", connector.starttls.map_or("any protocol", Protocol::word))
            }
        };
        format!("{}: {why}", connector.peer)
    }

    fn early_end(&self, connector: &Connector) -> EarlyEnd {
        EarlyEnd::outcome(self.outcome(), self.evidence(connector))
    }
}

/// How far a connection came, for the facts.
#[derive(Debug, Default)]
pub(super) struct SetupResult {
    connect_time: Option<MeasuredTime>,
    repeated: Option<String>,
    starttls_time: Option<Duration>,
    upgrade: Option<&'static str>,
    injected: Option<bool>,
}

impl SetupResult {
    pub(super) fn of(connection: &Result<Connection, SetupError>) -> Self {
        match connection {
            Ok(connection) => Self {
                connect_time: Some(connection.connect_time),
                repeated: connection.repeated.clone(),
                starttls_time: connection.starttls_time,
                upgrade: connection.starttls_time.map(|_| "upgraded"),
                injected: connection.starttls_time.map(|_| false),
            },
            Err(SetupError::StartTls(connect_time, error)) => Self {
                connect_time: Some(*connect_time),
                repeated: None,
                starttls_time: None,
                upgrade: Some(error.kind.word()),
                injected: (error.kind == FailureKind::Injected).then_some(true),
            },
            Err(SetupError::Connect(_)) => Self::default(),
        }
    }

    /// TCP was established.
    pub(super) const fn connected(&self) -> bool {
        self.connect_time.is_some()
    }

    /// Plain text came when TLS had begun: where there was STARTTLS, it was on its way when the go-ahead was read.
    pub(super) fn plain_text_came(&mut self) {
        if self.starttls_time.is_some() {
            self.injected = Some(true);
        }
    }

    /// Records how long it took.
    pub(super) fn record_times(&self, cx: &mut Cx<'_>) {
        if let Some(time) = self.connect_time {
            cx.record_measured(&CONNECT_TIME, time);
        }
        if let Some(time) = self.starttls_time {
            cx.record_time(&STARTTLS_TIME, time);
        }
        if let Some(repeated) = &self.repeated {
            cx.note(repeated.clone());
        }
    }

    /// Records whether STARTTLS succeeded.
    pub(super) fn record(&self, cx: &mut Cx<'_>) {
        if let Some(word) = self.upgrade {
            cx.set(&UPGRADE, word);
        }
        if let Some(injected) = self.injected {
            cx.set(&INJECTED, injected);
        }
        if self.starttls_time.is_some() && self.injected == Some(true) {
            cx.note(
                "after the go-ahead of STARTTLS came plain text: from a server that is confused, or from somebody on the way",
            );
        }
    }
}
