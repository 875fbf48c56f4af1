//! The fields of a validation, each a typed key.

use crate::model::table::fields;
use crate::model::{Field, FieldKind};

fields! { pub(in crate::checks::dns) FIELDS;
    pub(super) const TRUST_ANCHOR: Field<Vec<String>> = Field::optional(
        "trust_anchor",
        FieldKind::List(&FieldKind::Inline),
        "DS or DNSKEY records that are trusted, of any zone at or above the name, or files of them; IANA's for the root \
         unless written.",
    );
    pub(super) const AT: Field<Option<String>> =
        Field::optional("at", FieldKind::Text, "Time of validation, RFC 3339; now unless written.");
}
