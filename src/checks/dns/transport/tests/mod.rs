//! Encrypted transports against a real server, right and wrong, and against hostile ones.

mod doh;
mod hostile;
mod lab;
mod quic;
mod right;
mod servers;

use crate::model::{Arg, Observation, Value};
use crate::testing::text;

/// The four, and the name each agrees on.
const ENCRYPTED: [(&str, &str); 4] = [("dot", "dot"), ("doh", "h2"), ("doq", "doq"), ("doh3", "h3")];

type More = Vec<(&'static str, Arg)>;

fn flag(observation: &Observation, fact: &str) -> Option<bool> {
    observation.last(fact).and_then(Value::as_bool)
}

/// Fields of a check that trusts `ca`.
fn trusting(transport: &str, ca: &std::path::Path, sni: &str) -> More {
    vec![
        ("transport", text(transport)),
        ("ca_file", text(ca.to_str().unwrap())),
        ("sni", text(sni)),
        ("verify", Arg::Bool(true)),
    ]
}
