//! A failure as rows of text, the cause first: the same for console and `JUnit`.

use std::collections::HashSet;

use super::style::visible;
use super::table;
use crate::model::document_path::is_of;
use crate::model::record::{OriginWord, Outcome};
use crate::model::{CheckRecord, FactInfo, Verdict, shell};

/// Expectations that did not hold shown one by one; more are counted.
const UNMET: usize = 6;
/// Names of expectations that saw nothing; more are counted.
const FOLDED: usize = 3;
/// Lines of evidence; more are counted.
const EVIDENCE: usize = 4;

/// A row: what it is, and its text.
pub type Row = (&'static str, String);

/// Everything about a case that failed or could not be measured; of the lists all with `whole`, else the first few.
#[must_use]
pub fn rows(check: &CheckRecord, whole: bool) -> Vec<Row> {
    let cause = cause(check);
    let mut rows = Vec::new();
    if check.verdict != Verdict::Passed {
        rows.push(("cause", cause.clone()));
        rows.push(("next", next(check)));
        if let Some(netns) = &check.netns {
            let inside = shell::command(&format!("ip netns exec {}", shell::word(netns)));
            rows.push(("netns", format!("{netns}: run commands for this host in it, with {inside}")));
        }
        unmet(&mut rows, check, &cause, whole);
        let worst = table::worst(check, facts_of(check), |key| !whole && names(&cause, key));
        rows.extend(worst.into_iter().map(|row| ("worst", row)));
    }
    for note in capped(&evidence(check, &cause, whole), EVIDENCE, whole) {
        rows.push(("seen", note));
    }
    attempts(&mut rows, check, whole);
    if let Some(base) = check.base.as_ref().filter(|base| base.verdict != Verdict::Passed) {
        let why = base.reason.as_deref().unwrap_or("not measured");
        rows.push(("base", format!("the old target ({}) did not hold: {why}", base.target)));
    }
    rows
}

/// The cause in one sentence.
#[must_use]
pub fn cause(check: &CheckRecord) -> String {
    check.reason.clone().unwrap_or_else(|| "nothing says why".to_owned())
}

/// What a person does next.
#[must_use]
pub fn next(check: &CheckRecord) -> String {
    let known = check.fault.as_ref().map(|fault| &fault.remedy).or(check.next.as_ref()).filter(|next| !next.is_empty());
    // The file it stands in may be a part of a suite alone.
    known.cloned().unwrap_or_else(|| {
        format!(
            "see every fact: add {} to the command",
            shell::command(&format!("--only {} --json -", quoted(&check.id)))
        )
    })
}

/// The command that runs these cases of some suite files again, with the words that changed what they say.
#[must_use]
pub fn again<'c>(
    (files, overrides): (impl IntoIterator<Item = &'c str>, &'c [String]),
    ids: impl IntoIterator<Item = &'c str>,
) -> String {
    let files = files.into_iter().chain(overrides.iter().map(String::as_str));
    let files: Vec<String> = files.map(|word| format!(" {}", quoted(word))).collect();
    let only: Vec<String> = ids.into_iter().map(|id| format!(" --only {}", quoted(id))).collect();
    format!("shakedown run{}{}", files.concat(), only.concat())
}

/// A word of a shell command.
fn quoted(text: &str) -> String {
    shell::word(&visible(text))
}

/// The expectations that did not hold. What nothing was seen of is folded into one row, and what the cause tells is not repeated.
fn unmet(rows: &mut Vec<Row>, check: &CheckRecord, cause: &str, whole: bool) {
    let all = || check.expectations.iter().filter(|outcome| !outcome.held);
    let told = |outcome: &&Outcome| &*outcome.fact == "outcome" && !cause.starts_with(&outcome.sentence());
    let folds = |outcome: &&Outcome| is_absent(outcome) || told(outcome);
    let brief = |outcome: &Outcome| format!("{}: expected {}", outcome.fact, outcome.in_words());
    let shown: Vec<String> = all()
        .filter(|outcome| !folds(outcome))
        .map(|outcome| {
            let sentence = outcome.sentence();
            let repeats = cause.contains(&sentence) || lists_what_is_in(cause, outcome);
            placed(&if repeats { brief(outcome) } else { sentence }, outcome, check)
        })
        .collect();
    let one_by_one = capped(&shown, UNMET, whole);
    rows.extend(one_by_one.into_iter().map(|text| ("unmet", text)));
    let folded: Vec<&Outcome> = all().filter(folds).collect();
    let Some(first) = folded.first() else {
        if all().next().is_none() {
            rows.push(("at", check.at.file_line()));
        }
        return;
    };
    let (ended, absent): (Vec<&Outcome>, Vec<&Outcome>) = folded.iter().partition(|outcome| told(outcome));
    let most = if whole { absent.len() } else { FOLDED };
    let names = absent.iter().take(most).map(|outcome| if whole { brief(outcome) } else { outcome.fact.to_string() });
    let more = if absent.len() > most { format!(" and {} more", absent.len() - most) } else { String::new() };
    let names = names.collect::<Vec<_>>().join(if whole { "; " } else { ", " }) + &more;
    let reached = all().all(|outcome| &*outcome.fact != "outcome");
    let absent = match absent.as_slice() {
        [] => None,
        // The exchange went as it should, and this was not in it.
        [one] if reached => Some(format!("{}, but there was none", brief(one))),
        _ if reached => Some(format!("there was none of these: {names}")),
        _ => Some(format!("not checked: {names}")),
    };
    let parts: Vec<String> = ended.into_iter().map(brief).chain(absent).collect();
    let suite = folded.iter().find(|outcome| outcome.origin == OriginWord::Suite).unwrap_or(first);
    rows.push(("unmet", placed(&parts.join("; "), suite, check)));
}

/// Whether a list was seen of which the cause names every element.
fn lists_what_is_in(cause: &str, outcome: &Outcome) -> bool {
    let list = outcome.got.as_deref().and_then(|got| got.strip_prefix('[')?.strip_suffix(']'));
    list.is_some_and(|list| !list.is_empty() && list.split(", ").all(|element| names(cause, element)))
}

/// Whether a text has this among its words.
fn names(text: &str, word: &str) -> bool {
    let bare = |word: &str| word.trim_matches([',', ';', ':', '(', ')']).to_owned();
    text.split(' ').any(|one| bare(one) == word)
}

/// Whether nothing was seen of what is expected.
fn is_absent(outcome: &Outcome) -> bool {
    outcome.got.as_deref().is_none_or(|got| got.starts_with("nothing: there is no"))
}

/// A text with the place of an expectation.
fn placed(text: &str, outcome: &Outcome, check: &CheckRecord) -> String {
    let at = check.at.file_line();
    match (&outcome.at, outcome.origin) {
        (Some(place), _) => format!("{text} ({place})"),
        (None, OriginWord::Derived) => format!("{text} ({at}, from other fields of the check)"),
        (None, _) => format!("{text} ({at}, a default of {})", check.family),
    }
}

/// Evidence that says more than the cause; that of facts of which nobody expects anything, and a page that the cause quotes, only
/// with `whole`.
fn evidence(check: &CheckRecord, cause: &str, whole: bool) -> Vec<String> {
    let facts = facts_of(check);
    let is_of_interest = |note: &&String| {
        let mut owners = facts.iter().filter(|fact| fact.roles.own_evidence && begins_with(note, fact.name)).peekable();
        let expected = |fact: &FactInfo| check.expectations.iter().any(|outcome| is_of(&outcome.fact, fact.name));
        whole || owners.peek().is_none() || owners.any(expected)
    };
    let bare = |word: &'_ str| word.trim_matches([',', ';', ':', '(', ')']).to_owned();
    let told: HashSet<String> = cause.split(' ').map(bare).collect();
    let says_more = |note: &&String| note.split(' ').any(|word| !told.contains(&bare(word)));
    let quoted = |note: &&String| !whole && cause.split('"').nth(1).is_some_and(|text| quotes(note, text));
    check.notes.iter().filter(says_more).filter(is_of_interest).filter(|note| !quoted(note)).cloned().collect()
}

/// Whether the page that a note holds, marks and all, has these words.
fn quotes(note: &str, words: &str) -> bool {
    let bare = |text: &str| {
        text.split_whitespace().flat_map(|word| word.split(['<', '>'])).map(str::to_owned).collect::<Vec<_>>()
    };
    let (page, words) = (bare(note), bare(words));
    !words.is_empty() && words.iter().all(|word| page.contains(word))
}

fn facts_of(check: &CheckRecord) -> &'static [FactInfo] {
    crate::checks::family(&check.family).map_or(&[], |family| family.facts)
}

/// Whether a note begins with the last name of a fact.
fn begins_with(note: &str, fact: &str) -> bool {
    let name = fact.rsplit('.').next().unwrap_or(fact);
    note.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', ':']))
}

/// Earlier attempts: one row where all ended alike.
fn attempts(rows: &mut Vec<Row>, check: &CheckRecord, whole: bool) {
    if check.attempts < 2 {
        return;
    }
    let alike = check.earlier.windows(2).all(|pair| pair[0] == pair[1]);
    let last = check.reason.as_ref();
    let each = match check.earlier.first() {
        Some(first) if alike && last.is_some_and(|last| last.starts_with(first)) => "; all ended alike".to_owned(),
        Some(first) if alike => format!("; those before: {first}"),
        _ => String::new(),
    };
    rows.push(("tries", format!("{} attempts{each}", check.attempts)));
    if !alike {
        let earlier = check.earlier.iter().enumerate().map(|(at, why)| format!("attempt {}: {why}", at + 1));
        rows.extend(capped(&earlier.collect::<Vec<_>>(), EVIDENCE, whole).into_iter().map(|text| ("tries", text)));
    }
}

/// The first `most` texts, and how many are left out.
fn capped(texts: &[String], most: usize, whole: bool) -> Vec<String> {
    if whole || texts.len() <= most + 1 {
        return texts.to_vec();
    }
    let more = format!("… {} more, shown with -v", texts.len() - most);
    texts.iter().take(most).cloned().chain([more]).collect()
}
