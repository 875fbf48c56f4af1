//! The fields of a sweep, each a typed key.

use crate::checks::shared::hosts::{HOSTS, HOSTS_FILE};
use crate::model::table::fields;
use crate::model::{Field, FieldKind, RateOr};

fields! { pub(in crate::checks::icmp) FIELDS;
    use HOSTS;
    use HOSTS_FILE;
    pub(super) const RATE: Field<Option<RateOr>> = Field::optional(
        "rate",
        FieldKind::RateOr(&["max"]),
        "With `hosts`: probes per second in all. Default: 100 /s, and `max` where no host is beyond this machine and its links.",
    );
    pub(super) const RETRIES: Field<Option<u32>> = Field::optional(
        "retries",
        FieldKind::Integer(0, 100),
        "With `hosts`: how many more probes a host gets that answered none. Default: 2 for a `count` of 1, otherwise 0.",
    );
}
