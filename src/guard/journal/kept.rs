//! What a journal keeps of an undo or a command: no secrets, and the names of what is needed to do it again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::guard::CommandSpec;
use crate::guard::secrets::{HoldsSecrets, KeptText};
use crate::model::Text;

/// Variables of every session.
const NO_SECRETS: [&str; 10] =
    ["HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "TMPDIR", "USER"];

/// Something without the secrets in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::guard) struct KeptWithoutSecrets<T> {
    /// In the place of each text that holds a secret stands a reference.
    what: T,
    /// Variables that it reads by itself, and that were set.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    reads: BTreeSet<String>,
}

/// Variables that are not set, and what needs them.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::guard) struct Unset {
    pub(in crate::guard) names: BTreeSet<String>,
    pub(in crate::guard) title: String,
}

impl<T: HoldsSecrets + Clone> KeptWithoutSecrets<T> {
    /// `variables` are those of this process. The error tells what cannot be kept.
    pub(in crate::guard) fn of(what: &T, variables: impl Fn() -> Vec<(String, String)>) -> Result<Self, String> {
        let (mut what, reads) = (what.clone(), what.reads());
        for text in what.texts_mut() {
            *text = KeptText::of(text, &variables)?.into_reference();
        }
        Ok(Self { what, reads })
    }

    /// For what needs no secret: it has references in their places.
    pub(in crate::guard) fn without_secrets(&self) -> &T {
        &self.what
    }

    /// The same again, with its secrets.
    pub(in crate::guard) fn again(&self, variable: impl Fn(&str) -> Option<String>) -> Result<T, Unset> {
        let is_unset = |name: &String| variable(name).is_none();
        let needed = self.reads.iter().cloned().chain(self.referenced());
        let names: BTreeSet<String> = needed.filter(is_unset).collect();
        if !names.is_empty() {
            return Err(Unset { names, title: self.what.title() });
        }
        let mut what = self.what.clone();
        for text in what.texts_mut() {
            if let Ok(Some(kept)) = KeptText::of_reference(text) {
                *text = kept.text(&variable);
            }
        }
        Ok(what)
    }

    /// The error says what is wrong with a reference.
    pub(super) fn check(&self) -> Result<(), String> {
        self.what.clone().texts_mut().into_iter().try_for_each(|text| KeptText::of_reference(text).map(drop))
    }

    /// Variables whose values must not be shown, as far as that can be told from the names of those that it reads.
    pub(super) fn secrets(&self) -> BTreeSet<String> {
        let reads = self.reads.iter().filter(|name| !NO_SECRETS.contains(&name.as_str())).cloned();
        reads.chain(self.referenced()).collect()
    }

    fn referenced(&self) -> BTreeSet<String> {
        let mut what = self.what.clone();
        let kept = what.texts_mut().into_iter().filter_map(|text| KeptText::of_reference(text).ok().flatten());
        kept.flat_map(|kept| kept.variables().map(str::to_owned).collect::<Vec<_>>()).collect()
    }
}

impl HoldsSecrets for CommandSpec {
    fn title(&self) -> String {
        format!("the command `{}`", self.shell_text())
    }

    fn texts_mut(&mut self) -> Vec<&mut Text> {
        self.run.iter_mut().collect()
    }

    /// A script names them.
    fn reads(&self) -> BTreeSet<String> {
        let names = self.run.iter().flat_map(|word| named(word));
        names.filter(|name| std::env::var_os(name).is_some()).collect()
    }
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
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::{KeptWithoutSecrets, named};
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
        let kept = KeptWithoutSecrets::of(&spec, variables).unwrap();
        let text = serde_json::to_string(&kept).unwrap();
        assert!(
            text.contains(r#"[\"put \",{\"secret\":\"TOKEN\"},\" \",{\"secret\":\"CHECKS_LOGIN_TOKEN\"}]"#),
            "{text}"
        );
        assert!(!text.contains("s3cret") && !text.contains("a.b.c"), "{text}");
        let kept: KeptWithoutSecrets<CommandSpec> = serde_json::from_str(&text).unwrap();
        let missing = kept.again(|name| (name == "TOKEN").then(|| "s3cret".to_owned())).unwrap_err();
        assert_eq!(missing.names.into_iter().collect::<Vec<_>>(), ["CHECKS_LOGIN_TOKEN"]);
        let again = kept.again(|name| Some(if name == "TOKEN" { "s3cret" } else { "a.b.c" }.to_owned())).unwrap();
        assert_eq!((&*again.run[2], again.run[2].shown()), ("put s3cret a.b.c", "put *** ***"));
        assert_eq!((again.cwd.clone(), again.timeout), (spec.cwd, spec.timeout));
    }

    /// What is no reference is not taken for a value: it would be sent.
    #[test]
    fn what_stands_in_the_place_of_a_secret_is_a_reference_or_told() {
        let kept =
            KeptWithoutSecrets { what: command(Text::new("put s3cret", Some("put ***"))), reads: BTreeSet::new() };
        assert!(kept.check().unwrap_err().contains("no reference to a secret"));
        let kept = KeptWithoutSecrets::of(&kept.what, || vec![("TOKEN".to_owned(), "s3cret".to_owned())]).unwrap();
        assert_eq!((kept.check(), kept.secrets()), (Ok(()), BTreeSet::from(["TOKEN".to_owned()])));
        let unset = kept.again(|_| None).unwrap_err();
        assert_eq!(unset.title, "the command `sh -c 'put $TOKEN'`");
    }

    #[test]
    fn a_script_names_the_variables_it_reads() {
        let found: Vec<String> = named("curl \"$TOKEN\" ${HOST:-x} $1 $$ '$' ${}").collect();
        assert_eq!(found, ["TOKEN", "HOST"]);
        let kept = KeptWithoutSecrets::of(&command("echo $PATH $no_such_variable_is_set".into()), Vec::new).unwrap();
        assert_eq!(kept.again(|_| None).unwrap_err().names.into_iter().collect::<Vec<_>>(), ["PATH"]);
    }
}
