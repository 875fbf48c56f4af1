//! The parameters iperf3 knows, with the JSON type it reads each as.
//!
//! Up to 3.17 a server looked only whether a name was there; since 3.18 a value of another type is reported in the server's log
//! and left out, so that a download became an upload. All releases from 3.1 on understand the types below. A flag counts as
//! set in every release whatever its value is, so one that is not set must not be sent.

use serde_json::Value;

/// A JSON type as iperf3 tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    /// `true`; a flag that is not set is left out.
    Flag,
    /// A number. Some flags are numbers: set by being there, whatever the number.
    Number,
    /// A text.
    Text,
}

impl JsonType {
    /// Whether iperf3 3.18 or later takes `value` for this type.
    #[must_use]
    pub fn fits(self, value: &Value) -> bool {
        match self {
            Self::Flag => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::Text => value.is_string(),
        }
    }
}

/// Every parameter that a release from 3.1 to 3.22 reads, by name.
pub const PARAMETERS: &[(&str, JsonType)] = &[
    ("tcp", JsonType::Flag),
    ("udp", JsonType::Flag),
    ("sctp", JsonType::Flag),
    ("omit", JsonType::Number),
    ("server_affinity", JsonType::Number),
    ("time", JsonType::Number),
    ("num", JsonType::Number),
    ("blockcount", JsonType::Number),
    ("MSS", JsonType::Number),
    ("nodelay", JsonType::Flag),
    ("parallel", JsonType::Number),
    ("reverse", JsonType::Flag),
    ("bidirectional", JsonType::Flag),
    ("mptcp", JsonType::Flag),
    ("window", JsonType::Number),
    ("len", JsonType::Number),
    ("gso", JsonType::Number),
    ("gso_dg_size", JsonType::Number),
    ("gso_bf_size", JsonType::Number),
    ("gro", JsonType::Number),
    ("gro_bf_size", JsonType::Number),
    ("bandwidth", JsonType::Number),
    ("fqrate", JsonType::Number),
    ("pacing_timer", JsonType::Number),
    ("burst", JsonType::Number),
    ("TOS", JsonType::Number),
    ("flowlabel", JsonType::Number),
    ("title", JsonType::Text),
    ("extra_data", JsonType::Text),
    ("congestion", JsonType::Text),
    ("congestion_used", JsonType::Text),
    ("get_server_output", JsonType::Number),
    ("udp_counters_64bit", JsonType::Number),
    ("repeating_payload", JsonType::Number),
    ("zerocopy", JsonType::Number),
    ("dont_fragment", JsonType::Number),
    ("authtoken", JsonType::Text),
    ("skip_rx_copy", JsonType::Number),
];

/// The type of a parameter; `None` for one that iperf3 does not read.
#[must_use]
pub fn json_type(name: &str) -> Option<JsonType> {
    PARAMETERS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

/// The parameters of a document that iperf3 3.18 or later would leave out.
#[must_use]
pub fn misread(document: &Value) -> Vec<&'static str> {
    let wrong = |(name, kind): &&(&'static str, JsonType)| document.get(name).is_some_and(|value| !kind.fits(value));
    PARAMETERS.iter().filter(wrong).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{JsonType, json_type, misread};

    #[test]
    fn a_value_of_another_type_is_left_out_by_its_name() {
        let wrong = json!({"tcp": 1, "reverse": 1, "bidirectional": "true", "udp_counters_64bit": true, "title": 7, "len": "8"});
        let mut names = misread(&wrong);
        names.sort_unstable();
        assert_eq!(names, ["bidirectional", "len", "reverse", "tcp", "title", "udp_counters_64bit"]);
        let right = json!({"tcp": true, "reverse": true, "udp_counters_64bit": 1, "title": "x", "client_version": 3});
        assert!(misread(&right).is_empty());
        assert_eq!((json_type("congestion"), json_type("omit_exact")), (Some(JsonType::Text), None));
    }
}
