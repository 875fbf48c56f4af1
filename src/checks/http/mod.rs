//! HTTP: one request over connections of its own, every phase measured.

mod answer;
mod attempt;
mod backends;
mod by_hand;
mod cookies;
mod diagnosis;
mod facts;
mod fields;
#[cfg(feature = "fuzzing")]
pub mod fuzzed;
mod json_path;
mod keep_alive;
mod policies;
mod proxied;
mod record;
mod repeated;
mod request;
mod synonyms;
mod trace;

use std::net::IpAddr;
use std::time::Duration;

use attempt::Over;
use facts::{OUTCOME, STATUS};
use fields::{
    ADDRESSES, Addresses, EXPECT_CONTINUE, FOLLOW, HttpVersion, JSONPATH, LIMIT, PROXY, RESOLVE, TIMEOUT, URL, VERIFY,
    VERSION,
};
use json_path::JsonPathQuery;
use request::Request;
use tokio::time::Instant;
use trace::Trace;
use url::Url;

use crate::checks::shared::target::version_and_origin;
use crate::checks::shared::{silence, tls_fields};
use crate::model::interface::parse_url_without_zone;
use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation, Text, Value};
use crate::net::{IpVersion, Origin};
use crate::probe::{
    Cx, Diagnosis, EarlyEnd, Failure, FieldRules, Footprint, Mode, PhaseInfo, Probe, Prober, StreamSpec, Synonyms,
    fact_is,
};
use crate::proto::http::proxy::Proxy;
use crate::proto::http::{CertificateNames, ExchangeError, KeptConnections, VersionChoice};
use crate::proto::tls::Trust;

/// Time a probe may need beside its `timeout`, to read a trust store the first time, or to look at a connection that did not
/// come about.
const LOADING: Duration = Duration::from_secs(1);

/// What is left of the limit when a connection that does not come about is looked at.
const TO_LOOK: Duration = Duration::from_millis(2);

/// The probe.
#[derive(Clone)]
pub struct Http {
    url: Url,
    /// Its host, which may hold a secret.
    host: Text,
    /// The URL as the suite writes it.
    shown: String,
    request: Request,
    follow: usize,
    pin: Option<IpAddr>,
    addresses: Addresses,
    ip_version: IpVersion,
    origin: Origin,
    proxy: Option<Proxy>,
    version: VersionChoice,
    /// Of the suite's URL, where they are not its host.
    names: Option<CertificateNames>,
    trust: Trust,
    verify: bool,
    timeout: Duration,
    limit: usize,
    queries: Vec<JsonPathQuery>,
}

impl Probe for Http {
    const SUMMARY: &'static str = "HTTP request: status, headers, body, and the time of every phase";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = joined!(
        FactInfo; facts::FACTS, facts::ONE, facts::CONTENT, policies::FACTS, cookies::FACTS, json_path::FACTS, facts::FOLLOWED,
        facts::CONTINUED, proxied::FACTS, backends::FACTS
    );
    const MODES: &'static [Mode] = &[
        Mode::of("addresses: first", asks_one, joined!(FactInfo; facts::ONE, policies::FACTS, cookies::FACTS)),
        Mode::of("method: GET` or another but `HEAD", request::has_answer_with_body, facts::CONTENT),
        Mode::of("jsonpath: {NAME: QUERY}", |args| args.given(&JSONPATH), json_path::FACTS),
        Mode::of("follow: 5", |args| args.get(&FOLLOW) > 0 && asks_one(args), facts::FOLLOWED),
        Mode::of("expect_continue: true", |args| args.get(&EXPECT_CONTINUE) && asks_one(args), facts::CONTINUED),
        Mode::of("proxy: {http: HOST:PORT}", |args| args.given(&PROXY), proxied::FACTS)
            .no_parity("the proxy chooses the IP version by which it asks"),
        Mode::of("addresses: all", |args| !asks_one(args), backends::FACTS)
            .no_parity("`addresses: all` by itself compares every address, of both IP versions"),
    ];
    const FIELD_RULES: FieldRules = FieldRules {
        exclusive: &[
            &["body", "json"],
            &["body", "form"],
            &["body", "body_file"],
            &["json", "form"],
            &["json", "body_file"],
            &["form", "body_file"],
        ],
        any: &[],
        with: &[("client_cert", &["client_key"]), ("client_key", &["client_cert"])],
    };
    const SYNONYMS: Synonyms = synonyms::SYNONYMS;
    const DIAGNOSED_BY: &'static [&'static str] = &[
        fields::METHOD.name(),
        fields::VERIFY.name(),
        fields::HEADERS.name(),
        fields::BODY.name(),
        fields::JSON.name(),
        fields::FORM.name(),
        fields::BODY_FILE.name(),
        fields::AUTH.name(),
        PROXY.name(),
        VERSION.name(),
        fields::EXPECT_CONTINUE.name(),
        fields::TIMEOUT.name(),
        tls_fields::CA_FILE.name(),
        tls_fields::CLIENT_CERT.name(),
        tls_fields::CLIENT_KEY.name(),
    ];
    const PHASES: &'static [PhaseInfo] = diagnosis::PHASES;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (URL.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        let url = request::url(args)?;
        if args.get(&VERSION) == HttpVersion::Http3 && url.scheme() != "https" {
            return Err(VERSION.invalid("HTTP/3 is for https alone", "ask an https URL, or another version"));
        }
        let proxy = proxied::proxy(args)?;
        let (ip_version, origin) = origin(args, proxy.as_ref())?;
        Ok(Self {
            host: request::host(args, &url),
            shown: request::shown(args),
            request: Request::from_args(args)?,
            follow: args.get(&FOLLOW),
            pin: pin(args, ip_version)?,
            addresses: args.get(&ADDRESSES),
            ip_version,
            origin,
            proxy,
            version: version(args),
            names: request::certificate_names(args, &url)?,
            trust: tls_fields::trust(args)?,
            verify: args.get(&VERIFY),
            timeout: args.get(&TIMEOUT),
            limit: args.get(&LIMIT),
            queries: json_path::queries(args)?,
            url,
        })
    }

    fn target(&self) -> String {
        self.shown.clone()
    }

    fn footprint(&self) -> Footprint {
        Footprint::Quiet
    }

    fn longest(&self) -> Duration {
        self.timeout + LOADING
    }

    fn answered(observation: &Observation) -> bool {
        // A balancer without a backend answers too, with a 5xx: that is the outage, not the service.
        let fails = |status: &Value| status.as_i64().is_some_and(|status| status >= 500);
        let one = observation.last(STATUS.info.name).is_some_and(fails);
        let rows = observation.last_rows(backends::BACKENDS.info.name).and_then(|rows| rows.values("status"));
        let any = rows.as_ref().and_then(Value::as_array).is_some_and(|all| all.iter().any(fails));
        fact_is(observation, OUTCOME.info.name, "answered") && !one && !any
    }

    fn timed_by_hand(target: &str, address: Option<&str>) -> Option<String> {
        by_hand::timed(target, address)
    }

    fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
        diagnosis::diagnose(failure)
    }

    fn is_cpu_bound(&self) -> bool {
        self.url.scheme() == "https" || self.follow > 0
    }

    async fn prepare(&self) {
        // The check itself tells what fails.
        let _ = self.trust.load().await;
    }

    async fn investigate(&self, cx: &mut Cx<'_>) {
        // Perhaps a redirect led elsewhere.
        let url = cx.observation().text(facts::URL.info.name).and_then(parse_url_without_zone);
        let port = url.as_ref().unwrap_or(&self.url).port_or_known_default().unwrap_or_default();
        let port = self.proxy.as_ref().map_or(port, |proxy| proxy.port);
        silence::investigate(cx, &facts::ADDRESS, port, self.origin).await;
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        self.origin.check()?;
        if self.is_cpu_bound() {
            self.trust.load().await?;
        }
        if self.addresses == Addresses::All {
            return backends::ask(self, cx).await;
        }
        self.ask(cx, None).await
    }

    async fn stream(&self, spec: &StreamSpec) -> Result<Option<Box<dyn Prober>>, Fault> {
        keep_alive::open(self, spec).await
    }
}

impl Http {
    /// One exchange, over a connection of its own or one of those that are kept.
    async fn ask(&self, cx: &mut Cx<'_>, kept: Option<&KeptConnections>) -> Result<(), Fault> {
        let mut trace = Trace::new(self.url.clone(), self.shown.clone());
        let start = Instant::now();
        let over = Over { pin: self.pin, kept };
        let ended = self.attempt(Some(&mut *cx), &mut trace, over, start + self.timeout).await?;
        let end = match ended.answer {
            Ok(answer) => {
                cx.set(&OUTCOME, "answered");
                let site = trace.site.as_ref().unwrap_or(&trace.url);
                record::record_answer(cx, &answer, site, &self.queries);
                cx.record_time(&facts::TOTAL_TIME, ended.took);
                None
            }
            Err(end) => Some(end),
        };
        if let Some(mut end) = end {
            if let (EarlyEnd::Outcome { evidence: Some(evidence), .. }, Some(untried)) = (&mut end, trace.untried()) {
                evidence.push_str(&untried);
            }
            end.record(cx, &OUTCOME)?;
            if trace.is_unconnected() {
                cx.unreached();
            }
            if let Some(partial) = trace.partial() {
                cx.note(partial);
            }
        }
        record::record_trace(cx, &trace, self.origin, self.follow > 0);
        Ok(())
    }

    /// The host of the suite's URL, or of one that a redirect leads to.
    fn host_of(&self, url: &Url) -> Text {
        let own = url.host() == self.url.host();
        if own { self.host.clone() } else { url.host_str().unwrap_or_default().into() }
    }
}

/// Whether a check with these fields asks one address, whose answer it shows.
fn asks_one(args: &Args) -> bool {
    args.get(&ADDRESSES) == Addresses::First
}

/// The IP version, and where packets leave from: to the host of the URL, or to the proxy in its place, which knows no zone of this host.
fn origin(args: &Args, proxy: Option<&Proxy>) -> Result<(IpVersion, Origin), Invalid> {
    let host = request::host_and_zone(args)?;
    let Some(proxy) = proxy else {
        let pin = args.get(&RESOLVE).map(|address| address.to_string());
        return version_and_origin(args, std::iter::once(pin.as_ref().unwrap_or(&host)).map(String::as_str));
    };
    if host.contains('%') {
        let message = format!("{host} is a host of a link of this machine, and a proxy looks for it on its own");
        return Err(URL.invalid(message, "leave the proxy out, or the zone"));
    }
    version_and_origin(args, std::iter::once(&*proxy.host))
}

/// The address to connect to in place of what the name says.
fn pin(args: &Args, version: IpVersion) -> Result<Option<IpAddr>, Invalid> {
    let Some(address) = args.get(&RESOLVE) else { return Ok(None) };
    if args.get(&ADDRESSES) == Addresses::All {
        return Err(RESOLVE.invalid("`addresses: all` asks every address, and `resolve` one", "keep one of the two"));
    }
    if !version.admits(address) {
        let message = format!("{address} is not an address of the IP version asked for");
        return Err(RESOLVE.invalid(message, "give one of that version, or leave out `ip_version` and `source`"));
    }
    Ok(Some(address))
}

/// The version asked for; a body waits for the server's word over HTTP/1.1 alone.
fn version(args: &Args) -> VersionChoice {
    match args.get(&VERSION) {
        HttpVersion::Auto if args.get(&EXPECT_CONTINUE) => VersionChoice::Http1,
        other => other.into(),
    }
}

impl From<ExchangeError> for EarlyEnd {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::NoResponse(none) => Self::outcome(none.kind.word(), none.why),
            ExchangeError::Fault(fault) => Self::Fault(fault),
        }
    }
}
