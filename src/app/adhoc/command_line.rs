//! What was typed: a target, `FIELD=VALUE`, headers and expectations, each kept as it was typed.

use crate::app::hints::is_credential;
use crate::cli::ProbeArgs;
use crate::model::{FieldInfo, FieldKind, corrections};
use crate::probe::Family;
use crate::suite::diagnostic::suggest;

/// A value of a field, with the keys below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldValue {
    /// Field, and keys below it: `headers`, `accept`.
    pub(super) path: Vec<String>,
    /// The value.
    pub(super) value: String,
    /// As it was typed, for messages; without what must not be shown.
    pub(super) shown: String,
    /// Whether the value must not be shown.
    pub(super) secret: bool,
}

/// A whole command line.
#[derive(Clone, Debug, Default)]
pub(super) struct CommandLine {
    /// Fields, in order.
    pub(super) fields: Vec<FieldValue>,
    /// Expectations: fact, and what is written behind the colon.
    pub(super) expect: Vec<(String, String)>,
    /// Environment variables with secrets.
    pub(super) secrets: Vec<String>,
    /// The network namespace to run in.
    pub(super) netns: Option<String>,
    /// What was added to what was typed, for people.
    pub(super) notes: Vec<String>,
}

impl CommandLine {
    /// Reads a command line; the error says what to type.
    pub(super) fn read(family: &Family, args: &ProbeArgs) -> Result<Self, String> {
        if let Some(field) = nested(family) {
            let name = family.name;
            return Err(format!(
                "`{name}` wants a suite: it has a probe of its own (`{field}`) and commands; `shakedown explain {name}` has an example"
            ));
        }
        if family.grid.is_some() {
            let name = family.name;
            return Err(format!(
                "`{name}` wants a suite: it is a grid, with a case for each of its cells; `shakedown explain {name}` has an example"
            ));
        }
        let mut out = Self { secrets: args.secrets.clone(), netns: args.netns.clone(), ..Self::default() };
        let mut target: Option<&str> = None;
        for word in &args.words {
            match (key_and_value(word), target) {
                (Some((key, value)), _) => out.field(family, key, value)?,
                (None, None) => {
                    misplaced(family, word)?;
                    target = Some(word);
                }
                (None, Some(first)) => {
                    let help = super::listing::field_of(family, word);
                    return Err(format!(
                        "`{word}` is neither a field nor the target, which is `{first}`: write {help}"
                    ));
                }
            }
        }
        if let Some(target) = target {
            out.target(family, target);
        }
        for header in &args.headers {
            out.header(family, header)?;
        }
        for text in &args.expect {
            out.expectation(text)?;
        }
        out.complete(family)?;
        out.without_password(family)?;
        Ok(out)
    }

    /// The same with one field more.
    pub(super) fn with(&self, field: &str, value: &str) -> Self {
        let mut out = self.clone();
        out.push(vec![field.to_owned()], value, format!("{field}={value}"));
        out
    }

    /// Whether a field was given.
    pub(super) fn gives(&self, field: &str) -> bool {
        self.fields.iter().any(|given| given.path.first().is_some_and(|name| name == field))
    }

    fn push(&mut self, path: Vec<String>, value: &str, shown: String) {
        let secret = path.len() > 1 && path.last().is_some_and(|name| is_credential(name));
        let shown = if secret { format!("{}=***", path.join(".")) } else { shown };
        self.fields.push(FieldValue { path, value: value.to_owned(), shown, secret });
    }

    fn field(&mut self, family: &Family, key: &str, value: &str) -> Result<(), String> {
        let (name, below) = key.split_once('.').map_or((key, None), |(name, below)| (name, Some(below)));
        let Some(info) = family.fields.iter().find(|field| field.name == name) else {
            let help = suggest(name, family.fields.iter().map(|field| field.name));
            return Err(format!(
                "`{}` has no field `{name}`; {help}\n       `shakedown probe {}` lists them; what must hold is written -e 'FACT: VALUE'",
                family.name, family.name
            ));
        };
        let path = match (info.kind, below) {
            (FieldKind::Map(_), Some(below)) => vec![name.to_owned(), below.to_owned()],
            (FieldKind::Group(_) | FieldKind::Switch(_), Some(below)) => {
                std::iter::once(name).chain(below.split('.')).map(str::to_owned).collect()
            }
            (FieldKind::Map(_), None) => {
                return Err(format!("`{name}` has entries: write {name}.NAME=VALUE, such as {name}.accept=text/html"));
            }
            (FieldKind::Group(inner), None) => {
                return Err(format!("`{name}` has keys: write {}", keys_below(name, inner)));
            }
            (FieldKind::Switch(inner), None) if !matches!(value, "true" | "false") => {
                return Err(format!("`{key}={value}`: write {name}=true, or its keys: {}", keys_below(name, inner)));
            }
            (_, Some(_)) => {
                return Err(format!("`{name}` has nothing below it: write {name}=VALUE ({})", info.kind.wants()));
            }
            (_, None) => vec![name.to_owned()],
        };
        self.push(path, value, format!("{key}={value}"));
        Ok(())
    }

    /// A header, for the field of the family that holds them.
    fn header(&mut self, family: &Family, text: &str) -> Result<(), String> {
        let Some(info) = family.fields.iter().find(|field| matches!(field.kind, FieldKind::Map(_))) else {
            return Err(format!(
                "`{}` sends no headers; `shakedown probe {}` lists its fields",
                family.name, family.name
            ));
        };
        let Some((name, value)) = text.split_once(':').filter(|(name, _)| !name.trim().is_empty()) else {
            return Err("a header is written -H 'NAME: VALUE', such as -H 'Accept: text/html'".to_owned());
        };
        let (name, value) = (name.trim(), value.trim());
        self.push(vec![info.name.to_owned(), name.to_owned()], value, format!("-H '{name}: {value}'"));
        Ok(())
    }

    fn expectation(&mut self, text: &str) -> Result<(), String> {
        let wrong = |why: &str| format!("-e '{text}': {why}; write -e 'FACT: VALUE', such as -e 'outcome: refused'");
        if text.contains(['\n', '\r']) {
            return Err(wrong("an expectation is one line"));
        }
        let Some((fact, value)) = text.split_once(':') else {
            return Err(match text.split_once('=') {
                Some((fact, value)) => {
                    format!(
                        "-e '{text}': an expectation is written as in a suite, -e '{}: {}'",
                        fact.trim(),
                        value.trim()
                    )
                }
                None => wrong("there is no colon behind the fact"),
            });
        };
        let (fact, value) = (fact.trim().trim_matches(['"', '\'']), value.trim());
        if fact.is_empty() || value.is_empty() {
            return Err(wrong(if fact.is_empty() { "there is no fact" } else { "nothing is expected" }));
        }
        let operators = |text: &str| text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).map(str::to_owned);
        // Several operators of one fact are one map.
        match self.expect.iter_mut().find(|(known, _)| known == fact) {
            Some((_, first)) => match (operators(first), operators(value)) {
                (Some(one), Some(other)) => *first = format!("{{{one}, {other}}}"),
                _ => {
                    return Err(format!(
                        "-e '{fact}' is given twice: write its operators into one, such as -e '{fact}: {{ge: 200, lt: 300}}'"
                    ));
                }
            },
            None => self.expect.push((fact.to_owned(), value.to_owned())),
        }
        Ok(())
    }

    /// The target to the fields it stands for: host and port, a URL, or the one it names.
    fn target(&mut self, family: &Family, target: &str) {
        let (main, port) = family.target_field;
        let is_url = family.fields.iter().any(|field| field.name == main && matches!(field.kind, FieldKind::Url));
        if is_url && !target.contains("://") {
            let url = corrections::urls(target).swap_remove(0);
            let scheme = url.split("://").next().unwrap_or_default();
            let why =
                if scheme == "http" { "as curl does; write https:// for TLS" } else { "as the port is one of TLS" };
            self.notes.push(format!("asks {url} ({why})"));
            self.push(vec![main.to_owned()], &url, target.to_owned());
            return;
        }
        match port.and_then(|port| Some((port, host_and_port(target)?))) {
            Some((name, (host, number))) => {
                self.push(vec![main.to_owned()], host, target.to_owned());
                if !self.gives(name) {
                    self.push(vec![name.to_owned()], number, target.to_owned());
                }
            }
            None => self.push(vec![main.to_owned()], target, target.to_owned()),
        }
    }

    /// Whether all is there that the family cannot do without.
    fn complete(&self, family: &Family) -> Result<(), String> {
        let (main, port) = family.target_field;
        if self.fields.is_empty() {
            return Err(super::listing::needs_target(family));
        }
        let missing = |field: &&FieldInfo| field.required && !self.gives(field.name);
        let Some(field) = family.fields.iter().find(missing) else { return Ok(()) };
        if field.name == main {
            return Err(super::listing::needs_target(family));
        }
        let target = self.fields.iter().find(|given| given.path.first().is_some_and(|name| name == main));
        let how = match target.filter(|_| port == Some(field.name)) {
            Some(target) => {
                let bare = target.shown.trim_matches(['[', ']']);
                let host = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
                format!("shakedown probe {} {host}:PORT, or {}=PORT", family.name, field.name)
            }
            None => {
                let example = super::listing::in_example(family, field.name).map(str::to_owned);
                let value = example.unwrap_or_else(|| super::listing::example_value(&field.kind));
                format!("{}={value}", field.name)
            }
        };
        let help = field.help.trim_end_matches('.').to_lowercase();
        Err(format!("`{}` is missing ({help}): write {how}", field.name))
    }
}

impl CommandLine {
    /// A password in a URL would be in every message about it.
    fn without_password(&self, family: &Family) -> Result<(), String> {
        let is_url = |given: &&FieldValue| {
            let name = given.path.first().map(String::as_str);
            family.fields.iter().any(|field| Some(field.name) == name && matches!(field.kind, FieldKind::Url))
        };
        let authority =
            |url: &str| url.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next().map(str::to_owned));
        match self
            .fields
            .iter()
            .filter(is_url)
            .find(|given| authority(&given.value).is_some_and(|host| host.contains('@')))
        {
            Some(_) => Err(
                "the URL holds a user or a password, which everything printed would show: leave them out, and send \
                            -H 'Authorization: Basic ${TOKEN}' --secret TOKEN, with TOKEN in the environment"
                    .to_owned(),
            ),
            None => Ok(()),
        }
    }
}

/// `name=value`, where the name is one that a field may have; a URL with a query is none.
pub(in crate::app) fn key_and_value(word: &str) -> Option<(&str, &str)> {
    let (key, value) = word.split_once('=')?;
    let named = key.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (named && key.bytes().all(fits)).then_some((key, value))
}

/// The field of a family that holds a probe.
fn nested(family: &Family) -> Option<&'static str> {
    family.fields.iter().find(|field| matches!(field.kind, FieldKind::Probe(..))).map(|field| field.name)
}

fn keys_below(name: &str, inner: &[FieldInfo]) -> String {
    let shown: Vec<String> = inner
        .iter()
        .take(3)
        .map(|field| format!("{name}.{}={}", field.name, super::listing::example_value(&field.kind)))
        .collect();
    shown.join(", ")
}

/// A target in the form of another family.
fn misplaced(family: &Family, target: &str) -> Result<(), String> {
    let (main, port) = family.target_field;
    let is_url = family.fields.iter().any(|field| field.name == main && matches!(field.kind, FieldKind::Url));
    if let Some((scheme, rest)) = target.split_once("://").filter(|_| !is_url) {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let wanted = match (port, host_and_port(host)) {
            (Some(_), None) => format!("{host}:{}", if scheme == "http" { 80 } else { 443 }),
            (None, Some((alone, _))) => alone.to_owned(),
            _ => host.to_owned(),
        };
        return Err(format!("`{}` takes no URL: write shakedown probe {} {wanted}", family.name, family.name));
    }
    if let Some(server) = target.strip_prefix('@') {
        return Err(format!(
            "the target comes first, and a server is a field: write {}",
            super::listing::server(family, server)
        ));
    }
    match target.rsplit_once(':') {
        Some((host, text)) if port.is_some() && !host.contains(':') && host_and_port(target).is_none() => {
            Err(format!("`{text}` is no port number; write {host}:443"))
        }
        _ => Ok(()),
    }
}

/// Host and port of `host:port` and `[address]:port`.
fn host_and_port(target: &str) -> Option<(&str, &str)> {
    let (host, port) = target.rsplit_once(':')?;
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match host.strip_prefix('[') {
        Some(rest) => Some((rest.strip_suffix(']')?, port)),
        None => (!host.contains(':')).then_some((host, port)),
    }
}
