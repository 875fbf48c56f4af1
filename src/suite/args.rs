//! Fields of a family: a spanned map to typed arguments, defaults filled in.

mod document;
mod help;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::captured;
use super::defaults::Defaults;
use super::diagnostic::{Diagnostics, Span, suggest};
use super::file::NamedFile;
use super::tree::{Key, Kind, Node};
use crate::model::args::Expected;
use crate::model::parse::parse;
use crate::model::{Arg, Args, FieldInfo, FieldKind, FieldRole, Text};
use crate::probe::Family;

/// What is wrong with a value that is not shown.
pub(super) const HIDDEN: &str = "the value with the secret in it does not fit";

/// Files whose places are kept; a matrix may name one in each of its cells.
const MOST_FILES: usize = 10_000;

/// Context for typing arguments.
pub struct ArgContext<'a> {
    /// Where errors go.
    pub errors: &'a mut Diagnostics,
    /// The registry, for nested probes.
    pub families: &'static [Family],
    /// Their default expectations.
    pub defaults: &'a Defaults,
    /// Folder of the suite file, for paths.
    pub folder: &'a Path,
    /// Where files named by fields are noted.
    pub files: &'a mut BTreeSet<PathBuf>,
    /// The same with the places.
    pub named: &'a mut Vec<NamedFile>,
    /// `timeout` of `defaults`.
    pub timeout: Option<&'a Node>,
    /// The family whose fields are being typed.
    pub family: Option<&'static str>,
    /// The field being typed says where packets go or come from.
    pub fixed: bool,
}

/// Fields that say where packets go or come from.
const FIXED: [FieldRole; 4] = [FieldRole::Host, FieldRole::Location, FieldRole::Source, FieldRole::Interface];

/// Typed arguments, and where each was written.
#[derive(Default)]
pub struct TypedArgs {
    /// The arguments.
    pub args: Args,
    /// Place of each written field.
    pub spans: BTreeMap<&'static str, Span>,
    /// Fields of which something is wrong already.
    pub wrong: BTreeSet<&'static str>,
}

/// Whether it can be the key of a map.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=32).contains(&text.len()) && text.chars().all(fits)
}

/// Whether some advice is to write the field `name`.
fn is_offered(told: &[String], name: &str) -> bool {
    told.iter().any(|help| help.contains(&format!("`{name}`?")) || help.contains(&format!("`{name}: ")))
}

impl ArgContext<'_> {
    /// Types the map `node` by `fields`. `owner` is the key it stands below, for messages.
    pub fn fields(&mut self, owner: &str, node: &Node, fields: &'static [FieldInfo]) -> TypedArgs {
        // `defaults.timeout` is the patience of the family itself: a command's or a stream's `timeout` is another thing.
        let timeout = self.timeout.take();
        self.family = self.families.iter().find(|family| family.name == owner).map(|family| family.name);
        let mut typed = self.fields_but(owner, node, fields, &[]);
        if let (Some(timeout), Some(field)) = (timeout, fields.iter().find(|field| field.has(FieldRole::Patience)))
            && !typed.spans.contains_key(field.name)
            && let Some(arg) = self.typed(field.name, timeout, &field.kind, true)
        {
            typed.args.0.insert(field.name, arg);
        }
        (self.timeout, self.family) = (timeout, None);
        typed
    }

    fn fields_but(&mut self, owner: &str, node: &Node, fields: &'static [FieldInfo], besides: &[&str]) -> TypedArgs {
        let mut typed = TypedArgs::default();
        if !matches!(node.kind, Kind::Map(_)) {
            if !self.errors.has(node.span) {
                let help = self.as_map(owner, node, fields);
                self.errors.add(node.span, format!("`{owner}` is {}, not a map", node.sort()), help);
            }
            return typed;
        }
        let mut told = Vec::new();
        for (key, value) in node.entries() {
            if besides.contains(&key.name.as_str()) {
                continue;
            }
            let Some(field) = fields.iter().find(|field| field.name == key.name) else {
                let known = fields.iter().map(|f| f.name).chain(besides.iter().copied());
                let help = self.key_help(owner, key, value, fields).unwrap_or_else(|| suggest(&key.name, known));
                self.errors.add(key.span, format!("unknown key `{}` in `{owner}`", key.name), help.clone());
                told.push(help);
                continue;
            };
            typed.spans.insert(field.name, value.span);
            self.fixed = FIXED.iter().any(|role| field.has(*role));
            if let Some(arg) = self.value(field.name, value, &field.kind) {
                typed.args.0.insert(field.name, arg);
            }
            if self.has_errors(value) {
                typed.wrong.insert(field.name);
            }
        }
        // What another key was meant to be is not told to be missing as well.
        typed.wrong.extend(fields.iter().map(|field| field.name).filter(|name| is_offered(&told, name)));
        self.fill(owner, node, fields, &mut typed);
        typed
    }

    fn fill(&mut self, owner: &str, node: &Node, fields: &'static [FieldInfo], typed: &mut TypedArgs) {
        for field in fields.iter().filter(|field| node.get(field.name).is_none()) {
            let default = field.default.map(|text| Node::new(node.span, Kind::Scalar(text.to_owned(), true)));
            if let Some(default) = default {
                if let Some(arg) = self.value(field.name, &default, &field.kind) {
                    typed.args.0.insert(field.name, arg);
                }
            } else if field.required && !typed.wrong.contains(field.name) {
                let help = format!("{}: {}", field.name, field.kind.wants());
                self.errors.add(node.span, format!("`{owner}` needs `{}`", field.name), help);
            }
        }
    }

    /// Whether something is wrong with a value, or within it.
    fn has_errors(&self, node: &Node) -> bool {
        let below = match &node.kind {
            Kind::List(items) => items.iter().any(|item| self.has_errors(item)),
            Kind::Map(entries) => entries.iter().any(|(key, item)| self.errors.has(key.span) || self.has_errors(item)),
            Kind::Null | Kind::Scalar(..) => false,
        };
        below || self.errors.has(node.span)
    }

    /// Types one value; `None` when it does not fit, with the error recorded.
    pub fn value(&mut self, name: &str, node: &Node, kind: &FieldKind) -> Option<Arg> {
        self.typed(name, node, kind, true)
    }

    /// As [`Self::value`]; an element of a list has no key of its own that could be written before it.
    fn typed(&mut self, name: &str, node: &Node, kind: &FieldKind, keyed: bool) -> Option<Arg> {
        match kind {
            FieldKind::List(item) => return self.list(name, node, item),
            FieldKind::Map(item) => return self.map(name, node, item),
            FieldKind::Document if matches!(node.kind, Kind::Map(_) | Kind::List(_)) => {
                return Some(Arg::Document(document::text(node)));
            }
            FieldKind::Group(fields) => return Some(Arg::Group(self.fields_but(name, node, fields, &[]).args)),
            FieldKind::GroupOr(main, fields) => return self.group_or(name, node, (main, fields)),
            FieldKind::Switch(fields) if matches!(node.kind, Kind::Map(_)) => {
                return Some(Arg::Group(self.fields_but(name, node, fields, &[]).args));
            }
            FieldKind::Probe(families, fields) => return self.probe(name, node, &families(), fields),
            _ => {}
        }
        let Some(text) = node.text() else {
            if !self.errors.has(node.span) {
                let help = self.several(name, node, kind, keyed).unwrap_or_else(|| format!("write {}", kind.wants()));
                self.errors.add(node.span, format!("`{name}` is {}", node.sort()), help);
            }
            return None;
        };
        if let Some((message, help)) = captured::refusal(name, node, kind, self.fixed) {
            self.errors.add(node.span, message, help);
            return None;
        }
        match parse(text, kind, self.folder) {
            Ok(arg) => {
                self.note_file(name, node, text, kind, &arg);
                Some(match arg {
                    Arg::Text(value) => Arg::Text(Text::new(value.into_value(), node.shown.as_deref())),
                    Arg::Document(value) => Arg::Document(Text::new(value.into_value(), node.shown.as_deref())),
                    other => other,
                })
            }
            Err(_) if text.contains("${") && self.errors.has(node.span) => None,
            Err(why) => {
                let why = match &node.shown {
                    None => why,
                    // Told of what is shown, unless that is no worse than it should be.
                    Some(shown) => parse(shown, kind, self.folder).err().unwrap_or_else(|| HIDDEN.to_owned()),
                };
                let help =
                    self.entry_help(name, node, kind, keyed).unwrap_or_else(|| format!("write {}", kind.wants()));
                self.errors.add(node.span, format!("`{name}`: {why}"), help);
                None
            }
        }
    }

    /// A group, or the value of its field `main` alone.
    fn group_or(
        &mut self,
        name: &str,
        node: &Node,
        (main, fields): (&'static str, &'static [FieldInfo]),
    ) -> Option<Arg> {
        let alone = matches!(node.kind, Kind::Scalar(..)).then(|| fields.iter().find(|field| field.name == main));
        let Some(field) = alone.flatten() else {
            return Some(Arg::Group(self.fields_but(name, node, fields, &[]).args));
        };
        let arg = self.typed(name, node, &field.kind, false)?;
        let mut typed = TypedArgs::default();
        typed.args.0.insert(field.name, arg);
        let written =
            Node::new(node.span, Kind::Map(vec![(Key { name: main.to_owned(), span: node.span }, node.clone())]));
        self.fill(name, &written, fields, &mut typed);
        Some(Arg::Group(typed.args))
    }

    /// Notes a file that a value names.
    fn note_file(&mut self, name: &str, node: &Node, text: &str, kind: &FieldKind, arg: &Arg) {
        let path = match (kind, arg) {
            (FieldKind::FileOr(words), _) if words.contains(&text) => return,
            (FieldKind::Inline, _) if text.trim().contains(char::is_whitespace) => return,
            (FieldKind::Path | FieldKind::FileOr(_) | FieldKind::Inline, Arg::Text(path)) => PathBuf::from(&**path),
            // A script that is run: a report must not take its place.
            (FieldKind::Argument, _) if Path::new(text).is_file() => {
                self.files.insert(PathBuf::from(text));
                return;
            }
            _ => return,
        };
        self.files.insert(path.clone());
        if node.shown.is_none() && self.named.len() < MOST_FILES {
            self.named.push(NamedFile {
                field: name.to_owned(),
                path,
                span: node.span,
                case: <(std::sync::Arc<str>, String)>::default(),
            });
        }
    }

    /// The program of a command: a path to one that is not there would be told only when it is run.
    fn note_program(&mut self, name: &str, items: &[Node]) {
        let Some(first) = items.first().filter(|first| first.shown.is_none()) else { return };
        let path = first.text().filter(|text| text.contains('/') && !text.contains("${"));
        if let Some(path) = path {
            let path = PathBuf::from(path);
            self.named.push(NamedFile {
                field: name.to_owned(),
                path,
                span: first.span,
                case: <(std::sync::Arc<str>, String)>::default(),
            });
        }
    }

    fn list(&mut self, name: &str, node: &Node, item: &FieldKind) -> Option<Arg> {
        match &node.kind {
            Kind::List(items) => {
                if matches!(item, FieldKind::Argument) {
                    self.note_program(name, items);
                }
                Some(Arg::List(items.iter().filter_map(|n| self.typed(name, n, item, false)).collect()))
            }
            Kind::Scalar(..) => self.typed(name, node, item, false).map(|arg| Arg::List(vec![arg])),
            Kind::Map(_) if matches!(item, FieldKind::Group(_) | FieldKind::GroupOr(..)) => {
                self.typed(name, node, item, false).map(|arg| Arg::List(vec![arg]))
            }
            _ => {
                let wants = FieldKind::List(&FieldKind::Text).wants();
                self.errors.add(node.span, format!("`{name}` is {}, not a list", node.sort()), wants);
                None
            }
        }
    }

    fn map(&mut self, name: &str, node: &Node, item: &FieldKind) -> Option<Arg> {
        let Kind::Map(entries) = &node.kind else {
            let pair = node.text().or_else(|| match &node.kind {
                Kind::List(items) => items.first().and_then(Node::text),
                _ => None,
            });
            let pair = pair.and_then(|text| text.split_once(':').or_else(|| text.split_once('=')));
            let help = match pair {
                Some((key, value)) => format!("write `{name}: {{{}: {}}}`", key.trim(), value.trim()),
                None => match (item, node.text().filter(|text| node.shown.is_none() && is_name(text))) {
                    (FieldKind::Group(fields), key) => {
                        let fields = fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
                        format!("write `{name}: {{{}: {{…}}}}`, with some of: {fields}", key.unwrap_or("NAME"))
                    }
                    _ => format!("write `{name}: {{KEY: VALUE}}`"),
                },
            };
            self.errors.add(node.span, format!("`{name}` is {}, not a map", node.sort()), help);
            return None;
        };
        let typed = entries.iter().filter_map(|(key, n)| Some((key.name.clone(), self.value(&key.name, n, item)?)));
        Some(Arg::Map(typed.collect()))
    }

    fn probe(
        &mut self,
        name: &str,
        node: &Node,
        allowed: &[&'static str],
        fields: &'static [FieldInfo],
    ) -> Option<Arg> {
        let chosen: Vec<_> = node.entries().iter().filter(|(key, _)| allowed.contains(&key.name.as_str())).collect();
        let [(key, below)] = chosen.as_slice() else {
            let help =
                format!("write one of {}, such as `{name}: {{tcp: {{host: HOST, port: PORT}}}}`", allowed.join(", "));
            let message = format!("`{name}` needs exactly one probe, it has {}", chosen.len());
            self.errors.add(node.span, message, help);
            return None;
        };
        let Some(family) = self.families.iter().find(|family| family.name == key.name) else {
            self.errors.add(key.span, format!("`{}` is not part of this build", key.name), "choose another probe");
            return None;
        };
        let group = self.fields_but(name, node, fields, allowed).args;
        let args = self.fields_but(family.name, below, family.fields, &[]).args;
        let expected = Expected(self.defaults.of_check(family, &args).into());
        Some(Arg::Probe { family: family.name, args, group, expected })
    }
}
