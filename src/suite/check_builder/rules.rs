//! Rules between the keys of a check: windows, repetitions, and when it runs.

use std::time::Duration;

use super::{Builder, texts};
use crate::model::{Arg, Args, FieldRole, Unit};
use crate::probe::{Family, Host};
use crate::suite::args::TypedArgs;
use crate::suite::check::Eventually;
use crate::suite::diagnostic::Span;
use crate::suite::matrix::Cell;
use crate::suite::syntax::flow;
use crate::suite::tree::{Kind, Node};
use crate::suite::{repeats, tables};

impl Builder<'_> {
    /// Why a cell goes nowhere, as it joins addresses of two IP versions: a matrix of hosts and versions has such cells, which
    /// are named while the others run. Where a check by itself says so, that is an error.
    pub(super) fn conflict(
        &mut self,
        family: &'static Family,
        typed: &mut TypedArgs,
        cell: &Cell,
        span: Span,
    ) -> Option<String> {
        let why = conflict(self.families, family, &mut typed.args)?;
        if cell.is_empty() {
            self.errors.add(
                span,
                why.clone(),
                "give addresses of one IP version, or leave out `ip_version` and `source`",
            );
        }
        Some(why)
    }

    /// A window that is over before any silence can be seen.
    pub(super) fn window(
        &mut self,
        node: Option<&Node>,
        eventually: Option<Eventually>,
        patience: Option<Duration>,
        silent: &[&str],
    ) {
        let (Some(node), Some(Eventually { within, .. }), Some(patience)) = (node, eventually, patience) else {
            return;
        };
        if !silent.is_empty() && within <= patience {
            let words = silent.join(" or ");
            let [patience, within] = [patience, within].map(|time| Unit::Seconds.human(time.as_secs_f64()));
            let message =
                format!("`within` ({within}) ends before {words} can be seen, which takes `timeout` ({patience})");
            self.errors.add(node.span, message, "let `within` be longer, or `timeout` shorter");
        }
    }

    /// Repetitions that contradict each other, or the family.
    pub(super) fn repetition(&mut self, node: &Node, resolved: &Node, common: &Args, disruptive: bool, family: &str) {
        let eventually = resolved.get("eventually").is_some();
        if disruptive && common.get(&tables::SAMPLES) > 1 && resolved.get("samples").is_some() {
            let help = "what it breaks is broken once per round: raise `rounds`";
            self.errors.add(node.span, format!("`{family}` has one sample per round"), help);
        }
        if disruptive && (eventually || resolved.get("retries").is_some()) {
            let help = "a second attempt would break the target once more and hide the first result";
            self.errors.add(node.span, format!("`{family}` is made once: no `retries`, no `eventually`"), help);
        }
        if let Some(delay) = resolved.get(tables::RETRY_DELAY.name()) {
            repeats::retry_delay(delay, common, (eventually, disruptive), family, self.errors);
        }
        if eventually && common.get(&tables::RETRIES) > 0 {
            let help = "`eventually` is for convergence after a change, `retries` for flakes: keep one";
            self.errors.add(node.span, "`eventually` and `retries` exclude each other", help);
        }
    }

    pub(super) fn skip(&mut self, node: Option<&Node>, cell: &Cell) -> Option<String> {
        let node = node?;
        if node.entries().is_empty() {
            self.errors.add(node.span, "`when` names no variable", "write when: {variable: [value, …]}");
            return None;
        }
        for (key, allowed) in node.entries() {
            let name = key.name.strip_prefix("matrix.");
            let found = match name {
                Some(name) => cell.get(name),
                None => self.scope.vars.get(&key.name),
            };
            let Some((found, value)) = found.and_then(|found| Some((found, found.text()?))) else {
                let help = if cell.contains_key(&key.name) {
                    format!("write `when: {{matrix.{}: {}}}`", key.name, flow(allowed))
                } else if self.scope.vars.is_empty() {
                    format!("define it: `vars: {{{}: VALUE}}`", key.name)
                } else {
                    self.errors.suggest(&key.name, self.scope.vars.keys().map(String::as_str))
                };
                self.errors.add(key.span, format!("`when` names an unknown variable `{}`", key.name), help);
                continue;
            };
            let (span, shown, allowed) = (allowed.span, texts(Some(allowed)), values(allowed));
            if allowed.is_empty() {
                let help = format!("write {}: [value]", key.name);
                self.errors.add(
                    span,
                    format!("`{}` of `when` names no value: the check would never run", key.name),
                    help,
                );
                continue;
            }
            if !allowed.contains(&value) {
                return Some(format!(
                    "when {} is {}; it is {}",
                    key.name,
                    shown.join(" or "),
                    found.shown().unwrap_or(value)
                ));
            }
        }
        None
    }
}

/// A text or several.
fn values(node: &Node) -> Vec<&str> {
    let items = if let Kind::List(items) = &node.kind { items.as_slice() } else { std::slice::from_ref(node) };
    items.iter().filter_map(Node::text).collect()
}

/// Why no packet of a probe, or of a probe inside it, can go where it should. What contradicts is taken out of `args`, so that
/// the rest is still looked at.
pub(in crate::suite) fn conflict(families: &[Family], family: &Family, args: &mut Args) -> Option<String> {
    if let Some(why) = Host::conflict(family.fields, args) {
        let roles = [FieldRole::IpVersion, FieldRole::Source];
        for field in family.fields.iter().filter(|field| roles.iter().any(|role| field.has(*role))) {
            args.0.remove(field.name);
        }
        return Some(why);
    }
    args.0.values_mut().find_map(|arg| inside(families, arg))
}

/// The same for a probe inside of an argument.
fn inside(families: &[Family], arg: &mut Arg) -> Option<String> {
    match arg {
        Arg::Probe { family, args, .. } => {
            let inner = families.iter().find(|known| known.name == *family)?;
            conflict(families, inner, args)
        }
        Arg::Map(items) => items.iter_mut().find_map(|(_, arg)| inside(families, arg)),
        _ => None,
    }
}
