//! A map or a list of a suite as a JSON document, in the order written.

use crate::model::Text;
use crate::suite::tree::{Kind, Node};

/// The document, shown with `***` in the place of each secret.
pub(super) fn text(node: &Node) -> Text {
    let mut value = String::new();
    write(node, false, &mut value);
    let shown = holds_secret(node).then(|| {
        let mut shown = String::new();
        write(node, true, &mut shown);
        shown
    });
    Text::new(value, shown.as_deref())
}

fn holds_secret(node: &Node) -> bool {
    match &node.kind {
        Kind::List(items) => items.iter().any(holds_secret),
        Kind::Map(entries) => entries.iter().any(|(_, node)| holds_secret(node)),
        Kind::Null | Kind::Scalar(..) => node.shown.is_some(),
    }
}

fn write(node: &Node, shown: bool, out: &mut String) {
    match &node.kind {
        Kind::Null => out.push_str("null"),
        Kind::Scalar(text, plain) => {
            let text = if shown { node.shown().unwrap_or(text) } else { text };
            if *plain && is_literal(text) { out.push_str(text) } else { out.push_str(&quoted(text)) }
        }
        Kind::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write(item, shown, out);
            }
            out.push(']');
        }
        Kind::Map(entries) => {
            out.push('{');
            for (at, (key, item)) in entries.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(&quoted(&key.name));
                out.push(':');
                write(item, shown, out);
            }
            out.push('}');
        }
    }
}

/// Whether JSON writes it without quotes. Numbers go by its own rules: `017` and `0x1f` are texts there.
fn is_literal(text: &str) -> bool {
    matches!(text, "true" | "false") || serde_json::from_slice::<serde_json::Number>(text.as_bytes()).is_ok()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::suite::diagnostic::{Diagnostics, Sources};
    use crate::suite::tree::{self, Kind, Node};

    fn node(yaml: &str) -> Node {
        let (mut sources, mut errors) = (Sources::default(), Diagnostics::default());
        let source = sources.add("x", yaml.to_owned());
        tree::parse(source, &sources, &mut errors).unwrap()
    }

    #[test]
    fn scalars_are_what_yaml_says_they_are() {
        let written = "{b: 1, a: [true, 'true', ~, '', 1.10, '7', 017, 1e400, -0.5, no, \"q\\\"\"], c: {}}";
        let want = r#"{"b":1,"a":[true,"true",null,"",1.10,"7","017",1e400,-0.5,"no","q\""],"c":{}}"#;
        assert_eq!(&*text(&node(written)), want);
    }

    #[test]
    fn a_secret_within_it_is_not_shown() {
        let mut root = node("{user: u, pin: 1234}");
        let Kind::Map(entries) = &mut root.kind else { panic!("a map") };
        entries[1].1.shown = Some("***".into());
        let document = text(&root);
        assert_eq!((&*document, document.shown()), (r#"{"user":"u","pin":1234}"#, r#"{"user":"u","pin":"***"}"#));
    }
}
