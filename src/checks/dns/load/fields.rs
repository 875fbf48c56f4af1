//! The fields of a load, each a typed key.

use std::time::Duration;

use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, RateOr, Text};

// Below `load`.
fields! { LOAD_FIELDS;
    pub(super) const RATE: Field<Option<RateOr>> = Field::required(
        "rate",
        FieldKind::RateOr(&["max"]),
        "Queries per second, sent on schedule whether or not they are answered; `max` finds the highest rate that is answered.",
    );
    pub(super) const DURATION: Field<Duration> = Field::default(
        "duration",
        FieldKind::Duration(0.1, 3600.0),
        "5s",
        "Length of the load, without the search for `max`.",
    );
    pub(super) const NAMES: Field<Vec<String>> = Field::optional(
        "names",
        FieldKind::List(&FieldKind::Text),
        "Names to ask for in turn, each as `name`, `name type` or `name type rcode data`; without a type that of the check.",
    );
    pub(super) const QUERIES: Field<Option<Text>> = Field::optional(
        "queries",
        FieldKind::Path,
        "File of lines `name type` as dnsperf reads it; a response code and data may follow.",
    );
    pub(super) const CONCURRENCY: Field<usize> = Field::default(
        "concurrency",
        FieldKind::Integer(1, 64),
        "2",
        "Sockets, each with a port of its own; at most one thread per core serves them.",
    );
    pub(super) const LATE: Field<Duration> = Field::default(
        "late",
        FieldKind::Duration(0.0001, 3600.0),
        "100ms",
        "Answers later than this, counted from when the query was due, count as late.",
    );
    pub(super) const LOSS: Field<Option<f64>> = Field::optional(
        "loss",
        FieldKind::Ratio(0.0, 1.0),
        "With `rate: max`: the share of queries that may go unanswered. Default: 0.1%.",
    );
}

fields! { pub(in crate::checks::dns) FIELDS;
    pub(in crate::checks::dns) const LOAD: Field<Option<Args>> = Field::optional(
        "load",
        FieldKind::Group(LOAD_FIELDS),
        "Send many queries and check every answer, instead of asking once.",
    );
}
