//! The field that switches the search on.

use crate::model::Field;
use crate::model::argument::choices;
use crate::model::table::fields;

choices! {
    /// How the MTU of the path is found.
    pub(in crate::checks::icmp) enum MtuMode {
        /// By packets of different lengths that no router may fragment.
        Discover = "discover",
    }
}

fields! { pub(in crate::checks::icmp) FIELDS;
    pub(in crate::checks::icmp) const MTU: Field<Option<MtuMode>> = Field::optional_choice(
        "mtu",
        "`discover` finds the largest packet that the path carries, by packets of different lengths that nobody may fragment: up to `count` of each, `interval` apart. \
         `size` is that of the first, which must pass.",
    );
}
