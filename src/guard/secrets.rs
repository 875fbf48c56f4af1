//! Secrets by the names of their variables: what a journal keeps of them, and what people are shown of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::model::text::{MASK, TextPart};
use crate::model::{Text, shell};

/// What a journal keeps without its secrets, and what takes them from the environment again: all that a disruption with secrets has to
/// do for both.
pub(super) trait HoldsSecrets {
    /// What it is, for people, with its secrets hidden.
    fn title(&self) -> String;

    /// Every text in it that may hold a secret.
    fn texts_mut(&mut self) -> Vec<&mut Text>;

    /// Variables that it reads by itself.
    fn reads(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
}

/// A text without the secrets in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct KeptText(Vec<KeptPart>);

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum KeptPart {
    Plain(String),
    /// The value of the variable of this name.
    Secret {
        secret: String,
    },
}

impl KeptText {
    /// `variables` are those of this process. The error tells what cannot be kept.
    pub(super) fn of(text: &Text, variables: impl Fn() -> Vec<(String, String)>) -> Result<Self, String> {
        let shown = || shell::word(text.shown());
        let parts = text.parts().ok_or_else(|| format!("it cannot be told which part of {} is secret", shown()))?;
        let mut kept = Vec::new();
        for part in parts {
            match part {
                TextPart::Plain("") => {}
                TextPart::Plain(text) => kept.push(KeptPart::Plain(text.to_owned())),
                // The text itself has it.
                TextPart::Hidden { place, value } if place == value => kept.push(KeptPart::Plain(value.to_owned())),
                TextPart::Hidden { place, value } => {
                    let secret = name(place, value, &variables())
                        .ok_or_else(|| format!("a secret of {} is the value of no variable", shown()))?;
                    kept.push(KeptPart::Secret { secret });
                }
            }
        }
        Ok(Self(kept))
    }

    /// Stands in the place of the text; for people the names of the variables do.
    pub(super) fn into_reference(self) -> Text {
        let shown = |part: &KeptPart| match part {
            KeptPart::Plain(text) => text.clone(),
            KeptPart::Secret { secret } => format!("${secret}"),
        };
        let shown: String = self.0.iter().map(shown).collect();
        if self.variables().next().is_none() {
            return shown.into();
        }
        Text::new(serde_json::to_string(&self).unwrap_or_default(), Some(&shown))
    }

    /// What stands in the place of a text as [`Self::into_reference`] made it; `None` of one that had no secret. The error says what is wrong
    /// with it.
    pub(super) fn of_reference(text: &Text) -> Result<Option<Self>, String> {
        let read = |text: &Text| {
            serde_json::from_slice(text.as_bytes()).map_err(|error| format!("no reference to a secret: {error}"))
        };
        text.holds_secret().then(|| read(text)).transpose()
    }

    /// The text again, with `***` for each secret where it is shown. A variable that is not there is empty: ask [`Self::variables`] first.
    pub(super) fn text(&self, variable: impl Fn(&str) -> Option<String>) -> Text {
        let value = |part: &KeptPart| match part {
            KeptPart::Plain(text) => text.clone(),
            KeptPart::Secret { secret } => variable(secret).unwrap_or_default(),
        };
        let shown = |part: &KeptPart| match part {
            KeptPart::Plain(text) => text.clone(),
            KeptPart::Secret { .. } => MASK.to_owned(),
        };
        let shown = self.variables().next().map(|_| self.0.iter().map(shown).collect::<String>());
        Text::new(self.0.iter().map(value).collect::<String>(), shown.as_deref())
    }

    /// Variables that hold its secrets.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            KeptPart::Secret { secret } => Some(secret.as_str()),
            KeptPart::Plain(_) => None,
        })
    }
}

/// The text behind `prefix` as one word of a shell, with the variable of each secret in its place: `'Bearer '"$TOKEN"`. A secret of no variable
/// is shown as ever.
pub(super) fn word(prefix: &str, text: &Text) -> String {
    let parts = text.parts().unwrap_or_else(|| vec![TextPart::Plain(text.shown())]);
    let all = if text.holds_secret() { variables() } else { Vec::new() };
    let (mut out, mut plain) = (String::new(), prefix.to_owned());
    for part in parts {
        match part {
            TextPart::Plain(text) => plain.push_str(text),
            TextPart::Hidden { place, value } => match name(place, value, &all).filter(|_| place != value) {
                Some(variable) => {
                    if !plain.is_empty() {
                        out.push_str(&shell::word(&std::mem::take(&mut plain)));
                    }
                    let _ = write!(out, "\"${variable}\"");
                }
                None => plain.push_str(place),
            },
        }
    }
    if !plain.is_empty() || out.is_empty() {
        out.push_str(&shell::word(&plain));
    }
    out
}

/// The variable that holds a secret; of a value that a check captured (`${checks.login.token}`) the one that must hold it when it
/// is needed again.
fn name(place: &str, value: &str, variables: &[(String, String)]) -> Option<String> {
    let holds = |(_, held): &&(String, String)| held == value;
    let captured = || {
        let inner = place.strip_prefix("${")?.strip_suffix('}')?;
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        Some(inner.chars().map(letter).collect())
    };
    captured().or_else(|| Some(variables.iter().filter(holds).min()?.0.clone()))
}

/// The variables of this process.
pub(super) fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{KeptText, word};
    use crate::model::Text;

    #[test]
    fn a_word_of_a_shell_names_the_variables() {
        // A variable that every process has, by the first of its names.
        let held = std::env::var("PATH").unwrap();
        let name = std::env::vars().filter(|(_, value)| *value == held).map(|(name, _)| name).min().unwrap();
        let text = |before: &str| Text::new(format!("{before}{held} end"), Some(&format!("{before}*** end")));
        assert_eq!(word("authorization: ", &text("Bearer ")), format!("'authorization: Bearer '\"${name}\"' end'"));
        assert_eq!(word("", &Text::new(held, Some("***"))), format!("\"${name}\""));
        assert_eq!(word("", &Text::new("a value of nobody", Some("***"))), "'***'");
        let captured = Text::new("x=a.b", Some("x=${checks.login.token}"));
        assert_eq!(word("", &captured), "x=\"$CHECKS_LOGIN_TOKEN\"");
        assert_eq!((word("", &"".into()), word("a: ", &"it's".into())), ("''".to_owned(), "'a: it'\\''s'".to_owned()));
    }

    #[test]
    fn a_kept_text_has_names_and_comes_back() {
        let text = Text::new("put s3cret a.b", Some("put *** ${checks.login.token}"));
        let variables = || vec![("TOKEN".to_owned(), "s3cret".to_owned())];
        let kept = KeptText::of(&text, variables).unwrap();
        assert_eq!(kept.variables().collect::<Vec<_>>(), ["TOKEN", "CHECKS_LOGIN_TOKEN"]);
        let again = kept.text(|name| Some(if name == "TOKEN" { "s3cret" } else { "a.b" }.to_owned()));
        assert_eq!((&*again, again.shown()), ("put s3cret a.b", "put *** ***"));
        let plain = KeptText::of(&"plain".into(), variables).unwrap().text(|_| None);
        assert!(!plain.holds_secret() && &*plain == "plain");
        let unnamed = Text::new("put other", Some("put ***"));
        assert!(
            KeptText::of(&unnamed, variables)
                .unwrap_err()
                .contains("a secret of 'put ***' is the value of no variable")
        );
    }
}
