//! Versions: numbers between dots, each a number of its own, behind the name of a product.

use std::cmp::Ordering;

/// A version in its parts.
#[derive(Debug, PartialEq, Eq)]
struct Version<'a> {
    /// Lower case, without what joins it to the number.
    product: String,
    /// Without leading zeros, and without zeros at the end: 1.10 is 1.10.0.
    numbers: Vec<&'a str>,
    /// What follows, in lower case.
    rest: String,
}

fn parse(text: &str) -> Option<Version<'_>> {
    let text = text.trim();
    let begin = text.find(|c: char| c.is_ascii_digit())?;
    let (product, after) = text.split_at(begin);
    let product = product.trim_end_matches(['/', '-', '_', ' ', ':']).to_lowercase();
    // TLSv1.2, v1.2; a name that ends in v has its number behind a mark.
    let product = match product.strip_suffix('v') {
        Some(bare)
            if text.as_bytes().get(begin.wrapping_sub(1)).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'v')) =>
        {
            bare.trim_end_matches(['/', '-', '_', ' ', ':']).to_owned()
        }
        _ => product,
    };
    let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
    let (numbers, rest) = after.split_at(end);
    let mut numbers: Vec<&str> =
        numbers.trim_end_matches('.').split('.').map(|part| part.trim_start_matches('0')).collect();
    while numbers.len() > 1 && numbers.last().is_some_and(|last| last.is_empty()) {
        numbers.pop();
    }
    Some(Version { product, numbers, rest: rest.to_lowercase() })
}

/// Whether two texts name one version.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    parse(one).is_some_and(|one| Some(one) == parse(other))
}

/// A text that all spellings of one version have in common.
pub(super) fn key(text: &str) -> String {
    match parse(text) {
        Some(Version { product, numbers, rest }) => format!("{product}/{}{rest}", numbers.join(".")),
        None => text.to_owned(),
    }
}

/// Which of two versions of one product comes first; `None` for different products, or what is no version.
#[must_use]
pub fn compare(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (parse(one)?, parse(other)?);
    if one.product != other.product {
        return None;
    }
    let size = |part: &&str| part.len();
    let mut numbers = one.numbers.iter().zip(&other.numbers).map(|(a, b)| size(a).cmp(&size(b)).then_with(|| a.cmp(b)));
    let numbers = numbers.find(|order| order.is_ne()).unwrap_or_else(|| one.numbers.len().cmp(&other.numbers.len()));
    numbers.is_ne().then_some(numbers).or_else(|| follow(&one.rest, &other.rest))
}

/// The order of what follows equal numbers: 1.2-rc1 comes before 1.2, 1.2p1 after it; what else follows has no order.
fn follow(one: &str, other: &str) -> Option<Ordering> {
    const BEFORE: [&str; 7] = ["alpha", "beta", "rc", "pre", "dev", "snapshot", "preview"];
    let rank = |rest: &str| {
        let bare = rest.trim_start_matches(['-', '.', '_', '~', ' ']);
        let stage = BEFORE.iter().position(|word| bare.starts_with(word));
        match (rest.is_empty(), stage) {
            (true, _) => Some((BEFORE.len(), 0)),
            (_, Some(stage)) => Some((stage, digits(bare)?)),
            (_, None) if rest.starts_with('p') => Some((BEFORE.len() + 1, digits(bare)?)),
            _ => None,
        }
    };
    if one == other {
        return Some(Ordering::Equal);
    }
    // Build data, and the words of a distribution, are no part of the order.
    let bare = |rest: &str| rest.split(['+', ' ', '(']).next().unwrap_or_default().to_owned();
    let (one, other) = (bare(one), bare(other));
    if one == other { Some(Ordering::Equal) } else { Some(rank(&one)?.cmp(&rank(&other)?)) }
}

/// The number a word ends with; none is 0.
fn digits(text: &str) -> Option<u64> {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    if digits.is_empty() { Some(0) } else { digits.parse().ok() }
}
