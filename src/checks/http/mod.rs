//! HTTP: one request over connections of its own, every phase measured.

mod answer;
mod facts;
mod fields;
mod hop;
mod request;

use std::net::IpAddr;
use std::time::Duration;

use facts::{OUTCOME, STATUS};
use fields::{FOLLOW, HttpVersion, LIMIT, RESOLVE, TIMEOUT, URL, VERIFY, VERSION};
use hop::{Hop, Phase, Stop, Trace};
use request::Request;
use tokio::time::Instant;
use url::Url;

use crate::checks::shared::tls_fields;
use crate::model::{Args, FactInfo, Fault, FieldInfo, Invalid, Observation, Value};
use crate::net::resolve::silent;
use crate::probe::{Cx, Footprint, Probe, fact_is};
use crate::proto::tls::Trust;

/// Time a probe may need beside its `timeout`, to read a trust store the first time.
const LOADING: Duration = Duration::from_secs(1);

/// The probe.
pub struct Http {
    url: Url,
    request: Request,
    follow: usize,
    pin: Option<IpAddr>,
    version: HttpVersion,
    trust: Trust,
    verify: bool,
    timeout: Duration,
    limit: usize,
}

impl Probe for Http {
    const SUMMARY: &'static str = "HTTP request: status, headers, body, and the time of every phase";
    const FIELDS: &'static [FieldInfo] = fields::FIELDS;
    const FACTS: &'static [FactInfo] = facts::FACTS;
    const TARGET_FIELD: (&'static str, Option<&'static str>) = (URL.name(), None);

    fn from_args(args: &Args) -> Result<Self, Invalid> {
        Ok(Self {
            url: request::url(args)?,
            request: Request::from_args(args)?,
            follow: args.get(&FOLLOW),
            pin: args.get(&RESOLVE),
            version: args.get(&VERSION),
            trust: tls_fields::trust(args)?,
            verify: args.get(&VERIFY),
            timeout: args.get(&TIMEOUT),
            limit: args.get(&LIMIT),
        })
    }

    fn target(&self) -> String {
        self.url.to_string()
    }

    fn footprint(&self) -> Footprint {
        Footprint::Quiet
    }

    fn longest(&self) -> Duration {
        self.timeout + LOADING
    }

    fn answered(seen: &Observation) -> bool {
        // A balancer without a backend answers too, with a 5xx: that is the outage, not the service.
        let server_error = seen.last(STATUS.info.name).and_then(Value::as_i64).is_some_and(|status| status >= 500);
        fact_is(seen, OUTCOME.info.name, "answered") && !server_error
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        if self.url.scheme() == "https" || self.follow > 0 {
            self.trust.load().await?;
        }
        let start = Instant::now();
        let mut trace = Trace::new(self.url.clone());
        let outcome = tokio::time::timeout_at(start + self.timeout, self.exchange(cx, &mut trace)).await;
        let elapsed = start.elapsed();
        let stop = match outcome {
            Ok(Ok(answer)) => {
                cx.set(&OUTCOME, "answered");
                facts::record_answer(cx, &answer);
                cx.record_time(&facts::TOTAL_TIME, elapsed);
                None
            }
            Ok(Err(Stop::Fault(fault))) => return Err(fault),
            Ok(Err(Stop::Seen(outcome, why))) => Some((outcome, why)),
            // The resolver's silence is neither the server's nor an absent name.
            Err(_) if trace.phase == Phase::Resolve => {
                let host = trace.url.host_str().unwrap_or_default();
                return Err(silent(host, &format!("no answer within {:?}", self.timeout)));
            }
            Err(_) => Some(("timeout", trace.silence(self.timeout))),
        };
        if let Some((outcome, why)) = stop {
            cx.set(&OUTCOME, outcome);
            cx.note(why);
            if let Some(partial) = trace.partial() {
                cx.note(partial);
            }
        }
        facts::record_way(cx, &trace);
        Ok(())
    }
}

impl Http {
    /// The request, and those that redirects lead to.
    async fn exchange(&self, cx: &mut Cx<'_>, trace: &mut Trace) -> Result<answer::Answer, Stop> {
        let mut request = self.request.clone();
        loop {
            let hop = Hop { probe: self, request: &request, url: trace.url.clone() };
            let (head, body, connection) = hop.send(cx, trace).await?;
            let target = request::redirect(&trace.url, head.status, &head.headers);
            match target {
                Some(target) if self.follow > 0 => {
                    let target = target.map_err(|why| Stop::Seen("malformed", why))?;
                    if request.gives_body_away(head.status, &trace.url, &target) {
                        // Asked to follow and not followed: the redirect is not the answer either.
                        let why = format!("{} to {target} would send the body to another origin", head.status);
                        return Err(Stop::Seen("not_followed", why));
                    }
                    if trace.redirects.len() >= self.follow {
                        let why = format!("more than {} redirects; the next is to {target}", self.follow);
                        return Err(Stop::Seen("too_many_redirects", why));
                    }
                    request.redirected(head.status, &trace.url, &target);
                    trace.redirects.push(target.to_string());
                    trace.follow(target);
                }
                _ => return answer::read(head, body, &connection, self.limit, trace).await,
            }
        }
    }
}
