//! What a name in `${…}` stands for, and what to write in place of an unknown one.

use super::Scope;
use crate::model::suggest::suggested_word;
use crate::model::target;
use crate::suite::captured;
use crate::suite::diagnostic::Diagnostics;
use crate::suite::tree::{Kind, Node};

/// What a name stands for.
pub(in crate::suite) enum Lookup<'a> {
    Node(&'a Node),
    Text(String),
    Secret(&'a str),
    Missing(String),
    /// The stand-in of a value that another check captures.
    Captured(Box<str>),
    /// The word for a part of a target that is not known yet.
    OfTarget(&'a str),
    /// A name that means nothing, with a default or without.
    Wrong {
        message: String,
        help: String,
    },
    /// A variable that is wrong itself.
    Broken,
}

impl<'a> Scope<'a> {
    pub(super) fn find(&self, name: &str, errors: &Diagnostics) -> Lookup<'a> {
        if let Some(variable) = name.strip_prefix("env.") {
            return (self.env)(variable).map_or_else(
                || Lookup::Missing(format!("export {variable}=…, or write a default: ${{env.{variable}:-VALUE}}")),
                Lookup::Text,
            );
        }
        if self.broken.contains(name) {
            return Lookup::Broken;
        }
        if let Some(reference) = name.strip_prefix(captured::PREFIX) {
            return match self.captured {
                Some(captured) => captured.find(reference, errors),
                None if self.of_variable => {
                    let message = format!("`${{{name}}}` cannot stand in a variable");
                    let help =
                        format!("a variable is known before anything is sent: write ${{{name}}} in the check itself");
                    Lookup::Wrong { message, help }
                }
                None => Lookup::Text(format!("${{{name}}}")),
            };
        }
        if let Some(key) = name.strip_prefix("matrix.") {
            let missing = || {
                let help = errors.suggest(key, self.matrix.keys().map(String::as_str));
                let define = format!("define it in the check: `matrix: {{{key}: [VALUE, …]}}`");
                Lookup::Missing(match suggested_word(&help) {
                    _ if self.of_variable => {
                        format!("a variable is the same for all cases: write ${{matrix.{key}}} in the check itself")
                    }
                    _ if self.matrix.is_empty() => define,
                    Some(near) => format!("write `${{matrix.{near}}}`"),
                    None => format!("{define}, or write one of ${{matrix.…}}: {help}"),
                })
            };
            return match self.matrix.get(key) {
                Some(Node { kind: Kind::Scalar(word, _), .. }) if target::part_in(word).is_some() => {
                    Lookup::OfTarget(word)
                }
                Some(value) => Lookup::Node(value),
                None if self.matrix.contains_key(&format!("{key}.{}", target::HOST)) => Lookup::Wrong {
                    message: format!("`${{matrix.{key}}}` is a target, which has several parts"),
                    help: format!(
                        "write `${{matrix.{key}.{}}}`",
                        target::PARTS.join(&format!("}}`, `${{matrix.{key}."))
                    ),
                },
                None => missing(),
            };
        }
        if let Some(node) = self.vars.get(name) {
            return Lookup::Node(node);
        }
        if let Some(secret) = self.secrets.get(name) {
            return Lookup::Secret(secret);
        }
        Lookup::Missing(self.name_help(name, errors))
    }

    /// What to write in place of an unknown name.
    fn name_help(&self, name: &str, errors: &Diagnostics) -> String {
        let known = || {
            self.vars
                .keys()
                .chain(self.secrets.keys())
                .map(String::as_str)
                .chain(self.broken.iter().map(String::as_str))
        };
        let is_known = |name: &str| known().any(|known| known == name);
        // `${{ name }}`, `${vars.name}`, `${env:NAME}`, `${name-default}` are of other languages.
        let bare = name.trim_matches(['{', '}', ' ', '.']);
        let last = ["vars.", "var.", "variables.", "secrets.", "secret.", "local."]
            .iter()
            .find_map(|prefix| bare.strip_prefix(prefix));
        let bare = last.unwrap_or(bare);
        if let Some(reference) = self.captured.and_then(|captured| captured.meant(bare)) {
            return format!("write `${{{reference}}}`");
        }
        let of_environment =
            ["env:", "ENV:", "ENV.", "env.", "environment."].iter().find_map(|prefix| bare.strip_prefix(prefix));
        if let Some(variable) = of_environment {
            return format!("write `${{env.{variable}}}`");
        }
        if let Some((before, default)) = bare.split_once([':', '=', '?', '|'])
            && is_known(before.trim())
        {
            let default = default.trim_start_matches(['-', '=', '?', ' ']);
            return format!("a default is written `${{{}:-{default}}}`", before.trim());
        }
        if bare != name && is_known(bare) {
            return format!("write `${{{bare}}}`");
        }
        if self.matrix.contains_key(bare)
            || bare.strip_prefix("matrix.").is_some_and(|key| self.matrix.contains_key(key))
        {
            return format!("write `${{matrix.{}}}`", bare.trim_start_matches("matrix."));
        }
        let help = errors.suggest(bare, known());
        if let Some(near) = suggested_word(&help) {
            return format!("write `${{{near}}}`");
        }
        if let Some((before, default)) = bare.split_once('-')
            && is_known(before)
        {
            return format!("a default is written `${{{before}:-{default}}}`");
        }
        if (self.env)(bare).is_some() {
            return format!("it is a variable of the environment: write `${{env.{bare}}}`");
        }
        let known = if help.is_empty() { help } else { format!(" ({help})") };
        format!("define it, `vars: {{{bare}: VALUE}}`, or give it, --var {bare}=VALUE{known}")
    }
}
