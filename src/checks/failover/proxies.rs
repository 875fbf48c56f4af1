//! Impairment proxies as a suite writes them: where they stand, and how they impair.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::facts::STEADY_BEFORE;
use crate::guard::disruption::{ImpairedProxy, ProxyImpairment};
use crate::model::field::PORT as PORT_KIND;
use crate::model::table::fields;
use crate::model::{Args, Choices as _, Fault, FaultKind, Field, FieldKind, Invalid, NestedProbe, Text, human_time};
use crate::net::heartbeat::{Attention, Heartbeat};
use crate::net::impair::{Impairment, LOSS_OF, NewConnections, Proxies, ProxyConfig, ProxyDirection, ProxyTransport};
use crate::net::{IpVersion, endpoint, resolve};
use crate::probe::{Connection, Cx};

/// Proxies of one check.
const MOST: usize = 16;
/// How long to wait for the resolver.
const PATIENCE: Duration = Duration::from_secs(5);
/// Proxies that were late by so much are told of: it is in what the streams saw.
const NOTICED: Duration = Duration::from_millis(20);

fields! { pub(super) PLACE_FIELDS;
    const LISTEN: Field<Text> = Field::required(
        "listen", FieldKind::Endpoint, "Address and port of this host where clients come in, such as 127.0.0.1:18080.");
    const TARGET: Field<Text> =
        Field::required("target", FieldKind::Endpoint, "Host and port that it passes them to.");
    const PROTOCOL: Field<ProxyTransport> = Field::choice("protocol", "tcp", "What it passes.");
}

fields! { IMPAIRMENT_FIELDS;
    const LATENCY: Field<Duration> = Field::default(
        "latency", FieldKind::Duration(0.0, 60.0), "0s",
        "Everything comes so much later, each way: a request and its answer twice that.");
    const JITTER: Field<Duration> =
        Field::default("jitter", FieldKind::Duration(0.0, 60.0), "0s", "The latency varies by so much up and down, evenly.");
    const LOSS: Field<f64> = Field::default(
        "loss", FieldKind::Ratio(0.0, 1.0), "0%", "Of UDP: share of the datagrams that is lost, each way, at random.");
    const RATE: Field<Option<f64>> = Field::optional(
        "rate", FieldKind::BitRate, "The most that passes each way, all clients together.");
    const BLACK_HOLE: Field<bool> = Field::default(
        "black_hole", FieldKind::Bool, "false",
        "Connections are accepted and nothing passes; what they sent comes afterwards, in order. Datagrams are lost.");
    const HALF_OPEN: Field<bool> = Field::default(
        "half_open", FieldKind::Bool, "false",
        "Connections lose the target's end, and their clients are not told; new ones pass.");
    const RESET: Field<bool> =
        Field::default("reset", FieldKind::Bool, "false", "Connections are reset at both ends; new ones pass.");
    const NEW_CONNECTIONS: Field<Option<NewConnections>> = Field::optional_choice(
        "new_connections", "New connections are refused, not answered, or accepted and reset; the others stay.");
    const DIRECTION: Field<Option<ProxyDirection>> = Field::optional_choice(
        "direction", "Which way latency, loss, rate and black hole work; both by default.");
    const FOR: Field<Option<Duration>> = Field::optional(
        "for", FieldKind::Duration(0.01, 86400.0), "It ends by itself after this time; by default with `restore`.");
}

pub(super) const PLACE: FieldKind = FieldKind::Group(PLACE_FIELDS);
pub(super) const IMPAIRMENT: FieldKind = FieldKind::Group(IMPAIRMENT_FIELDS);

/// Fields of a stream of tcp.
const HOST: Field<Option<Text>> = Field::optional("host", FieldKind::Host, "Where it connects to.");
const PORT: Field<Option<u16>> = Field::optional("port", PORT_KIND, "Where it connects to.");
const EXPECT: Field<Option<Text>> = Field::optional("expect", FieldKind::Text, "What it must read.");
const EXPECT_HEX: Field<Option<Text>> = Field::optional("expect_hex", FieldKind::Text, "What it must read.");
const DIALOGUE: Field<Option<Text>> = Field::optional("dialogue", FieldKind::Text, "Whether it reads.");
const BANNER: Field<bool> = Field::default("banner", FieldKind::Bool, "false", "Whether it reads.");

/// Message and help.
type Wrong = (String, String);

/// The proxies of a check.
#[derive(Debug)]
pub(super) struct ProxySettings {
    all: Vec<ProxyPlace>,
    /// The socket that the guard asks them by.
    socket: String,
}

#[derive(Debug)]
struct ProxyPlace {
    name: String,
    protocol: ProxyTransport,
    listen: SocketAddr,
    host: Text,
    port: u16,
    /// For people.
    target: String,
}

impl ProxySettings {
    /// Of the map `proxies`.
    pub(super) fn of(all: Vec<(String, Args)>) -> Result<Self, Wrong> {
        let all: Vec<ProxyPlace> =
            all.into_iter().map(|(name, args)| ProxyPlace::of(name, &args)).collect::<Result<_, _>>()?;
        if all.len() > MOST {
            let message = format!("there are {} proxies, and at most {MOST} fit into one check", all.len());
            return Err((message, "leave some out".into()));
        }
        let (mut names, mut places) = (BTreeSet::new(), BTreeSet::new());
        for one in &all {
            if !names.insert(&one.name) {
                return Err((format!("two proxies are named `{}`", one.name), "give one another name".into()));
            }
            if !places.insert((one.protocol, one.listen)) {
                let message = format!("two proxies listen on {}", one.listen);
                return Err((message, "give one another port".into()));
            }
        }
        Ok(Self { all, socket: socket() })
    }

    /// What the map of an `inject` asks for.
    pub(super) fn impairment(&self, all: Vec<(String, Args)>, hold: Duration) -> Result<ProxyImpairment, Wrong> {
        let mut proxies = BTreeMap::new();
        for (name, args) in all {
            let Some(place) = self.all.iter().find(|place| place.name == name) else {
                let help = "name it below `proxies`, with `listen` and `target`";
                return Err((format!("there is no proxy `{name}`"), help.into()));
            };
            let at = |(message, help): Wrong| (format!("`{name}`: {message}"), help);
            let impairment = impairment(&args, place.protocol).map_err(at)?;
            let length = args.get(&FOR).filter(|length| *length < hold);
            let (place, hold, ends) = (place.text(), length.unwrap_or(hold), length.is_some());
            proxies.insert(name, ImpairedProxy { place, impairment, hold, ends });
        }
        Ok(ProxyImpairment { socket: self.socket.clone(), proxies })
    }

    /// Refuses an impairment that no stream through its proxy can see: the proxy itself answers who only connects.
    pub(super) fn check_streams(&self, steps: &[&ProxyImpairment], streams: &[NestedProbe]) -> Result<(), Wrong> {
        let (mut seen, impaired) = (BTreeSet::new(), || steps.iter().flat_map(|step| &step.proxies));
        if let Some((name, _)) = impaired().find(|(name, _)| !seen.insert(*name)) {
            let help = "write what it does into one, such as `{latency: 200ms, rate: 1 Mbit/s}`";
            return Err((format!("proxy `{name}` is impaired twice"), help.into()));
        }
        for (name, one) in impaired() {
            let Some(place) = self.all.iter().find(|place| place.name == *name) else { continue };
            let all: Vec<&NestedProbe> = streams.iter().filter(|stream| place.may_be_asked_by(stream)).collect();
            if all.is_empty() {
                let message =
                    format!("no stream asks the proxy `{name}` ({}), so nobody would see what it does", place.listen);
                return Err((message, format!("let a stream ask {}", place.listen)));
            }
            let keeps = |stream: &&NestedProbe| stream.group.get(&super::fields::CONNECTION) == Connection::Keep;
            if one.impairment.is_of_kept_alone() && !all.iter().any(keeps) {
                let message = format!(
                    "the proxy `{name}` impairs connections of before alone ({}), and each probe makes a new one",
                    one.impairment.text()
                );
                let help = "keep connections (`connection: keep`), or add `new_connections`, such as `unanswered`";
                return Err((message, help.into()));
            }
            let through: Vec<&NestedProbe> = streams.iter().filter(|stream| place.is_asked_by(stream)).collect();
            if !through.is_empty() && through.iter().all(|one| only_connects(one)) && !one.impairment.shows_at_connect()
            {
                let message = format!(
                    "who only connects sees nothing of what the proxy `{name}` does ({}): it accepts by itself",
                    one.impairment.text()
                );
                let help = "let the stream ask and `expect` something, keep a session (`connection: keep`), or use `new_connections`";
                return Err((message, help.into()));
            }
        }
        Ok(())
    }

    /// The longest that starting them can take: names are looked up.
    pub(super) fn longest_start(&self) -> Duration {
        let names = self.all.iter().filter(|place| place.host.parse::<std::net::IpAddr>().is_err()).count();
        PATIENCE * u32::try_from(names).unwrap_or(u32::MAX)
    }

    /// Starts them, if there are any. Nothing is sent but questions for the names of targets.
    pub(super) async fn start(&self, cx: &Cx<'_>) -> Result<Option<RunningProxies>, Fault> {
        if self.all.is_empty() {
            return Ok(None);
        }
        let mut configs = Vec::with_capacity(self.all.len());
        for place in &self.all {
            configs.push(place.config().await?);
        }
        let proxies = Proxies::start(configs, &self.socket, cx.seed()).map_err(|failed| {
            let place = self.all.iter().find(|place| place.name == failed.name);
            let what = place.map(|place| format!("proxy `{}` cannot listen on {}: ", place.name, place.listen));
            Fault::local(
                "start the proxies",
                place.map(ProxyPlace::text).unwrap_or_default(),
                format!("{}{}; nothing was sent", what.unwrap_or_default(), failed.error),
                unstarted(&failed.error, place.map_or(0, |place| place.listen.port())),
            )
        })?;
        let heartbeat = Heartbeat::of(proxies.runtime().clone()).map_err(|error| trouble(error.to_string()))?;
        let attention = heartbeat.attention();
        Ok(Some(RunningProxies { heartbeat, proxies, since: Instant::now(), _attention: attention }))
    }
}

/// What helps where a proxy cannot listen on a port.
fn unstarted(error: &std::io::Error, port: u16) -> String {
    match error.raw_os_error() {
        Some(libc::EADDRNOTAVAIL) => {
            "let `listen` be an address of this host (`ip address` lists them), such as 127.0.0.1".to_owned()
        }
        Some(libc::EACCES | libc::EPERM) => {
            "ports below 1024 are for root: let `listen` have a higher one, such as 18080".to_owned()
        }
        Some(libc::EMFILE | libc::ENFILE) => "raise the limit of open files (`ulimit -n`) or lower --jobs".to_owned(),
        _ => format!("end what listens there (`ss -ltunp 'sport = :{port}'`), or choose another `listen`"),
    }
}

impl ProxyPlace {
    fn of(name: String, args: &Args) -> Result<Self, Wrong> {
        let fits = name.len() <= 32 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if !fits || name.is_empty() {
            let help = "choose one of up to 32 letters, digits, `-` and `_`, such as `web`";
            return Err((format!("`{name}` cannot be the name of a proxy"), help.into()));
        }
        let (listen, target, protocol) = (args.get(&LISTEN), args.get(&TARGET), args.get(&PROTOCOL));
        let address: Option<SocketAddr> = endpoint::parse(&listen, None)
            .ok()
            .and_then(|(host, port)| Some(SocketAddr::new(host.parse().ok()?, port)));
        let Some(address) = address else {
            let message = format!("`{name}`: `listen: {listen}` is not an address of this host with a port");
            return Err((message, "write it such as 127.0.0.1:18080 or [::1]:18080".into()));
        };
        if protocol == ProxyTransport::Udp && address.ip().is_unspecified() {
            let message = format!("`{name}`: answers of UDP must come from one address, and `{address}` is any");
            return Err((message, "name the address that clients ask, such as 127.0.0.1".into()));
        }
        let wrong = |wrong: endpoint::InvalidEndpoint| (format!("`{name}`: `target`: {}", wrong.message), wrong.help);
        let (host, port) = endpoint::parse(&target, None).map_err(wrong)?;
        if host.parse() == Ok(address.ip()) && port == address.port() {
            let message = format!("`{name}`: `target` is where it listens itself");
            return Err((message, "let it listen on a port of its own, and ask that one".into()));
        }
        let shown = target.shown().to_owned();
        // A host that is a secret stays one.
        let host = if shown == *target { Text::from(host.as_str()) } else { Text::new(host, Some(&shown)) };
        Ok(Self { name, protocol, listen: address, host, port, target: shown })
    }

    fn text(&self) -> String {
        format!("{} {} to {}", self.protocol.word(), self.listen, self.target)
    }

    async fn config(&self) -> Result<ProxyConfig, Fault> {
        let found = resolve(&self.host, IpVersion::Any, PATIENCE).await?;
        let unresolved = |why: String| {
            let remedy = "write the address of the target, or see to it that the name resolves";
            Fault::local("find the target of a proxy", self.text(), format!("{why}; nothing was sent"), remedy)
        };
        let address = found.map_err(unresolved)?.list.first().copied();
        let address = address.ok_or_else(|| unresolved("it has no address".to_owned()))?;
        let target = SocketAddr::new(address, self.port);
        Ok(ProxyConfig { name: self.name.clone(), protocol: self.protocol, listen: self.listen, target })
    }

    /// Whether a stream may go through it. Of a name that only a resolver knows it cannot be told.
    fn may_be_asked_by(&self, stream: &NestedProbe) -> bool {
        let Some(family) = crate::checks::family(stream.family) else { return true };
        let (own, any) = (self.listen.ip(), self.listen.ip().is_unspecified());
        super::exclusion::hosts(family, &stream.args).iter().any(|host| {
            if let Ok(asked) = host.parse::<SocketAddr>() {
                return asked.port() == self.listen.port() && (any || asked.ip() == own);
            }
            if let Some(port) = host.strip_prefix("localhost:") {
                return port.parse() == Ok(self.listen.port()) && (any || own.is_loopback());
            }
            // On loopback the port is written, where there are ports.
            host.parse::<IpAddr>().map_or(true, |asked| !asked.is_loopback() && (any || asked == own))
        })
    }

    /// Whether a stream of tcp goes through it.
    fn is_asked_by(&self, stream: &NestedProbe) -> bool {
        let here = |host: &str| {
            host.parse() == Ok(self.listen.ip()) || (host == "localhost" && self.listen.ip().is_loopback())
        };
        stream.family == "tcp"
            && self.protocol == ProxyTransport::Tcp
            && stream.args.get(&HOST).is_some_and(|host| here(&host))
            && stream.args.get(&PORT) == Some(self.listen.port())
    }
}

/// Whether a probe of tcp with these fields says which words it waits for.
pub(super) fn is_answered(args: &Args) -> bool {
    args.given(&EXPECT) || args.given(&EXPECT_HEX) || args.given(&DIALOGUE)
}

/// A stream of tcp that is content once it is connected.
fn only_connects(stream: &NestedProbe) -> bool {
    let reads = is_answered(&stream.args) || stream.args.get(&BANNER);
    !reads && stream.group.get(&super::fields::CONNECTION) == Connection::New
}

fn impairment(args: &Args, protocol: ProxyTransport) -> Result<Impairment, Wrong> {
    let direction = args.get(&DIRECTION);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a million, and above zero")]
    let (loss, rate) = (
        (args.get(&LOSS) * f64::from(LOSS_OF)).round() as u32,
        args.get(&RATE).map_or(0, |rate| rate.round().max(1.0) as u64),
    );
    let impairment = Impairment {
        latency: args.get(&LATENCY),
        jitter: args.get(&JITTER),
        loss,
        rate,
        black_hole: args.get(&BLACK_HOLE),
        half_open: args.get(&HALF_OPEN),
        reset: args.get(&RESET),
        new_connections: args.get(&NEW_CONNECTIONS),
        direction: direction.unwrap_or_default(),
    };
    let wrong = |message: &str, help: &str| Err((message.to_owned(), help.to_owned()));
    let Impairment { latency, jitter, loss, rate, black_hole, half_open, reset, .. } = impairment;
    let of_bytes = !latency.is_zero() || rate > 0 || loss > 0;
    if jitter > latency {
        return wrong("`jitter` is more than `latency`: nothing comes before it was sent", "raise `latency`");
    }
    if impairment.is_none() {
        let help =
            "write what it does, such as `latency: 200ms`, `rate: 1 Mbit/s`, `black_hole: true` or `reset: true`";
        return wrong("it impairs nothing", help);
    }
    if loss > 0 && protocol == ProxyTransport::Tcp {
        let help = "write `latency`, `rate` or `black_hole`; or lose its packets with `drop` (as root)";
        return wrong("`loss` is for UDP: TCP sends again what is lost, and a proxy sees bytes, not packets", help);
    }
    if protocol == ProxyTransport::Udp && impairment.is_of_connections() {
        let help = "write `black_hole: true`, or `loss`";
        return wrong("UDP has no connections to reset, to refuse or to leave half-open", help);
    }
    if black_hole && of_bytes {
        return wrong("`black_hole` lets nothing pass that could be late, slow or lost", "leave one of them out");
    }
    if reset && half_open {
        return wrong("with `reset` clients are told, with `half_open` they are not", "write one of them");
    }
    if direction.is_some() && !impairment.has_direction() {
        return wrong("`direction` is for latency, loss, rate and black hole", "leave it out");
    }
    Ok(impairment)
}

/// The name of a socket that nobody else has.
fn socket() -> String {
    static SOCKETS: AtomicU32 = AtomicU32::new(0);
    let number = SOCKETS.fetch_add(1, Ordering::Relaxed);
    let chance = || RandomState::new().build_hasher().finish();
    format!("shakedown-proxy-{}-{number}-{:016x}{:016x}", std::process::id(), chance(), chance())
}

/// Proxies at work; they end when this is dropped.
#[derive(Debug)]
pub(super) struct RunningProxies {
    /// First: it asks the thread of the proxies.
    heartbeat: Heartbeat,
    proxies: Proxies,
    since: Instant,
    _attention: Attention,
}

impl RunningProxies {
    /// What a check comes to that saw through them. What they could not do themselves is none of the target.
    pub(super) fn end(self, ended: Result<(), Fault>, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let now = Instant::now();
        let (missed, late) = (
            self.heartbeat.missed(self.since.into_std(), now.into_std()),
            self.heartbeat.late(self.since.into_std(), now.into_std()),
        );
        let was_steady = cx.observation().last(STEADY_BEFORE.info.name) == Some(&true.into());
        let why = self.proxies.trouble().or_else(|| {
            let text = || format!("they did not get their turn for {}", human_time(missed));
            (ended.is_ok() && !missed.is_zero()).then(text)
        });
        match (ended, why) {
            // What is still broken counts more.
            (Err(fault), _) if fault.kind == FaultKind::NotRestored => Err(fault),
            (_, Some(why)) => Err(trouble(why)),
            (Err(fault), None) => Err(match self.proxies.unreached().filter(|_| !was_steady) {
                // What clients saw of it is less than the cause.
                Some(why) => Fault { detail: format!("{why}; so {}", fault.detail), ..fault },
                None => fault,
            }),
            (ended, None) => {
                if late >= NOTICED {
                    cx.note(format!("the proxies were late by up to {}: this host was busy", human_time(late)));
                }
                if let Some(why) = self.proxies.unreached() {
                    cx.note(why);
                }
                ended
            }
        }
    }
}

fn trouble(why: String) -> Fault {
    let remedy = "that is this host's doing and not the service's: see to its limits (`ulimit -n`) and its load, and run it again";
    Fault::local("pass everything through the proxies", "", why, remedy)
}

/// A broken rule at the field `proxies`.
pub(super) fn settings(args: &Args) -> Result<ProxySettings, Invalid> {
    let field = &super::fields::PROXIES;
    ProxySettings::of(args.get(field)).map_err(|(message, help)| field.invalid(message, help))
}
