//! Tags of YAML: only those of the core schema mean something here, and any other would be ignored in silence.

use std::collections::BTreeSet;

use granit_parser::{Event, Parser};

use super::diagnostic::{Diagnostics, Span};

/// What the handle `!!` stands for.
const CORE: &str = "tag:yaml.org,2002:";
/// Tags of the core schema (YAML 1.2.2, 10.3).
const KNOWN: [&str; 7] = ["str", "int", "float", "bool", "null", "seq", "map"];
/// Tags told of one file.
const MOST: usize = 20;

/// Reports every tag of `text` that is not of the core schema. What is no YAML at all is for the tree to say. Gives the places,
/// in bytes, of plain scalars that are text by their tag, whatever they look like.
pub(super) fn check(source: u32, text: &str, errors: &mut Diagnostics) -> BTreeSet<u32> {
    let mut texts = BTreeSet::new();
    if !text.contains('!') {
        return texts;
    }
    let mut found = 0;
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { return texts };
        let start = span.start.byte_offset().and_then(|at| u32::try_from(at).ok()).unwrap_or_default();
        let (Event::Scalar(.., Some(tag)) | Event::SequenceStart(.., Some(tag)) | Event::MappingStart(.., Some(tag))) =
            event
        else {
            continue;
        };
        let full = format!("{}{}", tag.handle(), tag.suffix());
        let core = full.strip_prefix(CORE);
        // A bare `!` only says that the scalar is text.
        if full == "!" || core.is_some_and(|name| KNOWN.contains(&name)) {
            if full == "!" || core == Some("str") {
                texts.insert(start);
            }
            continue;
        }
        let shown = core.map_or_else(|| full.clone(), |name| format!("!!{name}"));
        let message = format!("the tag `{shown}` means nothing here");
        errors.add(
            Span { source, start, end: start.saturating_add(1) },
            message,
            "leave it out; `${…}` is for variables",
        );
        found += 1;
        if found == MOST {
            break;
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::{Diagnostics, check};
    use crate::suite::Sources;

    fn found(text: &str) -> Vec<String> {
        let (mut errors, mut sources) = (Diagnostics::default(), Sources::default());
        let source = sources.add("t.yaml", text.to_owned());
        check(source, text, &mut errors);
        errors.0.iter().map(|error| error.message.clone()).collect()
    }

    #[test]
    fn only_tags_of_the_core_schema_pass() {
        assert!(found("a: !!str 5\nb: !!int 5\nc: !!seq [1]\nd: !!map {}\ne: ! x\nf: \"!env X\"\n# !x\n").is_empty());
        for (text, tag) in [
            ("a: !env HOME", "!env"),
            ("a: !vault |\n  x\n", "!vault"),
            ("a: !!binary aGk=", "!!binary"),
            ("a: !!set {x}", "!!set"),
            ("a: [!include x.yaml]", "!include"),
            ("%TAG !e! tag:example.com,2000:\n---\na: !e!keep x", "tag:example.com,2000:keep"),
            ("a: !<tag:yaml.org,2002:timestamp> 2001-01-01", "!!timestamp"),
        ] {
            assert_eq!(found(text), [format!("the tag `{tag}` means nothing here")], "{text}");
        }
        assert_eq!(found(&"- !x 1\n".repeat(100)).len(), 20);
    }
}
