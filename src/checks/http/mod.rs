//! HTTP: one request over connections of its own, every phase measured.

mod answer;
mod by_hand;
mod diagnosis;
mod facts;
mod fields;
#[cfg(fuzzing)]
pub mod fuzzed;
mod record;
mod repeated;
mod request;
mod synonyms;
mod trace;

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use answer::Answer;
use facts::{OUTCOME, STATUS};
use fields::{EXPECT_CONTINUE, FOLLOW, HttpVersion, LIMIT, RESOLVE, TIMEOUT, URL, VERIFY, VERSION};
use record::Recorder;
use request::Request;
use tokio::time::Instant;
use trace::Trace;
use url::Url;

use crate::checks::shared::{silence, tls_fields};
use crate::model::count::counted;
use crate::model::table::joined;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation, Text, Value};
use crate::net::IpVersion;
use crate::net::deadline;
use crate::net::handshakes::Waited;
use crate::net::resolve::silent;
use crate::probe::{
    Cx, Diagnosis, EarlyEnd, Failure, FieldRules, Footprint, Mode, PhaseInfo, Probe, Synonyms, fact_is,
};
use crate::proto::http::{CertificateNames, ExchangeError, HttpServer, Phase, VersionChoice, exchange};
use crate::proto::tls::Trust;

/// Time a probe may need beside its `timeout`, to read a trust store the first time, or to look at a connection that did not
/// come about.
const LOADING: Duration = Duration::from_secs(1);

/// What is left of the limit when a connection that does not come about is looked at.
const TO_LOOK: Duration = Duration::from_millis(2);

/// The probe.
pub struct Http {
    url: Url,
    /// Its host, which may hold a secret.
    host: Text,
    /// The URL as the suite writes it.
    shown: String,
    request: Request,
    follow: usize,
    pin: Option<IpAddr>,
    version: VersionChoice,
    /// Of the suite's URL, where they are not its host.
    names: Option<CertificateNames>,
    trust: Trust,
    verify: bool,
    timeout: Duration,
    limit: usize,
}

impl Probe for Http {
    const SUMMARY: &'static str = "HTTP request: status, headers, body, and the time of every phase";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] =
        joined!(FactInfo; facts::FACTS, facts::CONTENT, facts::FOLLOWED, facts::CONTINUED);
    const MODES: &'static [Mode] = &[
        Mode::of("method: GET` or another but `HEAD", request::has_answer_with_body, facts::CONTENT),
        Mode::of("follow: 5", |args| args.get(&FOLLOW) > 0, facts::FOLLOWED),
        Mode::of("expect_continue: true", |args| args.get(&EXPECT_CONTINUE), facts::CONTINUED),
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
        Ok(Self {
            host: request::host(args, &url),
            shown: request::shown(args),
            request: Request::from_args(args)?,
            follow: args.get(&FOLLOW),
            pin: args.get(&RESOLVE),
            version: version(args),
            names: request::certificate_names(args, &url)?,
            trust: tls_fields::trust(args)?,
            verify: args.get(&VERIFY),
            timeout: args.get(&TIMEOUT),
            limit: args.get(&LIMIT),
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
        let server_error =
            observation.last(STATUS.info.name).and_then(Value::as_i64).is_some_and(|status| status >= 500);
        fact_is(observation, OUTCOME.info.name, "answered") && !server_error
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
        let url = cx.observation().text(facts::URL.info.name).and_then(|url| Url::parse(url).ok());
        let port = url.as_ref().unwrap_or(&self.url).port_or_known_default().unwrap_or_default();
        silence::investigate(cx, &facts::ADDRESS, port).await;
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        if self.is_cpu_bound() {
            self.trust.load().await?;
        }
        let (start, waited) = (Instant::now(), Waited::so_far());
        let mut trace = Trace::new(self.url.clone(), self.shown.clone());
        let end = start + self.timeout;
        let connecting = trace.connecting();
        let outcome = {
            let mut exchange = std::pin::pin!(self.exchange(cx, &mut trace, end));
            match deadline::until(end, &mut exchange).await {
                // On a busy host its own end comes late, and it alone knows whether this host kept it from the server.
                Err(_) if connecting.load(Ordering::Relaxed) => deadline::until(end + LOADING, &mut exchange).await,
                ended => ended,
            }
        };
        let elapsed = start.elapsed().saturating_sub(waited.since());
        let end = match outcome {
            Ok(Ok(answer)) => {
                cx.set(&OUTCOME, "answered");
                record::record_answer(cx, &answer);
                cx.record_time(&facts::TOTAL_TIME, elapsed);
                None
            }
            Ok(Err(EarlyEnd::Outcome { word: "timeout", .. }))
                if matches!(trace.phase, Phase::Connect | Phase::Tls) =>
            {
                Some(EarlyEnd::outcome("timeout", trace.silence(self.timeout)))
            }
            Ok(Err(end)) => Some(end),
            // The resolver's silence is neither the server's nor an absent name.
            Err(_) if trace.phase == Phase::Resolve => {
                let host = self.host_of(&trace.url);
                return Err(silent(host.shown(), &format!("no answer within {:?}", self.timeout)));
            }
            Err(_) => Some(EarlyEnd::outcome("timeout", trace.silence(self.timeout))),
        };
        if let Some(mut end) = end {
            if let (EarlyEnd::Outcome { evidence: Some(evidence), .. }, Some(untried)) = (&mut end, trace.untried()) {
                evidence.push_str(&untried);
            }
            end.record(cx, &OUTCOME)?;
            if matches!(trace.phase, Phase::Resolve | Phase::Connect) {
                cx.unreached();
            }
            if let Some(partial) = trace.partial() {
                cx.note(partial);
            }
        }
        record::record_trace(cx, &trace, self.follow > 0);
        Ok(())
    }
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

impl Http {
    /// The host of the suite's URL, or of one that a redirect leads to.
    fn host_of(&self, url: &Url) -> Text {
        let own = url.host() == self.url.host();
        if own { self.host.clone() } else { url.host_str().unwrap_or_default().into() }
    }

    /// The request, and those that redirects lead to.
    async fn exchange(&self, cx: &mut Cx<'_>, trace: &mut Trace, end: Instant) -> Result<Answer, EarlyEnd> {
        let mut request = self.request.clone();
        loop {
            let url = trace.url.clone();
            let host = self.host_of(&url);
            let server = HttpServer {
                // `resolve` speaks of the URL's host, not of wherever a redirect leads.
                address: self.pin.filter(|_| url.host() == self.url.host()),
                url: &url,
                host: &host,
                version: self.version,
                names: self.names.as_ref().filter(|_| url.host() == self.url.host()),
                ip_version: IpVersion::Any,
                source: None,
                trust: &self.trust,
                verify: self.verify,
                // The whole exchange has one limit in time, kept by the caller; a connection ends just before it, because only
                // its own end tells whether it was this host that kept it from the server.
                until: end.checked_sub(TO_LOOK).unwrap_or(end),
            };
            let mut recorder = Recorder { cx: &mut *cx, trace: &mut *trace };
            let response = exchange(&server, |version| request.for_url(&url, version), &mut recorder).await?;
            if let Some(asked) = request.was_asked_for() {
                cx.set(&facts::WAS_CONTINUED, asked);
            }
            let status = response.head.status;
            trace.status = Some(status);
            let target = request::redirect(&url, status, &response.head.headers);
            if let Some(Ok(target)) = target.as_ref().filter(|_| self.follow == 0) {
                cx.note(format!("redirects to {target}, which is not followed: `follow` is 0"));
            }
            if target.is_none() && request::is_redirect(status) {
                cx.note(format!("{status} without `location` leads nowhere"));
            }
            let Some(target) = target.filter(|_| self.follow > 0) else {
                let without = request.leaves_out_body(status);
                return answer::read(response, without, self.limit, trace).await;
            };
            let target = target.map_err(|why| EarlyEnd::outcome("malformed", why))?;
            if let Some(note) = request::cookies_left(&url, &response.head.headers) {
                cx.note(note);
            }
            if request.gives_body_away(status, &url, &target) {
                // Asked to follow and not followed: the redirect is not the answer either.
                let why = format!("{status} to {target} would send the body to another origin");
                return Err(EarlyEnd::outcome("not_followed", why));
            }
            if trace.redirects.len() >= self.follow {
                let why = format!("more than {}; the next is to {target}", counted(self.follow, "redirect"));
                return Err(EarlyEnd::outcome("too_many_redirects", why));
            }
            request.redirected(status, &url, &target);
            trace.follow(target);
        }
    }
}
