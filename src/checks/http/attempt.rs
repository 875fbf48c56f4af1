//! One exchange, within its limit in time.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::StatusCode;
use tokio::time::Instant;
use url::Url;

use super::answer::{self, WholeAnswer};
use super::record::Recorder;
use super::trace::Trace;
use super::{Http, LOADING, TO_LOOK, facts, proxied, request};
use crate::model::count::counted;
use crate::model::{Fault, human_time};
use crate::net::deadline;
use crate::net::handshakes::Waited;
use crate::net::resolve::silent;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::http::proxy::Proxy;
use crate::proto::http::{ExchangeError, HttpServer, KeptConnections, Phase, Response, exchange};

/// The connection of an exchange.
#[derive(Clone, Copy, Default)]
pub(super) struct Over<'o> {
    /// Address of the URL's host, in place of what the name says.
    pub(super) pin: Option<IpAddr>,
    /// Those of earlier exchanges with the same server.
    pub(super) kept: Option<&'o KeptConnections>,
}

/// What came of an exchange.
pub(super) struct Ended {
    pub(super) answer: Result<WholeAnswer, EarlyEnd>,
    /// How long it took, without the wait for a turn to dial.
    pub(super) took: Duration,
}

fn note(cx: &mut Option<&mut Cx<'_>>, text: String) {
    if let Some(cx) = cx {
        cx.note(text);
    }
}

/// An error of a connection through a proxy, which may have made it.
fn behind(trace: &Trace, error: ExchangeError) -> EarlyEnd {
    let reached = matches!(trace.phase, Phase::Tls | Phase::Head | Phase::Body);
    match (EarlyEnd::from(error), &trace.via) {
        (EarlyEnd::Outcome { word, evidence }, Some(via)) if reached => {
            EarlyEnd::outcome(word, format!("{} (through the proxy {via})", evidence.unwrap_or_default()))
        }
        (end, _) => end,
    }
}

impl Http {
    /// What a proxy says itself, in the place of a server.
    fn take_proxys_word(&self, cx: &mut Option<&mut Cx<'_>>, url: &Url, response: &Response) -> Result<(), EarlyEnd> {
        let (Some(proxy), Some(cx)) = (self.proxy.as_ref().filter(|proxy| !proxy.tunnels(url)), cx) else {
            return Ok(());
        };
        let status = response.head.status;
        if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            proxied::record(cx, "unauthorized", Some(status.as_u16()));
            let why = format!("the proxy {} answers 407: it wants a user and a password it knows", proxy.label());
            return Err(EarlyEnd::outcome("proxy_failed", why));
        }
        proxied::record(cx, "passed", None);
        proxied::record_error(cx, &response.head.headers);
        Ok(())
    }

    /// Asks the host of the URL at `pin`, or at its first address, until `end`. Phases are recorded where there is a `cx`.
    pub(super) async fn attempt(
        &self,
        cx: Option<&mut Cx<'_>>,
        trace: &mut Trace,
        over: Over<'_>,
        end: Instant,
    ) -> Result<Ended, Fault> {
        let (start, waited) = (Instant::now(), Waited::so_far());
        let connecting = trace.connecting();
        let outcome = {
            let mut exchange = std::pin::pin!(self.exchange(cx, trace, over, end));
            match deadline::until(end, &mut exchange).await {
                // On a busy host its own end comes late, and it alone knows whether this host kept it from the server.
                Err(_) if connecting.load(Ordering::Relaxed) => deadline::until(end + LOADING, &mut exchange).await,
                ended => ended,
            }
        };
        let took = start.elapsed().saturating_sub(waited.since());
        let answer = match outcome {
            Ok(Err(EarlyEnd::Outcome { word: "timeout", .. }))
                if matches!(trace.phase, Phase::Connect | Phase::Tls | Phase::Quic) =>
            {
                Err(EarlyEnd::outcome(trace.silent_word(), trace.silence(self.timeout)))
            }
            Ok(answer) => answer,
            // The resolver's silence is neither the server's nor an absent name.
            Err(_) if trace.phase == Phase::Resolve => {
                let host = self.proxy.as_ref().map_or_else(|| self.host_of(&trace.url), |proxy| proxy.host.clone());
                return Err(silent(host.shown(), &format!("no answer within {}", human_time(self.timeout))));
            }
            Err(_) => Err(EarlyEnd::outcome(trace.silent_word(), trace.silence(self.timeout))),
        };
        Ok(Ended { answer, took })
    }

    /// The request, and those that redirects lead to.
    async fn exchange(
        &self,
        mut cx: Option<&mut Cx<'_>>,
        trace: &mut Trace,
        over: Over<'_>,
        end: Instant,
    ) -> Result<WholeAnswer, EarlyEnd> {
        let mut request = self.request.renewed();
        trace.via = self.proxy.as_ref().map(Proxy::label);
        loop {
            let url = trace.url.clone();
            trace.site = Some(request.site(&url));
            let host = self.host_of(&url);
            let server = HttpServer {
                // `resolve` speaks of the URL's host, not of wherever a redirect leads.
                address: over.pin.filter(|_| url.host() == self.url.host()),
                url: &url,
                host: &host,
                version: self.version,
                names: self.names.as_ref().filter(|_| url.host() == self.url.host()),
                ip_version: self.ip_version,
                origin: self.origin,
                proxy: self.proxy.as_ref(),
                trust: &self.trust,
                verify: self.verify,
                kept: over.kept,
                // The whole exchange has one limit in time, kept by the caller; a connection ends just before it, because only
                // its own end tells whether it was this host that kept it from the server.
                until: end.checked_sub(TO_LOOK).unwrap_or(end),
            };
            let mut recorder = Recorder { cx: cx.as_deref_mut(), trace: &mut *trace };
            let response = exchange(&server, |version| request.for_url(&url, version), &mut recorder).await;
            let response = response.map_err(|error| behind(trace, error))?;
            self.take_proxys_word(&mut cx, &url, &response)?;
            if let (Some(asked), Some(cx)) = (request.was_asked_for(), &mut cx) {
                cx.set(&facts::WAS_CONTINUED, asked);
            }
            let status = response.head.status;
            trace.status = Some(status);
            let target = request::redirect(&url, status, &response.head.headers);
            if let Some(Ok(target)) = target.as_ref().filter(|_| self.follow == 0) {
                note(&mut cx, format!("redirects to {target}, which is not followed: `follow` is 0"));
            }
            if target.is_none() && request::is_redirect(status) {
                note(&mut cx, format!("{status} without `location` leads nowhere"));
            }
            let Some(target) = target.filter(|_| self.follow > 0) else {
                let without = request.leaves_out_body(status);
                return answer::read(response, without, self.limit, trace).await;
            };
            let target = target.map_err(|why| EarlyEnd::outcome("malformed", why))?;
            request.keep_cookies(&url, &response.head.headers);
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
