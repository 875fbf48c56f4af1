//! Fields of a family: a spanned map to typed arguments, defaults filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::defaults::Defaults;
use super::diagnostic::{Diagnostics, Span, suggest};
use super::tree::{Kind, Node};
use crate::model::args::Expected;
use crate::model::parse::parse;
use crate::model::{Arg, Args, FieldInfo, FieldKind, FieldRole, Text};
use crate::probe::Family;

/// What is wrong with a value that is not shown.
pub(super) const HIDDEN: &str = "the value with the secret in it does not fit";

/// Context for typing arguments.
pub struct Typing<'a> {
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
    /// `timeout` of `defaults`.
    pub timeout: Option<&'a Node>,
}

/// Typed arguments, and where each was written.
#[derive(Default)]
pub struct Typed {
    /// The arguments.
    pub args: Args,
    /// Place of each written field.
    pub spans: BTreeMap<&'static str, Span>,
}

/// How a family says where to look, for who wrote it as another one does.
fn target_key(key: &str, fields: &[FieldInfo]) -> Option<String> {
    const WORDS: [&str; 9] = ["host", "hostname", "port", "address", "ip", "server", "target", "url", "endpoint"];
    let field = fields.iter().find(|field| field.has(FieldRole::Host)).filter(|_| WORDS.contains(&key))?;
    let (name, has_port) = (field.name, fields.iter().any(|field| field.name == "port"));
    let form = match field.kind {
        FieldKind::Url => format!("{name}: https://HOST:PORT/"),
        FieldKind::Host if has_port => format!("{name}: HOST, port: PORT"),
        FieldKind::Host => format!("{name}: HOST"),
        _ => format!("{name}: \"HOST:PORT\""),
    };
    Some(format!("write where to look as {form}"))
}

/// The field that chooses the IP version, for who calls it as other tools do.
fn ip_version_key(key: &str, fields: &[FieldInfo]) -> Option<String> {
    const WORDS: [&str; 6] = ["family", "address_family", "ip_protocol", "ip_family", "ipv4", "ipv6"];
    let field = fields.iter().find(|field| field.has(FieldRole::IpVersion)).filter(|_| WORDS.contains(&key))?;
    Some(format!("IPv4 or IPv6 is chosen by `{}: any`, `ipv4` or `ipv6`", field.name))
}

impl Typing<'_> {
    /// Types the map `node` by `fields`. `owner` is the key it stands below, for messages.
    pub fn fields(&mut self, owner: &str, node: &Node, fields: &'static [FieldInfo]) -> Typed {
        // `defaults.timeout` is the patience of the family itself: a command's or a stream's `timeout` is another thing.
        let timeout = self.timeout.take();
        let mut typed = self.fields_but(owner, node, fields, &[]);
        if let (Some(timeout), Some(field)) = (timeout, fields.iter().find(|field| field.has(FieldRole::Patience)))
            && !typed.spans.contains_key(field.name)
            && let Some(arg) = self.value(field.name, timeout, &field.kind)
        {
            typed.args.0.insert(field.name, arg);
        }
        self.timeout = timeout;
        typed
    }

    fn fields_but(&mut self, owner: &str, node: &Node, fields: &'static [FieldInfo], besides: &[&str]) -> Typed {
        let mut typed = Typed::default();
        if !matches!(node.kind, Kind::Map(_)) {
            let names = fields.iter().map(|f| f.name).collect::<Vec<_>>().join(", ");
            self.errors.add(node.span, format!("`{owner}` is {}, not a map", node.sort()), format!("keys: {names}"));
            return typed;
        }
        for (key, value) in node.entries() {
            if besides.contains(&key.name.as_str()) {
                continue;
            }
            let Some(field) = fields.iter().find(|field| field.name == key.name) else {
                let known = fields.iter().map(|f| f.name).chain(besides.iter().copied());
                let help = target_key(&key.name, fields)
                    .or_else(|| ip_version_key(&key.name, fields))
                    .unwrap_or_else(|| suggest(&key.name, known));
                self.errors.add(key.span, format!("unknown key `{}` in `{owner}`", key.name), help);
                continue;
            };
            typed.spans.insert(field.name, value.span);
            if let Some(arg) = self.value(field.name, value, &field.kind) {
                typed.args.0.insert(field.name, arg);
            }
        }
        self.fill(owner, node, fields, &mut typed);
        typed
    }

    fn fill(&mut self, owner: &str, node: &Node, fields: &'static [FieldInfo], typed: &mut Typed) {
        for field in fields.iter().filter(|field| node.get(field.name).is_none()) {
            let default = field.default.map(|text| Node::new(node.span, Kind::Scalar(text.to_owned(), true)));
            if let Some(default) = default {
                if let Some(arg) = self.value(field.name, &default, &field.kind) {
                    typed.args.0.insert(field.name, arg);
                }
            } else if field.required {
                let help = format!("{}: {}", field.name, field.kind.wants());
                self.errors.add(node.span, format!("`{owner}` needs `{}`", field.name), help);
            }
        }
    }

    /// Types one value; `None` when it does not fit, with the error recorded.
    pub fn value(&mut self, name: &str, node: &Node, kind: &FieldKind) -> Option<Arg> {
        match kind {
            FieldKind::List(item) => return self.list(name, node, item),
            FieldKind::Map(item) => return self.map(name, node, item),
            FieldKind::Group(fields) => return Some(Arg::Group(self.fields_but(name, node, fields, &[]).args)),
            FieldKind::Switch(fields) if matches!(node.kind, Kind::Map(_)) => {
                return Some(Arg::Group(self.fields_but(name, node, fields, &[]).args));
            }
            FieldKind::Probe(families, fields) => return self.probe(name, node, &families(), fields),
            _ => {}
        }
        let Some(text) = node.text() else {
            self.errors.add(node.span, format!("`{name}` is {}", node.sort()), format!("write {}", kind.wants()));
            return None;
        };
        match parse(text, kind, self.folder) {
            Ok(arg) => {
                if let (FieldKind::Path | FieldKind::FileOr(_) | FieldKind::Inline, Arg::Text(path)) = (kind, &arg) {
                    self.files.insert(PathBuf::from(&**path));
                }
                // A script that is run: a report must not take its place.
                if matches!(kind, FieldKind::Argument) && Path::new(text).is_file() {
                    self.files.insert(PathBuf::from(text));
                }
                Some(match arg {
                    Arg::Text(value) => Arg::Text(Text::new(value.into_value(), node.shown.as_deref())),
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
                self.errors.add(node.span, format!("`{name}`: {why}"), format!("write {}", kind.wants()));
                None
            }
        }
    }

    fn list(&mut self, name: &str, node: &Node, item: &FieldKind) -> Option<Arg> {
        match &node.kind {
            Kind::List(items) => Some(Arg::List(items.iter().filter_map(|n| self.value(name, n, item)).collect())),
            Kind::Scalar(..) => self.value(name, node, item).map(|arg| Arg::List(vec![arg])),
            _ => {
                let wants = FieldKind::List(&FieldKind::Text).wants();
                self.errors.add(node.span, format!("`{name}` is {}, not a list", node.sort()), wants);
                None
            }
        }
    }

    fn map(&mut self, name: &str, node: &Node, item: &FieldKind) -> Option<Arg> {
        let Kind::Map(entries) = &node.kind else {
            self.errors.add(node.span, format!("`{name}` is {}, not a map", node.sort()), "write key: value");
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
            let help = format!("write one of: {}", allowed.join(", "));
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
