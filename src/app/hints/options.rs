//! Options as the commands of other tools have them, against a table of them.

/// An option of a table: its word, whether a value follows, and what stands in its place here.
pub(super) type Row = (&'static str, &'static str);

/// An option as it was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MisplacedOption {
    /// As the table has it, without what its value is called.
    pub(super) name: &'static str,
    /// What stands in its place.
    pub(super) instead: &'static str,
    /// Its value.
    pub(super) value: Option<String>,
}

/// The options that `word` stands for: `--cacert F`, `--cacert=F`, `-p 53`, `-p53` and `-sSk`. Their last value may be the next
/// word. Nothing if one of them is not in the table.
pub(super) fn find<'w>(
    tables: &[&'static [Row]],
    word: &str,
    rest: &mut std::iter::Peekable<impl Iterator<Item = &'w String>>,
) -> Option<Vec<MisplacedOption>> {
    let row = |name: &str| {
        let of = |(known, instead): &Row| {
            let (known, takes) = known.split_once(' ').map_or((*known, false), |(known, _)| (known, true));
            (known == name).then_some((known, *instead, takes))
        };
        tables.iter().find_map(|table| table.iter().find_map(of))
    };
    if let Some((name, instead, takes)) = row(word) {
        let value = if takes { Some(rest.next()?.clone()) } else { None };
        return Some(vec![MisplacedOption { name, instead, value }]);
    }
    if let Some((name, value)) = word.split_once('=')
        && let Some((name, instead, true)) = row(name)
    {
        return Some(vec![MisplacedOption { name, instead, value: Some(value.to_owned()) }]);
    }
    if !word.starts_with('-') || word.starts_with("--") {
        return None;
    }
    let mut out = Vec::new();
    let letters = word.get(1..)?;
    for (at, letter) in letters.char_indices() {
        let (name, instead, takes) = row(&format!("-{letter}"))?;
        let behind = letters.get(at + letter.len_utf8()..).unwrap_or_default();
        let value = match (takes, behind) {
            (false, _) => None,
            (true, "") => Some(rest.next()?.clone()),
            (true, behind) => Some(behind.to_owned()),
        };
        out.push(MisplacedOption { name, instead, value });
        if takes {
            break;
        }
    }
    (!out.is_empty()).then_some(out)
}
