use super::{comparison, name, test};
use crate::model::Unit;
use crate::model::expectation::Sort;
use crate::suite::Span;
use crate::suite::tree::{Kind, Node};

const COUNT: Sort = Sort::Number(Unit::Count);
const TIME: Sort = Sort::Number(Unit::Seconds);

#[test]
fn comparisons_written_as_text_become_operators() {
    for (text, sort, want) in [
        (">= 200", COUNT, Some("{ge: 200}")),
        (">=200", COUNT, Some("{ge: 200}")),
        ("< 100", TIME, Some("{lt: 100ms}")),
        ("<5ms", TIME, Some("{lt: 5ms}")),
        ("> 5ms and < 9ms", TIME, Some("{gt: 5ms, lt: 9ms}")),
        ("!= 500", COUNT, Some("{ne: 500}")),
        ("== 200", COUNT, Some("{eq: 200}")),
        ("200-299", COUNT, Some("{between: [200, 299]}")),
        ("200..299", COUNT, Some("{between: [200, 299]}")),
        ("10-20ms", TIME, Some("{between: [10ms, 20ms]}")),
        ("2xx", COUNT, Some("{between: [200, 299]}")),
        ("200|201", COUNT, Some("{in: [200, 201]}")),
        ("200, 201", COUNT, Some("{in: [200, 201]}")),
        ("200 or 204", COUNT, Some("{in: [200, 204]}")),
        ("not 500", COUNT, Some("{ne: 500}")),
        ("/ok+/", Sort::Text, Some("{matches: 'ok+'}")),
        ("~ ^ok", Sort::Text, Some("{matches: '^ok'}")),
        ("OK", COUNT, None),
        ("fine", Sort::Text, None),
        ("<html>", Sort::Any, None),
        ("> 5", Sort::Any, Some("{gt: 5}")),
        ("= a", Sort::Text, None),
        ("/a/b", Sort::Text, None),
    ] {
        assert_eq!(comparison(text, sort).as_deref(), want, "{text}");
    }
}

#[test]
fn operators_of_other_tools_become_ours() {
    let scalar = |text: &str| Node::new(Span::default(), Kind::Scalar(text.into(), true));
    for (word, operand, sort, want) in [
        ("equals", "200", COUNT, Some("{eq: 200}")),
        ("less-than", "100", TIME, Some("{lt: 100ms}")),
        ("lessThan", "5ms", TIME, Some("{lt: 5ms}")),
        ("<=", "5 sec", TIME, Some("{le: 5s}")),
        ("range", "200-299", COUNT, Some("{between: [200, 299]}")),
        ("one_of", "200", COUNT, Some("{in: [200]}")),
        ("regex", "^a", Sort::Text, Some("{matches: ^a}")),
        ("starts_with", "a.b", Sort::Text, Some("{matches: '^a\\.b'}")),
        ("regex", "^2..$", COUNT, Some("{between: [200, 299]}")),
        ("exists", "yes", Sort::Text, Some("{present: true}")),
        ("empty", "true", Sort::List, Some("{len: 0}")),
        ("have-len", "3", Sort::List, Some("{len: 3}")),
        ("count", "3", Sort::List, Some("{len: 3}")),
        ("contain-element", "a", Sort::List, Some("{contains: a}")),
        ("is", "a", Sort::List, Some("{contains: a}")),
        ("contains", "2", COUNT, None),
        ("wobbles", "2", COUNT, None),
    ] {
        assert_eq!(test(word, &scalar(operand), sort).as_deref(), want, "{word}");
    }
    assert_eq!(name("My check (1)"), "my-check-1");
    assert_eq!(name("—"), "NAME");
}
