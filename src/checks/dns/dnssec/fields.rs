//! The fields of a validation, each a typed key.

use crate::model::table::fields;
use crate::model::{Field, FieldKind};

fields! { pub(in crate::checks::dns) FIELDS;
    pub(super) const TRUST_ANCHOR: Field<Vec<String>> = Field::optional(
        "trust_anchor",
        FieldKind::List(&FieldKind::Inline),
        "DS or DNSKEY records to trust, of any zone at or above the name, or files with such records. Default: IANA's for the root.",
    );
    pub(super) const AT: Field<Option<String>> =
        Field::optional("at", FieldKind::Text, "Time of validation, RFC 3339. Default: now.");
}
