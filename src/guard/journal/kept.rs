//! Commands as a journal keeps them: without secrets, and with the names of what they need to be run again.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::guard::CommandSpec;
use crate::model::text::{MASK, TextPart};
use crate::model::{Text, shell};

/// Variables of every session.
const NO_SECRETS: [&str; 10] =
    ["HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "TMPDIR", "USER"];

/// A command without the secrets in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::guard) struct KeptCommand {
    run: Vec<KeptText>,
    cwd: Option<PathBuf>,
    timeout: Duration,
    /// Variables that a script of it names, and that were set.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    reads: BTreeSet<String>,
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Part {
    Plain(String),
    /// The value of the variable of this name.
    Secret {
        secret: String,
    },
}

/// A text without the secrets in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::guard) struct KeptText(Vec<Part>);

impl KeptText {
    /// `variables` are those of this process. The error tells what cannot be kept.
    pub(in crate::guard) fn of(word: &Text, variables: impl Fn() -> Vec<(String, String)>) -> Result<Self, String> {
        let parts = word
            .parts()
            .ok_or_else(|| format!("it cannot be told which part of {} is secret", shell::word(word.shown())))?;
        let mut kept = Vec::new();
        for part in parts {
            match part {
                TextPart::Plain("") => {}
                TextPart::Plain(text) => kept.push(Part::Plain(text.to_owned())),
                // The text itself has it.
                TextPart::Hidden { place, value } if place == value => kept.push(Part::Plain(value.to_owned())),
                TextPart::Hidden { place, value } => {
                    let secret = name(place, value, &variables()).ok_or_else(|| {
                        format!("a secret of {} is the value of no variable", shell::word(word.shown()))
                    })?;
                    kept.push(Part::Secret { secret });
                }
            }
        }
        Ok(Self(kept))
    }

    /// The text again; empty for a variable that is missing.
    pub(in crate::guard) fn text(&self, variable: impl Fn(&str) -> Option<String>) -> Text {
        let value = |part: &Part| match part {
            Part::Plain(text) => text.clone(),
            Part::Secret { secret } => variable(secret).unwrap_or_default(),
        };
        let secret = self.variables().next().is_some();
        Text::new(self.0.iter().map(value).collect::<String>(), secret.then(|| shown(&self.0)).as_deref())
    }

    /// Variables that it needs.
    pub(in crate::guard) fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Secret { secret } => Some(secret.as_str()),
            Part::Plain(_) => None,
        })
    }
}

impl KeptCommand {
    /// `variables` are those of this process. The error tells what cannot be kept.
    pub(in crate::guard) fn of(
        command: &CommandSpec,
        variables: impl Fn() -> Vec<(String, String)>,
    ) -> Result<Self, String> {
        let mut reads = BTreeSet::new();
        let mut run = Vec::new();
        for word in &command.run {
            run.push(KeptText::of(word, &variables)?);
            reads.extend(named(word).filter(|name| std::env::var_os(name).is_some()));
        }
        Ok(Self { run, cwd: command.cwd.clone(), timeout: command.timeout, reads })
    }

    /// The command again. The error is the variables that are missing.
    pub(in crate::guard) fn command(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<CommandSpec, BTreeSet<String>> {
        let missing: BTreeSet<String> =
            self.variables().filter(|name| variable(name).is_none()).map(str::to_owned).collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let run = self.run.iter().map(|word| word.text(&variable));
        Ok(CommandSpec { run: run.collect(), cwd: self.cwd.clone(), timeout: self.timeout })
    }

    /// Variables that it needs.
    fn variables(&self) -> impl Iterator<Item = &str> {
        let secrets = self.run.iter().flat_map(KeptText::variables);
        secrets.chain(self.reads.iter().map(String::as_str))
    }

    /// Variables whose values must not be shown, as far as that can be told from their names.
    pub(in crate::guard) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.variables().filter(|name| !NO_SECRETS.contains(name))
    }
}

/// A word with [`MASK`] for each secret.
fn shown(parts: &[Part]) -> String {
    let text = |part: &Part| match part {
        Part::Plain(text) => text.clone(),
        Part::Secret { .. } => MASK.to_owned(),
    };
    parts.iter().map(text).collect()
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

/// Names that stand behind a `$` in a script.
fn named(script: &str) -> impl Iterator<Item = String> {
    script.split('$').skip(1).filter_map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = rest.get(..end)?;
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{KeptCommand, named};
    use crate::guard::CommandSpec;
    use crate::model::Text;

    fn command(script: Text) -> CommandSpec {
        let run = vec!["sh".into(), "-c".into(), script];
        CommandSpec { run, cwd: Some("/".into()), timeout: Duration::from_secs(3) }
    }

    #[test]
    fn a_secret_is_kept_by_the_name_of_its_variable() {
        let script = Text::new("put s3cret a.b.c", Some("put *** ${checks.login.token}"));
        let spec = command(script);
        let variables = || vec![("TOKEN".to_owned(), "s3cret".to_owned()), ("OTHER".to_owned(), "x".to_owned())];
        let kept = KeptCommand::of(&spec, variables).unwrap();
        let text = serde_json::to_string(&kept).unwrap();
        assert!(text.contains(r#"["put ",{"secret":"TOKEN"}," ",{"secret":"CHECKS_LOGIN_TOKEN"}]"#), "{text}");
        assert!(!text.contains("s3cret") && !text.contains("a.b.c"), "{text}");
        let kept: KeptCommand = serde_json::from_str(&text).unwrap();
        let missing = kept.command(|name| (name == "TOKEN").then(|| "s3cret".to_owned())).unwrap_err();
        assert_eq!(missing.into_iter().collect::<Vec<_>>(), ["CHECKS_LOGIN_TOKEN"]);
        let again = kept.command(|name| Some(if name == "TOKEN" { "s3cret" } else { "a.b.c" }.to_owned())).unwrap();
        assert_eq!((&*again.run[2], again.run[2].shown()), ("put s3cret a.b.c", "put *** ***"));
        assert_eq!((again.cwd.clone(), again.timeout), (spec.cwd, spec.timeout));
    }

    #[test]
    fn a_script_names_the_variables_it_reads() {
        let found: Vec<String> = named("curl \"$TOKEN\" ${HOST:-x} $1 $$ '$' ${}").collect();
        assert_eq!(found, ["TOKEN", "HOST"]);
        let kept = KeptCommand::of(&command("echo $PATH $no_such_variable_is_set".into()), Vec::new).unwrap();
        assert_eq!(kept.command(|_| None).unwrap_err().into_iter().collect::<Vec<_>>(), ["PATH"]);
    }
}
