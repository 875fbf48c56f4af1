//! The fact of a family that tells who answered.

use sha2::{Digest as _, Sha256};

use crate::model::document_path::{self, Step};
use crate::model::{FactInfo, Kind, Observation, Value};
use crate::probe::Identity;

/// Characters of an identity that are kept.
const KEPT: usize = 64;
/// Bytes of the digest that stands for what is not kept.
const DIGEST: usize = 4;

/// A fact, or a path below it.
#[derive(Clone, Debug)]
pub(in crate::checks::failover) struct IdentityFact {
    info: &'static FactInfo,
    path: Vec<Step>,
}

impl IdentityFact {
    /// The fact of a path in the table `facts`; `Err` says what is wrong with it.
    pub(in crate::checks::failover) fn of(facts: &'static [FactInfo], path: &str) -> Result<Self, String> {
        let known = facts.iter().filter(|fact| document_path::is_of(path, fact.name));
        let Some(info) = known.max_by_key(|fact| fact.name.len()) else {
            return Err(format!("there is no fact `{path}`"));
        };
        if info.has_statistics() || info.is_column {
            return Err(format!("`{path}` has many values: it tells of nobody"));
        }
        let rest = path.strip_prefix(info.name).unwrap_or_default();
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        let path = if rest.is_empty() { Ok(Vec::new()) } else { document_path::read(rest) };
        path.map(|path| Self { info, path }).map_err(|(why, _)| why)
    }

    /// Whom its value in a round tells of.
    pub(super) fn of_round(&self, observation: &Observation) -> Option<Identity> {
        let value = observation.last(self.info.name)?;
        let value = document_path::find(value, &self.path, self.info.form).ok().flatten()?;
        let text = match value {
            Value::String(text) => text.clone(),
            // A list is the same in any order: servers turn the records of an answer round.
            Value::Array(elements) if self.info.kind == Kind::List => sorted(elements).to_string(),
            value => value.to_string(),
        };
        let line = text.lines().next().unwrap_or_default().trim();
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        (!line.is_empty()).then(|| short(line).into())
    }
}

fn sorted(elements: &[Value]) -> Value {
    let mut elements = elements.to_vec();
    elements.sort_by_cached_key(ToString::to_string);
    Value::Array(elements)
}

/// A long one is told from others that begin alike.
fn short(line: String) -> String {
    if line.chars().count() <= KEPT {
        return line;
    }
    let digest = Sha256::digest(&line);
    let digest = digest.iter().take(DIGEST).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let kept: String = line.chars().take(KEPT - 1 - digest.len()).collect();
    format!("{kept}…{digest}")
}

#[cfg(test)]
mod tests {
    use super::{IdentityFact, KEPT};
    use crate::model::{Fact, FactInfo, Value};
    use crate::testing::recorded;

    const RECORDS: Fact<Vec<String>> = Fact::list("records", "A list of records.");
    const DOCUMENT: Fact<Value> = Fact::object("document", "A document of JSON.");
    const BODY: Fact<String> = Fact::text("body", "A text of some lines.");
    static FACTS: &[FactInfo] = &[RECORDS.info, DOCUMENT.info, BODY.info];

    fn of_records(records: &[String]) -> String {
        let (observation, ()) = recorded(FACTS, |cx| cx.set(&RECORDS, records.to_vec()));
        IdentityFact::of(FACTS, "records").unwrap().of_round(&observation).unwrap().to_string()
    }

    fn addresses(last: &[u8]) -> Vec<String> {
        last.iter().map(|last| format!("192.0.2.{last}")).collect()
    }

    #[test]
    fn records_in_another_order_are_no_other_owner() {
        assert_eq!(of_records(&addresses(&[2, 1])), r#"["192.0.2.1","192.0.2.2"]"#);
        assert_eq!(of_records(&addresses(&[1, 2])), of_records(&addresses(&[2, 1])));
        assert_ne!(of_records(&addresses(&[1, 2])), of_records(&addresses(&[1, 3])));
    }

    #[test]
    fn sets_that_begin_alike_are_told_apart() {
        let (one, other) = (of_records(&addresses(&[1, 2, 3, 4, 5, 6])), of_records(&addresses(&[1, 2, 3, 4, 5, 7])));
        assert_eq!(one.chars().count(), KEPT);
        assert!(one != other && one.starts_with(r#"["192.0.2.1","#), "{one} {other}");
        assert_eq!(one, of_records(&addresses(&[6, 5, 4, 3, 2, 1])));
    }

    #[test]
    fn a_document_keeps_its_order_and_a_text_its_first_line() {
        let (observation, ()) = recorded(FACTS, |cx| {
            cx.set(&DOCUMENT, serde_json::json!({"nodes": ["b", "a"]}));
            cx.set(&BODY, " web1 \nup since noon".to_owned());
        });
        let of = |path: &str| IdentityFact::of(FACTS, path).unwrap().of_round(&observation).map(|it| it.to_string());
        assert_eq!(of("document.nodes").as_deref(), Some(r#"["b","a"]"#));
        assert_eq!(of("body").as_deref(), Some("web1"));
        assert_eq!(of("document.leader"), None);
    }
}
