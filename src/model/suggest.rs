//! The word somebody probably meant.

/// Longest word, bytes, that is compared with others.
const LONGEST: usize = 256;

/// "did you mean `x`?" for the nearest of `known`, else the list itself.
#[must_use]
pub fn suggest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    // A word this long is no slip of the pen, and its distance would take long to find.
    let likely = known.iter().filter(|k| word.len() <= LONGEST && k.len() <= LONGEST);
    let nearest = likely.map(|k| (distance(word, k), *k)).min();
    match nearest {
        Some((d, name)) if d <= (word.chars().count() / 3).max(1) => format!("did you mean `{name}`?"),
        _ if begun(word, &known).is_some() => format!("did you mean `{}`?", begun(word, &known).unwrap_or_default()),
        _ if known.is_empty() => String::new(),
        _ if known.len() > 24 => format!("known: {} ...", known[..24].join(", ")),
        _ => format!("known: {}", known.join(", ")),
    }
}

/// The word that a suggestion offers, where it is a single one.
#[must_use]
pub fn suggested_word(suggestion: &str) -> Option<&str> {
    suggestion.strip_prefix("did you mean `")?.strip_suffix("`?")
}

/// The one word that begins so.
fn begun<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    const SHORTEST: usize = 4;
    let mut longer = known.iter().filter(|known| word.len() >= SHORTEST && known.starts_with(word));
    longer.next().filter(|_| longer.next().is_none()).copied()
}

/// Damerau-Levenshtein distance (optimal string alignment), so that swapped letters cost one.
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let width = b.len() + 1;
    let mut table = vec![0_usize; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            let at = |x: usize, y: usize| x * width + y;
            table[at(i, j)] = if i == 0 || j == 0 {
                i + j
            } else {
                let cost = usize::from(a[i - 1] != b[j - 1]);
                let mut best =
                    (table[at(i - 1, j)] + 1).min(table[at(i, j - 1)] + 1).min(table[at(i - 1, j - 1)] + cost);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(table[at(i - 2, j - 2)] + 1);
                }
                best
            };
        }
    }
    table[a.len() * width + b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, suggest};

    #[test]
    fn nearest_word_is_suggested() {
        assert_eq!(distance("tiemout", "timeout"), 1);
        assert_eq!(suggest("tiemout", ["host", "timeout"]), "did you mean `timeout`?");
        assert_eq!(suggest("weak_rsa", ["weak_rsa_key", "weak_curve"]), "did you mean `weak_rsa_key`?");
        assert_eq!(suggest("zzz", ["host", "port"]), "known: host, port");
    }
}
