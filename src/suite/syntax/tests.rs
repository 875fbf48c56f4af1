use crate::suite::tree::parse;
use crate::suite::{Diagnostics, Sources};

fn errors_of(text: &str) -> Vec<(String, String, String)> {
    let (mut errors, mut sources) = (Diagnostics::default(), Sources::default());
    let source = sources.add("t.yaml", text.to_owned());
    parse(source, &sources, &mut errors);
    errors.0.iter().map(|error| (sources.line_of(error.span), error.message.clone(), error.help.clone())).collect()
}

/// What must be written instead, of one broken file each.
const CORRECTED: &[(&str, &str)] = &[
    ("a:\n  tcp: {host: ${h}, port: 1}\n", "write `tcp: {host: \"${h}\", port: 1}`"),
    ("a:\n  tcp: {host: ${h}, port: ${p}}\n", "write `tcp: {host: \"${h}\", port: \"${p}\"}`"),
    ("a: {server: [${a}, ${b}], name: x}\n", "write `a: {server: [\"${a}\", \"${b}\"], name: x}`"),
    ("a: {url: https://${h}/x}\n", "write `a: {url: \"https://${h}/x\"}`"),
    ("a:\n\tb: 1\n", "indent with spaces; write `  b: 1`"),
    ("a:\n  b:\n  \tc: 1\n", "indent with spaces; write `    c: 1`"),
    ("description: text: with: colon\n", "write `description: \"text: with: colon\"`"),
    ("a:\n  body: {contains: status: ok}\n", "write `body: {contains: \"status: ok\"}`"),
    ("a: Basic: x: \"y\"\n", "write `a: 'Basic: x: \"y\"'`"),
    ("a: {host: *, port: 1}\n", "write `a: {host: \"*\", port: 1}`"),
    ("tags: [*all, b]\n", "write `tags: [\"*all\", b]`"),
    ("Accept: */*\n", "write `Accept: \"*/*\"`"),
    ("dns: {name: *.example.com}\n", "write `dns: {name: \"*.example.com\"}`"),
    ("a: %h\n", "write `a: \"%h\"`"),
    ("a: @home\n", "write `a: \"@home\"`"),
    ("a: {name: @}\n", "write `a: {name: \"@\"}`"),
    ("a: `x`\n", "write `a: \"`x`\"`"),
    ("a: & more\n", "write `a: \"& more\"`"),
    ("a: {b: x, c: 1\nd: {e: 1}\n", "write `a: {b: x, c: 1}`"),
    ("tags: [a, b\ntcp: {host: x}\n", "write `tags: [a, b]`"),
    ("a: {host: \"x, port: 1}\nb: 1\n", "write `a: {host: \"x\", port: 1}`"),
    ("a: 'it's here'\n", "write `a: \"it's here\"`"),
    ("a: \"a\" and b\n", "write `a: '\"a\" and b'`"),
    ("a: {b: 1}}\n", "write `a: {b: 1}`"),
    ("tags: [a]]\n", "write `tags: [a]`"),
    ("needs: [a[x=1]]\n", "write `needs: [\"a[x=1]\"]`"),
    ("- {id: q, needs: [a[x=1], b/c[y=2]], d: 1}\n", "needs: [\"a[x=1]\", \"b/c[y=2]\"], d: 1}`"),
    ("expect: {body.json.s[name=db].status: ok}\n", "write `expect: {\"body.json.s[name=db].status\": ok}`"),
    ("a:\n  s[name=\"a: b\"].x: ok\n", "write `'s[name=\"a: b\"].x': ok`"),
    ("a: {matches: \"\\d+\"}\n", "write `a: {matches: '\\d+'}`"),
    ("a:\n    host: x\n  port: 1\nb: 1\n", "begin it after 4 spaces, as line 2 does: `    port: 1`"),
    ("checks:\n  - id: a\n  tcp: {host: x}\n", "begin it after 4 spaces, as line 2 does: `    tcp: {host: x}`"),
    ("checks:\n  - id: a\n    b: {c: 1}\n   e: {f: 1}\n", "begin it after 4 spaces, as line 3 does: `    e: {f: 1}`"),
    ("checks:\n  -id: a\n   b: {c: 1}\n", "write `- id: a`"),
    ("a:\n  tcp\n    host: x\n", "write `tcp:`"),
    ("a: {host: x port: 1}\n", "write `a: {host: x, port: 1}`"),
    ("a: {host: x,, port: 1}\n", "write `a: {host: x, port: 1}`"),
    ("a: [,b]\n", "write `a: [b]`"),
    ("a: {contains: x #b}\n", "write `a: {contains: \"x #b\"}`"),
    ("a: {b: #5}\n", "write `a: {b: \"#5\"}`"),
    ("a: \"b\u{7}c\"\n", "write `a: \"bc\"`"),
    ("a:\u{a0}{b: x, c: 1}\n", "write `a: {b: x, c: 1}`"),
    ("a: | text\n", "write `a: \"| text\"`"),
    ("a: |\ntext here\nb: 1\n", "write `text here`"),
    ("expect: {p95: > 5ms}\n", "write `expect: {p95: {gt: 5ms}}`"),
    ("p95: >5ms\n", "write `p95: {gt: 5ms}`"),
    ("a: - x\n", "write `a: \"- x\"`"),
    ("<<<<<<< HEAD\na: 1\n=======\n", "keep one of the two sides"),
    ("a:\n  {% for x in y %}\n", "write variables as ${name}"),
];

#[test]
fn broken_yaml_is_answered_with_the_line_that_mends_it() {
    let mut wrong = Vec::new();
    for (text, help) in CORRECTED {
        let errors = errors_of(text);
        if !errors.iter().any(|(.., found)| found.contains(help)) {
            wrong.push(format!("{text:?}: {errors:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words of the libraries that read YAML, and of how they work.
const INTERNAL: &[&str] = &[
    "while parsing",
    "while scanning",
    "did not find",
    "in this context",
    "at line",
    "scalar",
    "mapping",
    "sequence",
    "token",
    "simple key",
    "EOF",
    "indicator",
    "deserialize",
    "serde",
    "weak",
    "_multiple",
    "budget",
    "replay",
    "recursion",
    "document start",
    "flow",
    "untagged",
];

#[test]
fn no_error_of_yaml_speaks_of_the_parser() {
    let more = [
        "a: *b\n",
        "a:\n  <<: 5\n",
        "%YAML 1.1\na: 1\n",
        "a: 1\n---\nb: 2\n",
        "a: &a [*a]\n",
        "a: \"\\x\"\n",
        "a: [\n",
        "a: 'b\n",
        "a: !!int x\n",
        "? [a]\n: b\n",
        "{{ a }}: b\n",
        "- a\nb: 1\n",
        "a: b\n- c\n",
        "a: !!float x\n",
        "a: \"\\uD800\"\n",
        "\u{1}",
        "a: {b: |\n x\n}\n",
        "%FOO\n",
        "a: !<",
        "a: !<x\n",
        "---\n---\n",
        "a: &\n",
        "a: &x *y\n",
        "[a, b]: c\n",
        "a: {b}: c\n",
        "a: [b: c: d]\n",
        "\ta: 1\n",
        "a: 1\n  b: 2\n",
        "a: b: c: d: e\nf: ]\n",
        "a: {b: {c: {d: 1}\n",
    ];
    let deep = format!("a: {}{}\n", "[".repeat(500), "]".repeat(500));
    let long = format!("{}: 1\n", "k".repeat(2000));
    let all = CORRECTED.iter().map(|(text, _)| *text).chain(more).chain([&*deep, &*long]);
    let mut wrong = Vec::new();
    for text in all {
        for (_, message, help) in errors_of(text) {
            for word in INTERNAL.iter().filter(|word| message.contains(**word) || help.contains(**word)) {
                wrong.push(format!("{text:?}: `{word}` in {message:?} / {help:?}"));
            }
            if help.is_empty() {
                wrong.push(format!("{text:?}: no help for {message:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn several_mistakes_are_told_at_once() {
    let errors = errors_of("a: {b: ${x}}\nc: d: e\nf: {g: ${h}, i: j: k}\nl: 1\n");
    let lines: Vec<&str> = errors.iter().map(|(line, ..)| &**line).collect();
    assert_eq!(lines, ["t.yaml:1", "t.yaml:2", "t.yaml:3"], "{errors:?}");
    assert_eq!(errors[2].2, "write `f: {g: \"${h}\", i: \"j: k\"}`");
}
