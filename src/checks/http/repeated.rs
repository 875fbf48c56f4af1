//! Names that an object of JSON has more than once: which of the values counts depends on who reads it (RFC 8259, 4).

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The first name that an object in `document` repeats. `None` also for what is not JSON.
pub(super) fn name(document: &[u8]) -> Option<String> {
    let mut found = None;
    let mut reader = serde_json::Deserializer::from_slice(document);
    RepeatedKeySearch(&mut found).deserialize(&mut reader).ok()?;
    found
}

/// Walks a value and keeps nothing of it but the name.
struct RepeatedKeySearch<'f>(&'f mut Option<String>);

impl<'de> DeserializeSeed<'de> for RepeatedKeySearch<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RepeatedKeySearch<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a document")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(RepeatedKeySearch(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = object.next_key::<String>()? {
            object.next_value_seed(RepeatedKeySearch(self.0))?;
            if self.0.is_none() && names.contains(&name) {
                *self.0 = Some(name.clone());
            }
            names.insert(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_name_counts_within_its_own_object() {
        for (document, repeated) in [
            (r#"{"status": "down", "status": "up"}"#, Some("status")),
            (r#"[1, {"a": {"x": 1, "y": [], "x": null}}]"#, Some("x")),
            (r#"{"\u0061": 1, "a": 1.5e300}"#, Some("a")),
            (r#"{"": 1, "b": true, "": 123456789012345678901234567890}"#, Some("")),
            (r#"[{"a": 1}, {"a": 2}, {"b": {"a": 3}, "a": -1}]"#, None),
            ("\"a\"", None),
            (r#"{"a": 1, "a": "#, None),
        ] {
            assert_eq!(name(document.as_bytes()).as_deref(), repeated, "{document}");
        }
    }
}
