use super::{Diagnostics, Kind, Node, Sources, parse};

fn tree(text: &str) -> (Option<Node>, Diagnostics, Sources) {
    let mut sources = Sources::default();
    let source = sources.add("t.yaml", text.into());
    let mut errors = Diagnostics::default();
    let node = parse(source, &sources, &mut errors);
    (node, errors, sources)
}

#[test]
fn scalars_stay_what_they_look_like() {
    let (node, errors, sources) = tree("a: 22:22\nb: no\nc: 1.10\nd: \"5\"\ne: 0x10\nf: [1.50, true, ~]\ng: 'x y'\n");
    let node = node.unwrap();
    assert!(errors.is_empty());
    for (key, want) in [("a", "22:22"), ("b", "no"), ("c", "1.10"), ("d", "5"), ("e", "0x10"), ("g", "x y")] {
        assert_eq!(node.get(key).unwrap().text(), Some(want), "{key}");
    }
    assert_eq!(node.get("c").unwrap().kind, Kind::Scalar("1.10".into(), true));
    assert_eq!(node.get("d").unwrap().kind, Kind::Scalar("5".into(), false));
    let Kind::List(items) = &node.get("f").unwrap().kind else { panic!() };
    assert_eq!(items[0].text(), Some("1.50"));
    assert_eq!(items[1].text(), Some("true"));
    assert_eq!(items[2].kind, Kind::Null);
    assert_eq!(sources.place_of(items[1].span).to_string(), "t.yaml:6:11");
}

#[test]
fn a_tag_of_the_core_schema_gives_the_type() {
    let (node, errors, _) = tree("a: !!str 200\nb: !!int \"80\"\nc: ! 5\nd: [!!str true]\n");
    let node = node.unwrap();
    assert!(errors.is_empty());
    assert_eq!(node.get("a").unwrap().kind, Kind::Scalar("200".into(), false), "text, though it looks like a number");
    assert_eq!(node.get("b").unwrap().kind, Kind::Scalar("80".into(), true), "a number, though in quotes");
    assert_eq!(node.get("c").unwrap().kind, Kind::Scalar("5".into(), false));
    let Kind::List(items) = &node.get("d").unwrap().kind else { panic!() };
    assert_eq!(items[0].kind, Kind::Scalar("true".into(), false));
}

#[test]
fn a_second_document_is_told_in_words() {
    let (node, errors, sources) = tree("a: 1\n---\nb: 2\n");
    assert!(node.is_none());
    let shown = errors.render(&sources, false);
    assert!(shown.contains("a suite is one YAML document"), "{shown}");
}

#[test]
fn spans_count_bytes_after_umlauts_and_in_flow_maps() {
    let (node, _, sources) = tree("ä: {p: 443, q: x}\n");
    let node = node.unwrap();
    let q = node.get("ä").unwrap().get("q").unwrap();
    assert_eq!(sources.place_of(q.span).to_string(), "t.yaml:1:16");
    assert_eq!(&sources.get(0).unwrap().text[q.span.start as usize..q.span.end as usize], "x");
}

#[test]
fn a_repeated_key_is_named_with_both_lines() {
    let (_, errors, sources) = tree("a: 1\nb: 2\na: 3\n");
    let shown = errors.render(&sources, false);
    assert!(shown.contains("key `a` is written twice"), "{shown}");
    assert!(shown.contains("t.yaml:3:1"), "{shown}");
    assert!(shown.contains("first on line 1"), "{shown}");
}

#[test]
fn an_alias_is_what_its_anchor_is() {
    let (node, errors, _) = tree("a: &p 443\nb: *p\nc: &m {x: 1.10}\nd: *m\n");
    let node = node.unwrap();
    assert!(errors.is_empty());
    assert_eq!(node.get("b").unwrap().text(), Some("443"));
    assert_eq!(node.get("d").unwrap().get("x").unwrap().text(), Some("1.10"));
}

#[test]
fn no_error_speaks_of_the_library() {
    for (text, says) in [
        ("a: &a [*a]\n".to_owned(), "within its own anchor"),
        ("a: 1\n---\nb: 2\n".to_owned(), "one YAML document"),
        (format!("a: {}{}\n", "[".repeat(500), "]".repeat(500)), "the nesting of this file"),
    ] {
        let (node, errors, sources) = tree(&text);
        let shown = errors.render(&sources, false);
        assert!(node.is_none() && shown.contains(says), "{shown}");
        assert!(!shown.contains("_multiple") && !shown.contains("weak") && !shown.contains("recursion"), "{shown}");
    }
}

#[test]
fn broken_yaml_points_at_the_place() {
    let (node, errors, sources) = tree("a: [1, 2\nb: 3\n");
    assert!(node.is_none());
    assert!(errors.render(&sources, false).contains("t.yaml:"), "{}", errors.render(&sources, false));
}
