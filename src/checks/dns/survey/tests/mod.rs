//! Surveys of servers with every defect they are to find.

mod defaults;
mod delegated;
mod hostile;
mod lab;
mod probing;
mod propagating;
mod quirk;
mod referral;
mod rules;
mod seen_in_part;
mod signed;
mod zones;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::Value;

use self::lab::{Quirk, Script, serve};
use crate::checks::FAMILIES;
use crate::judge::judge;
use crate::lab::Tasks;
use crate::model::record::Outcome;
use crate::model::{Observation, Verdict};
use crate::plan::{Case, Settings};
use crate::testing::{self, fact, noted, table};

/// A zone with two servers on 127.0.0.1.
fn zone(serial: u32) -> String {
    format!(
        "z.test. 300 SOA ns1.z.test. host.z.test. {serial} 3600 600 604800 60
         z.test. 300 NS ns1.z.test.
         z.test. 300 NS ns2.z.test.
         ns1.z.test. 300 A 127.0.0.1
         ns2.z.test. 300 A 127.0.0.1
         www.z.test. 300 A 192.0.2.10
         www.z.test. 300 A 192.0.2.11
         deep.er.z.test. 300 A 192.0.2.12"
    )
}

/// Two servers of a zone.
struct Pair {
    scripts: [Script; 2],
    sockets: [SocketAddr; 2],
    _tasks: [Tasks; 2],
}

impl Pair {
    async fn new(one: &str, two: &str, quirks: &[Quirk]) -> Self {
        let scripts = [Script::new(one, &[]), Script::new(two, quirks)];
        let (first, one) = start(&scripts[0]).await;
        let (second, two) = start(&scripts[1]).await;
        Self { scripts, sockets: [first, second], _tasks: [one, two] }
    }

    /// The second with these quirks, both with the same zone.
    async fn with(quirks: &[Quirk]) -> Self {
        Self::new(&zone(7), &zone(7), quirks).await
    }

    fn label(&self, number: usize) -> String {
        format!("ns{}.z.test./{}", number + 1, self.sockets[number])
    }

    /// Field `authoritative` with both given.
    fn zone(&self) -> String {
        let [one, two] = self.sockets;
        format!("authoritative: {{zone: z.test, ns: {{ns1.z.test: [\"{one}\"], ns2.z.test: [\"{two}\"]}}}}")
    }

    /// Field `server` with both.
    fn list(&self) -> String {
        let [one, two] = self.sockets;
        format!("server: [\"{one}\", \"{two}\"]")
    }

    /// One round at the zone; `more` are further fields.
    async fn observe(&self, more: &str) -> Round {
        observe(&format!("{}, {more}", self.zone()), None).await
    }
}

async fn start(script: &Script) -> (SocketAddr, Tasks) {
    for _ in 0..16 {
        if let Some(started) = serve(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, script).await {
            return started;
        }
    }
    panic!("no port is free for both transports");
}

/// Patience where an answer comes; long enough for a busy machine.
const PATIENT: &str = "timeout: 20s";
/// Patience where something stays silent. Whatever does answer has three attempts.
const BRIEF: &str = "timeout: 1s";

/// The observation of one round, and its verdict.
struct Round {
    observation: Observation,
    verdict: Verdict,
    reason: String,
    /// Expectations that do not hold, for people.
    unmet: Vec<String>,
    /// Expectations that what was seen does not meet.
    broken: Vec<String>,
    /// Label of the second server, where a test has use for it.
    second: String,
}

impl Round {
    #[track_caller]
    fn fact(&self, name: &str) -> Value {
        if self.observation.last_rows(name).is_some() {
            return table(&self.observation, name);
        }
        fact(&self.observation, name).clone()
    }

    fn absent(&self, name: &str) -> bool {
        self.observation.last(name).is_none() && self.observation.last_rows(name).is_none()
    }

    #[track_caller]
    fn is(&self, name: &str, want: impl Into<Value>) {
        let got = self.observation.last(name).cloned();
        let notes = self.observation.notes();
        assert_eq!(got, Some(want.into()), "{name}: {notes:#?}");
    }

    #[track_caller]
    fn noted(&self, text: &str) {
        noted(&self.observation, text);
    }

    #[track_caller]
    fn passed(&self) {
        assert_eq!(self.verdict, Verdict::Passed, "{} {:#?}", self.reason, self.observation);
    }

    #[track_caller]
    fn errored(&self, why: &str) {
        assert_eq!(self.verdict, Verdict::Errored, "{} {:#?}", self.reason, self.observation);
        assert!(self.reason.contains(why), "{why}: {}", self.reason);
    }

    #[track_caller]
    fn failed(&self, why: &str) {
        assert_eq!(self.verdict, Verdict::Failed, "{:#?}", self.observation);
        let told = self.reason.contains(why) || self.unmet.iter().any(|unmet| unmet.contains(why));
        assert!(told, "{why}: {} {:?}", self.reason, self.unmet);
    }
}

/// The case of a check with these fields, or why there is none.
fn check(fields: &str, expect: Option<&str>) -> Result<Case, String> {
    let expect = expect.map(|expect| format!("\n    expect: {expect}")).unwrap_or_default();
    let text = format!("checks:\n  - id: c\n    dns: {{{fields}}}{expect}\n");
    let plan = testing::planned(testing::load(FAMILIES, &text, &[]), None, &Settings::default())?;
    Ok(plan.cases.into_iter().next().unwrap())
}

async fn observe(fields: &str, expect: Option<&str>) -> Round {
    observe_round(&check(fields, expect).unwrap()).await
}

/// One more round of the same check.
async fn observe_round(check: &Case) -> Round {
    let _fast_forward = testing::fast_forward();
    let (observation, ended) = testing::observe(&*check.base.probe).await;
    let judged = judge(check, &observation, ended.err());
    let broken = judged.expectations.iter().filter(|outcome| !outcome.held && outcome.got.is_some());
    let broken = broken.map(|outcome| outcome.fact.to_string()).collect();
    let unmet = judged.expectations.iter().filter(|outcome| !outcome.held).map(Outcome::sentence).collect();
    let reason = judged.reason.unwrap_or_default();
    Round { observation, verdict: judged.verdict, reason, unmet, broken, second: String::new() }
}
