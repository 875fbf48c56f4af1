//! Operators: what may be asked of a fact. One table says of each how it is written, parsed, offered by the schema, told in
//! a sentence, and tested.

use regex::Regex;

use super::sort::Sort;
use super::test::Test;
use crate::model::Value;

const BOOL: u8 = 1;
const NUMBER: u8 = 1 << 1;
const TEXT: u8 = 1 << 2;
const CHOICE: u8 = 1 << 3;
const LIST: u8 = 1 << 4;
const TIME: u8 = 1 << 5;
const ANY: u8 = 1 << 6;
const COLUMN: u8 = 1 << 7;
const EVERY: u8 = BOOL | NUMBER | TEXT | CHOICE | LIST | TIME | ANY;
/// Sorts with an order.
const ORDERED: u8 = NUMBER | CHOICE | TIME | ANY;

/// An operator of `expect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table below describes each")]
pub enum Operator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Between,
    In,
    NotIn,
    Matches,
    NotMatches,
    Contains,
    Excludes,
    Exactly,
    Any,
    All,
    None,
    Len,
    Present,
    AllOf,
    AnyOf,
    Not,
}

/// The form of the operand behind an operator: how it is parsed, and what the schema allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperandForm {
    /// The whole value: of a list, all of it.
    Whole,
    /// One value.
    Value,
    /// The two ends of a range.
    Range,
    /// At least one value.
    Values,
    /// At least one element of a list, or part of a text.
    Elements,
    /// All elements of a list, perhaps none.
    AllElements,
    /// A regular expression.
    Pattern,
    /// `true` or `false`.
    Flag,
    /// A condition on an element.
    OfElement,
    /// A condition on the length.
    OfLength,
    /// A condition on the value.
    OfValue,
    /// A list of conditions on the value.
    Alternatives,
}

impl OperandForm {
    /// Noun phrase for what stands behind the operator, for docs.
    #[must_use]
    pub const fn wants(self) -> &'static str {
        match self {
            Self::Whole => "a value; of a list, a list",
            Self::Value => "a value",
            Self::Range => "`[low, high]`",
            Self::Values => "a list of values",
            Self::Elements => "one value or a list of them",
            Self::AllElements => "a list, which may be empty",
            Self::Pattern => "a regular expression",
            Self::Flag => "`true` or `false`",
            Self::OfElement => "a condition on an element",
            Self::OfLength => "a condition on a number",
            Self::OfValue => "a condition",
            Self::Alternatives => "a list of conditions",
        }
    }
}

/// A parsed operand.
pub enum ParsedOperand {
    /// One value.
    Value(Value),
    /// Two values.
    Range(Value, Value),
    /// Values.
    Values(Vec<Value>),
    /// A regular expression.
    Pattern(Regex),
    /// A flag.
    Flag(bool),
    /// A test.
    Test(Test),
    /// Tests.
    Tests(Vec<Test>),
}

struct OperatorInfo {
    operator: Operator,
    word: &'static str,
    /// Its question, for people.
    meaning: &'static str,
    /// Stands before the wanted value in a sentence; the word itself where there is none.
    phrase: Option<&'static str>,
    fits: u8,
    operand: OperandForm,
    test: fn(ParsedOperand) -> Option<Test>,
}

/// Builds the test of a row; a parsed operand of another form cannot come from the row's own [`OperandForm`].
macro_rules! test {
    ($form:ident($($part:ident),+) => $test:expr) => {
        |parsed| match parsed {
            ParsedOperand::$form($($part),+) => Some($test),
            _ => Option::None,
        }
    };
}

fn not(test: Test) -> Test {
    Test::Not(Box::new(test))
}

const fn row(
    operator: Operator,
    word: &'static str,
    meaning: &'static str,
    phrase: Option<&'static str>,
    fits: u8,
    operand: OperandForm,
    test: fn(ParsedOperand) -> Option<Test>,
) -> OperatorInfo {
    OperatorInfo { operator, word, meaning, phrase, fits, operand, test }
}

/// Every operator, in the order of the docs and of [`Operator`].
#[rustfmt::skip]
static TABLE: &[OperatorInfo] = {
    use OperandForm as O;
    use Operator as Op;
    &[
        row(Op::Eq, "eq", "The value is this one. Of a list: these elements in this order. A bare value means the same.", Some(""), EVERY, O::Whole, test!(Value(want) => Test::Eq(want))),
        row(Op::Ne, "ne", "The value is another one.", Some("anything but "), EVERY, O::Whole, test!(Value(want) => not(Test::Eq(want)))),
        row(Op::Lt, "lt", "It is less than this. Of ordered words: it stands before this one. Of times: it is earlier.", Some("less than "), ORDERED, O::Value, test!(Value(want) => Test::Lt(want))),
        row(Op::Le, "le", "It is at most this.", Some("at most "), ORDERED, O::Value, test!(Value(want) => Test::Le(want))),
        row(Op::Gt, "gt", "It is more than this.", Some("more than "), ORDERED, O::Value, test!(Value(want) => Test::Gt(want))),
        row(Op::Ge, "ge", "It is at least this.", Some("at least "), ORDERED, O::Value, test!(Value(want) => Test::Ge(want))),
        row(Op::Between, "between", "It lies between these two, both included.", Some("between "), ORDERED, O::Range, test!(Range(low, high) => Test::Between(low, high))),
        row(Op::In, "in", "It is one of these.", Some("one of "), ORDERED | TEXT, O::Values, test!(Values(wants) => Test::In(wants))),
        row(Op::NotIn, "not_in", "It is none of these.", Some("none of "), ORDERED | TEXT, O::Values, test!(Values(wants) => not(Test::In(wants)))),
        row(Op::Matches, "matches", "This regular expression matches some part of the text; tie it with `^` and `$` to match all of it.", Some("a match of "), TEXT | CHOICE | ANY, O::Pattern, test!(Pattern(regex) => Test::Matches(regex))),
        row(Op::NotMatches, "not_matches", "This regular expression matches no part of the text.", Some("no match of "), TEXT | CHOICE | ANY, O::Pattern, test!(Pattern(regex) => not(Test::Matches(regex)))),
        row(Op::Contains, "contains", "Every one of these is an element of the list, a part of the text, or a key of the object.", Some("to contain "), TEXT | LIST | ANY, O::Elements, test!(Values(wants) => Test::Contains(wants))),
        row(Op::Excludes, "excludes", "None of these is an element of the list, a part of the text, or a key of the object.", Some("not to contain "), TEXT | LIST | ANY, O::Elements, test!(Values(wants) => Test::Excludes(wants))),
        row(Op::Exactly, "exactly", "The list has these elements, each as often as here, and no others, in any order. `[]` is an empty list.", Some("exactly "), LIST | ANY, O::AllElements, test!(Values(wants) => Test::Exactly(wants))),
        row(Op::Any, "any", "At least one element of the list meets this condition.", Some("an element with "), LIST | ANY | COLUMN, O::OfElement, test!(Test(part) => Test::Any(Box::new(part)))),
        row(Op::All, "all", "Every element of the list meets this condition, and there is at least one.", Some("only elements with "), LIST | ANY | COLUMN, O::OfElement, test!(Test(part) => Test::All(Box::new(part)))),
        row(Op::None, "none", "No element of the list meets this condition. An empty list has none that could.", Some("no element with "), LIST | ANY | COLUMN, O::OfElement, test!(Test(part) => Test::None(Box::new(part)))),
        row(Op::Len, "len", "The number of elements of the list, of keys of the object, or of characters of the text meets this condition.", Some("a length of "), TEXT | LIST | ANY | COLUMN, O::OfLength, test!(Test(part) => Test::Len(Box::new(part)))),
        row(Op::Present, "present", "`true`: there is a value, whatever it is. `false`: there is none.", Some("present: "), EVERY | COLUMN, O::Flag, test!(Flag(flag) => Test::Present(flag))),
        row(Op::AllOf, "all_of", "Every one of these conditions holds.", None, EVERY | COLUMN, O::Alternatives, test!(Tests(parts) => Test::AllOf(parts))),
        row(Op::AnyOf, "any_of", "At least one of these conditions holds.", None, EVERY | COLUMN, O::Alternatives, test!(Tests(parts) => Test::AnyOf(parts))),
        row(Op::Not, "not", "This condition does not hold of a value that is there.", None, EVERY | COLUMN, O::OfValue, test!(Test(part) => not(part))),
    ]
};

impl Sort {
    const fn bit(self) -> u8 {
        match self {
            Self::Bool => BOOL,
            Self::Number(_) => NUMBER,
            Self::Text => TEXT,
            Self::Choice(_) => CHOICE,
            Self::List => LIST,
            Self::Time => TIME,
            Self::Any => ANY,
            Self::Column(_) => COLUMN,
        }
    }

    /// Operators that fit, in the order docs list them.
    pub fn operators(self) -> impl Iterator<Item = Operator> {
        TABLE.iter().filter(move |row| row.fits & self.bit() != 0).map(|row| row.operator)
    }
}

impl Operator {
    /// Every operator, in the order of the docs.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.operator)
    }

    /// Its question to a value, in a sentence or two.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.row().meaning
    }

    /// Whether it fits a sort of value.
    #[must_use]
    pub fn fits(self, sort: Sort) -> bool {
        self.row().fits & sort.bit() != 0
    }

    fn row(self) -> &'static OperatorInfo {
        // A test holds the order of the table against that of the enum.
        &TABLE[self as usize]
    }

    /// The operator of a word, whatever it fits.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.word == word).map(|row| row.operator)
    }

    /// The word in suites and reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// The form of what stands behind it.
    #[must_use]
    pub fn operand(self) -> OperandForm {
        self.row().operand
    }

    /// Its test of a parsed operand.
    #[must_use]
    pub fn test(self, parsed: ParsedOperand) -> Option<Test> {
        (self.row().test)(parsed)
    }

    /// Operator and wanted value in a sentence: "at most 20ms".
    #[must_use]
    pub fn sentence(self, want: &str) -> String {
        match self.row().phrase {
            Some(phrase) if self == Self::Between => {
                let ends = want.strip_prefix('[').and_then(|want| want.strip_suffix(']'));
                format!("{phrase}{}", ends.unwrap_or(want).replacen(", ", " and ", 1))
            }
            // What is counted is shown beside it: "expected none, saw [a, b]".
            Some(_) if self == Self::Len && matches!(want, "0" | "{eq: 0}") => "none".to_owned(),
            Some(phrase) if self == Self::Len => format!("{phrase}{}", plain(want).unwrap_or_else(|| want.to_owned())),
            Some(phrase) => format!("{phrase}{want}"),
            None => self.alternatives(want).unwrap_or_else(|| format!("{} {want}", self.row().word)),
        }
    }

    /// `true, or absent` of `[{eq: true}, {present: false}]`, where every part is as simple as that.
    fn alternatives(self, want: &str) -> Option<String> {
        let joint = match self {
            Self::AnyOf => ", or ",
            Self::AllOf => ", and ",
            _ => return None,
        };
        let parts = want.strip_prefix('[')?.strip_suffix(']')?.split("}, {");
        let each: Option<Vec<String>> =
            parts.map(|part| plain(&format!("{{{}}}", part.trim_matches(['{', '}'])))).collect();
        Some(each?.join(joint))
    }
}

/// One condition in words: `at least 1` of `{ge: 1}`; `None` for more than one, or what is nested.
fn plain(want: &str) -> Option<String> {
    let inside = want.strip_prefix('{')?.strip_suffix('}')?;
    if inside.contains(['{', '}', ',']) {
        return None;
    }
    let (word, value) = inside.split_once(": ")?;
    match Operator::of(word)? {
        Operator::Present => Some(if value == "true" { "there" } else { "absent" }.to_owned()),
        operator => Some(operator.sentence(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Operator, Sort, TABLE};
    use crate::model::Unit;

    #[test]
    fn the_table_has_the_order_of_the_enum() {
        for (at, row) in TABLE.iter().enumerate() {
            assert_eq!(row.operator as usize, at, "{}", row.word);
            assert_eq!(Operator::of(row.word), Some(row.operator));
        }
    }

    #[test]
    fn each_sort_has_the_operators_that_make_sense_of_it() {
        let words = |sort: Sort| sort.operators().map(Operator::word).collect::<Vec<_>>().join(" ");
        assert_eq!(words(Sort::Bool), "eq ne present all_of any_of not");
        let ordered = "eq ne lt le gt ge between in not_in present all_of any_of not";
        assert_eq!((words(Sort::Number(Unit::Count)), words(Sort::Time)), (ordered.into(), ordered.into()));
        assert_eq!(
            words(Sort::Text),
            "eq ne in not_in matches not_matches contains excludes len present all_of any_of not"
        );
        assert_eq!(
            words(Sort::Choice(&[])),
            "eq ne lt le gt ge between in not_in matches not_matches present all_of any_of not"
        );
        assert_eq!(words(Sort::List), "eq ne contains excludes exactly any all none len present all_of any_of not");
        assert_eq!(words(Sort::Any).split(' ').count(), TABLE.len());
    }

    #[test]
    fn sentences_are_english() {
        assert_eq!(Operator::Le.sentence("20ms"), "at most 20ms");
        assert_eq!(Operator::Eq.sentence("200"), "200");
        assert_eq!(Operator::Between.sentence("[200, 299]"), "between 200 and 299");
        assert_eq!(Operator::AnyOf.sentence("[a, b]"), "any_of [a, b]");
        assert_eq!(Operator::AnyOf.sentence("[{eq: true}, {present: false}]"), "true, or absent");
        assert_eq!(Operator::Len.sentence("{eq: 0}"), "none");
        assert_eq!(Operator::Len.sentence("{eq: 10}"), "a length of 10");
        assert_eq!(Operator::Len.sentence("{ge: 1}"), "a length of at least 1");
        assert_eq!(Operator::Len.sentence("{ge: 1, le: 3}"), "a length of {ge: 1, le: 3}");
        assert_eq!(Operator::AllOf.sentence("[{any: {eq: 1}}]"), "all_of [{any: {eq: 1}}]");
    }
}
