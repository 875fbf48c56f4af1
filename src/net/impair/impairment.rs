//! How a proxy impairs what passes through it, as plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::argument::{Choices as _, choices};
use crate::model::{Unit, human_time};

choices! {
    /// Which way an impairment works.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ProxyDirection {
        /// Both ways.
        Both = "both",
        /// What clients send.
        ToTarget = "to_target",
        /// What the target answers.
        FromTarget = "from_target",
    }
}

choices! {
    /// What becomes of a new connection.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum NewConnections {
        /// It is refused, as where nobody listens.
        Refused = "refused",
        /// It is not answered, as behind a filter that drops.
        Unanswered = "unanswered",
        /// It is accepted, and reset at once.
        Reset = "reset",
    }
}

/// All of [`Impairment::loss`].
pub const LOSS_OF: u32 = 1_000_000;

/// How what passes is impaired. The default impairs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impairment {
    /// Everything comes so much later, each way that `direction` names.
    #[serde(default)]
    pub latency: Duration,
    /// The latency varies by so much up and down, evenly.
    #[serde(default)]
    pub jitter: Duration,
    /// So many datagrams of [`LOSS_OF`] are lost, at random.
    #[serde(default)]
    pub loss: u32,
    /// At most so many bits pass in a second, those of all clients together; zero for as many as there are.
    #[serde(default)]
    pub rate: u64,
    /// Nothing passes. What a connection sends meanwhile passes afterwards, in order; datagrams are lost.
    #[serde(default)]
    pub black_hole: bool,
    /// Connections of before lose their other end, and clients are not told (RFC 9293, 3.5.1).
    #[serde(default)]
    pub half_open: bool,
    /// Connections of before are reset at both ends.
    #[serde(default)]
    pub reset: bool,
    /// What becomes of new connections; left out, they pass.
    #[serde(default)]
    pub new_connections: Option<NewConnections>,
    /// Which way latency, loss, rate and black hole work.
    #[serde(default)]
    pub direction: ProxyDirection,
}

/// The way of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlowDirection {
    ToTarget,
    FromTarget,
}

/// What an impairment means for one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    pub(super) loss: u32,
    /// Bits per second; zero for any.
    pub(super) rate: u64,
    /// Nothing passes.
    pub(super) held: bool,
}

impl Rule {
    /// It changes nothing.
    pub(super) fn is_clear(&self) -> bool {
        *self == Self::default()
    }

    /// Something has to wait for its time.
    pub(super) fn delays(&self) -> bool {
        !self.latency.is_zero()
    }
}

impl Impairment {
    /// It impairs nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self { direction: self.direction, ..Self::default() }
    }

    /// It can be seen by who only connects.
    #[must_use]
    pub fn shows_at_connect(&self) -> bool {
        matches!(self.new_connections, Some(NewConnections::Refused | NewConnections::Unanswered))
    }

    /// It does something to connections as such, which UDP has none of.
    #[must_use]
    pub fn is_of_connections(&self) -> bool {
        self.half_open || self.reset || self.new_connections.is_some()
    }

    /// Only connections of before notice it.
    #[must_use]
    pub fn is_of_kept_alone(&self) -> bool {
        (self.half_open || self.reset) && self.new_connections.is_none() && !self.has_direction()
    }

    /// `direction` has a meaning for something of it.
    #[must_use]
    pub fn has_direction(&self) -> bool {
        !self.latency.is_zero() || self.loss > 0 || self.rate > 0 || self.black_hole
    }

    pub(super) fn rule(&self, way: FlowDirection) -> Rule {
        let works = match self.direction {
            ProxyDirection::Both => true,
            ProxyDirection::ToTarget => way == FlowDirection::ToTarget,
            ProxyDirection::FromTarget => way == FlowDirection::FromTarget,
        };
        let Self { latency, jitter, loss, rate, black_hole, .. } = *self;
        if works { Rule { latency, jitter, loss, rate, held: black_hole } } else { Rule::default() }
    }

    /// For people: `latency 200 ms ± 20 ms each way`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut parts = Vec::new();
        if !self.latency.is_zero() {
            let jitter = Some(self.jitter).filter(|jitter| !jitter.is_zero());
            let jitter = jitter.map(|jitter| format!(" ± {}", human_time(jitter))).unwrap_or_default();
            parts.push(format!("latency {}{jitter}", human_time(self.latency)));
        }
        if self.loss > 0 {
            parts.push(format!("loss {}", Unit::Ratio.human(f64::from(self.loss) / f64::from(LOSS_OF))));
        }
        if self.rate > 0 {
            parts.push(format!("rate {}", Unit::BitsPerSecond.human(self.rate as f64)));
        }
        if self.black_hole {
            parts.push("nothing passes".to_owned());
        }
        let mut text = parts.join(", ");
        if self.has_direction() {
            text.push_str(match self.direction {
                ProxyDirection::Both => " each way",
                ProxyDirection::ToTarget => " to the target",
                ProxyDirection::FromTarget => " from the target",
            });
        }
        let others = [(self.half_open, "connections are left half-open"), (self.reset, "connections are reset")];
        let others = others.into_iter().filter(|(on, _)| *on).map(|(_, what)| what.to_owned());
        let new = self.new_connections.map(|new| format!("new connections are {}", new.word()));
        let all: Vec<String> =
            Some(text).filter(|text| !text.is_empty()).into_iter().chain(others).chain(new).collect();
        if all.is_empty() { "nothing is impaired".to_owned() } else { all.join("; ") }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{FlowDirection, Impairment, NewConnections, ProxyDirection, Rule};

    #[test]
    fn a_direction_leaves_the_other_alone() {
        let slow = Impairment { latency: Duration::from_millis(5), ..Impairment::default() };
        let both = Rule { latency: slow.latency, ..Rule::default() };
        for (direction, to, from) in [
            (ProxyDirection::Both, both, both),
            (ProxyDirection::ToTarget, both, Rule::default()),
            (ProxyDirection::FromTarget, Rule::default(), both),
        ] {
            let one = Impairment { direction, ..slow };
            assert_eq!(
                [FlowDirection::ToTarget, FlowDirection::FromTarget].map(|way| one.rule(way)),
                [to, from],
                "{direction:?}"
            );
        }
    }

    #[test]
    fn people_read_what_it_does() {
        let all = Impairment {
            latency: Duration::from_millis(200),
            jitter: Duration::from_millis(20),
            loss: 100_000,
            rate: 10_000_000,
            ..Impairment::default()
        };
        assert_eq!(all.text(), "latency 200 ms ± 20 ms, loss 10%, rate 10 Mbit/s each way");
        let hole = Impairment { black_hole: true, direction: ProxyDirection::FromTarget, ..Impairment::default() };
        assert_eq!(hole.text(), "nothing passes from the target");
        let dead =
            Impairment { half_open: true, new_connections: Some(NewConnections::Unanswered), ..Impairment::default() };
        assert_eq!(dead.text(), "connections are left half-open; new connections are unanswered");
        let none = Impairment { direction: ProxyDirection::ToTarget, ..Impairment::default() };
        assert!(none.is_none() && none.text() == "nothing is impaired");
    }
}
