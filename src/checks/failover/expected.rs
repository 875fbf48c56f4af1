//! What a probe of the stream must show to count as answered, beside its family's own word for it: all that a check of that family
//! expects by default. A balancer that answers 404, a standby with an empty zone or another certificate is the service away.
//!
//! What the rehearsal did not show either is asked of no probe: a page may answer 404, or a certificate not verify, when all is well.

use crate::model::expectation::{Expectation, FactPart};
use crate::model::{Observation, Value, args};

/// Default expectations that each probe must meet.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected(Vec<Expectation>);

impl Expected {
    /// Of the defaults of the nested probe those of its facts. What its modes expect beside them is about more than one answer.
    pub(super) fn of(defaults: &args::Expected) -> Self {
        let of_facts = |one: &&Expectation| one.info.expected.is_some() && matches!(one.part, FactPart::Whole);
        Self(defaults.0.iter().filter(of_facts).cloned().collect())
    }

    /// Leaves out what this observation, made while all is well, does not show; with what that is, for people.
    pub(super) fn shown_by(self, observation: &Observation) -> (Self, Vec<String>) {
        let (kept, left): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|one| holds(one, observation));
        (Self(kept), left.iter().map(|one| sentence(one, observation)).collect())
    }

    /// The first that does not hold, for people.
    pub(super) fn breach(&self, observation: &Observation) -> Option<String> {
        self.0.iter().find(|one| !holds(one, observation)).map(|one| sentence(one, observation))
    }
}

fn holds(expectation: &Expectation, observation: &Observation) -> bool {
    expectation.test.holds(observation.last(expectation.info.name), expectation.typing(None))
}

fn sentence(expectation: &Expectation, observation: &Observation) -> String {
    let Expectation { path, operator, want, info, .. } = expectation;
    let seen = match observation.last(info.name) {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    format!("`{path}` was {seen}, expected {}", operator.sentence(want))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Expected;
    use crate::model::{Arg, Args, Observation, Round, Value};

    fn observed(facts: Value) -> Observation {
        let mut observation = Observation::default();
        observation.begin_round(Round::default());
        let Value::Object(facts) = facts else { panic!("facts are a map") };
        for (name, value) in facts {
            observation.set(name.leak(), value);
        }
        observation
    }

    fn of(family: &str, args: &[(&'static str, &str)]) -> Expected {
        let args = args.iter().map(|(name, text)| (*name, Arg::Text((*text).into())));
        Expected::of(&crate::testing::expected(family, &Args(args.collect())))
    }

    /// What a family's own word for "answered" does not tell from the service being away.
    #[test]
    fn an_answer_shows_what_its_family_expects_by_default() {
        let http = of("http", &[("url", "http://192.0.2.1/")]);
        let dns = of("dns", &[("name", "a.example"), ("server", "192.0.2.1")]);
        let tls = of("tls", &[("host", "192.0.2.1")]);
        let tcp = of("tcp", &[("host", "192.0.2.1")]);
        let of_http = |status: u16| json!({"outcome": "answered", "status": status});
        let of_dns = |answers: &[&str]| json!({"outcome": "answered", "rcode": "NOERROR", "answers": answers, "truncated": false});
        let of_tls = |verified: bool| json!({"outcome": "completed", "verified": verified, "ocsp.acceptable": true});
        for (expected, well, away, why) in [
            (&http, of_http(200), of_http(404), "`status` was 404, expected between 200 and 299"),
            (&http, of_http(204), of_http(302), "`status` was 302"),
            (&dns, of_dns(&["192.0.2.7"]), of_dns(&[]), "`answers` was []"),
            (&tls, of_tls(true), of_tls(false), "`verified` was false"),
            (&tcp, json!({"outcome": "connected"}), json!({"outcome": "refused"}), "`outcome` was refused"),
        ] {
            assert_eq!(expected.breach(&observed(well.clone())), None, "{well}");
            let breach = expected.breach(&observed(away.clone())).unwrap_or_default();
            assert!(breach.starts_with(why), "{away}: {breach}");
            // What it shows when all is well is no outage.
            let (rest, left_out) = expected.clone().shown_by(&observed(away.clone()));
            assert_eq!((rest.breach(&observed(away)), left_out.len()), (None, 1), "{left_out:?}");
        }
        let (rest, _) = http.shown_by(&observed(of_http(200)));
        assert!(rest.breach(&observed(of_http(404))).is_some(), "what was shown stays expected");
    }
}
