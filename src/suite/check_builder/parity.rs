//! `parity`: one check made over IPv4 and over IPv6, as one case.

use std::sync::Arc;

use super::expectations::JudgedFields;
use super::{Builder, OwnCell, Written, hosts};
use crate::model::expectation::FactPart;
use crate::model::fact::parity;
use crate::model::{Arg, Choices as _, Expectation, FieldInfo, FieldKind, FieldRole};
use crate::net::IpVersion;
use crate::probe::{DynProbe, Family, Footprint};
use crate::stats::interleaved::PAIRS;
use crate::suite::args::TypedArgs;
use crate::suite::check::OverIpv4;
use crate::suite::diagnostic::{Span, suggest};
use crate::suite::tables;

impl Builder<'_> {
    /// Makes `typed` and the hosts of a check with `parity` those over IPv6, and gives back the arguments over IPv4. What
    /// leaves only one IP version is an error.
    pub(super) fn over_both(
        &mut self,
        written: &Written<'_>,
        typed: &mut TypedArgs,
        own: &mut OwnCell,
    ) -> Option<TypedArgs> {
        let Written { node, family, resolved, common, .. } = *written;
        if !common.get(&tables::PARITY) {
            return None;
        }
        let span = resolved.get(tables::PARITY.name()).map_or(node.span, |parity| parity.span);
        let version = family.fields.iter().find(|field| field.has(FieldRole::IpVersion));
        let (None, Some(version)) = (family.refuses_parity(&typed.args), version) else {
            let why = family.refuses_parity(&typed.args).unwrap_or_default();
            self.errors.add(span, format!("this `{}` has no `parity`: {why}", family.name), "leave `parity` out");
            return None;
        };
        let any = |arg: &Arg| matches!(arg, Arg::Text(word) if **word == *IpVersion::Any.word());
        let chosen = typed.args.0.get(version.name).filter(|arg| !any(arg));
        let chosen = chosen.map(|_| (version.name, typed.spans.get(version.name).copied().unwrap_or(span)));
        let fixed = |field: &FieldInfo| {
            let is_address = matches!(field.kind, FieldKind::Address) && typed.args.0.contains_key(field.name);
            is_address.then(|| (field.name, typed.spans.get(field.name).copied().unwrap_or(span)))
        };
        if let Some((name, at)) = chosen.or_else(|| family.fields.iter().find_map(fixed)) {
            let message = format!("`parity` asks over IPv4 and over IPv6, and `{name}` leaves one of them");
            self.errors.add(at, message, format!("leave `{name}` out, or `parity`"));
            return None;
        }
        match &*own.hosts {
            [host] if !host.is_address() => {}
            [] => {
                let message = "`parity` asks one host by its name, and this check names none";
                self.errors.add(span, message, "name it, or leave `parity` out");
                return None;
            }
            [host] => {
                let message = format!(
                    "`parity` needs a name that has addresses of both IP versions, and {} is an address",
                    host.name()
                );
                self.errors.add(
                    span,
                    message,
                    "give the name; `sni`, `headers` or a hosts file say what else is needed",
                );
                return None;
            }
            others => {
                let message = format!("`parity` asks one host by its name, and this check asks {}", others.len());
                self.errors.add(span, message, "make a check of one host each, with a `matrix`");
                return None;
            }
        }
        let over = |word: IpVersion, typed: &TypedArgs| {
            let mut args = typed.args.clone();
            args.0.insert(version.name, Arg::Text(word.word().into()));
            TypedArgs { args, spans: typed.spans.clone(), wrong: typed.wrong.clone() }
        };
        let ipv4 = over(IpVersion::V4, typed);
        *typed = over(IpVersion::V6, typed);
        own.hosts = hosts(family, &typed.args, own.netns.as_ref());
        Some(ipv4)
    }

    /// The side over IPv4 of a check with `parity`, whose `probe` is that over IPv6.
    pub(super) fn over_ipv4(
        &mut self,
        written: &Written<'_>,
        (typed, own): (&TypedArgs, &OwnCell),
        probe: &dyn DynProbe,
        judged: &JudgedFields,
    ) -> Option<OverIpv4> {
        let Written { node, family, below, resolved, .. } = *written;
        let span = resolved.get(tables::PARITY.name()).map_or(node.span, |parity| parity.span);
        if probe.footprint() != Footprint::Quiet {
            let message = "`parity` compares answers, and this check is a load or breaks something";
            self.errors.add(span, message, "leave `parity` out, and give it an `ip_version`");
        }
        if !judged.silent.is_empty() {
            let message = format!(
                "`parity` of silence ({}) shows nothing: a dead host is silent over both IP versions",
                judged.silent.join(", ")
            );
            self.errors.add(span, message, "write a check for each `ip_version`, with a `control`");
        }
        if let Some(capture) = resolved.get("capture") {
            let help = "capture it in a check without `parity`";
            self.errors.add(capture.span, "a captured value is of one answer, and `parity` asks twice", help);
        }
        Some(OverIpv4 {
            probe: self.build(family, typed, below.span)?,
            args: Arc::new(typed.args.only(family.diagnosed_by).masked()),
            hosts: hosts(family, &typed.args, own.netns.as_ref()),
        })
    }

    /// A ratio that no such check has, or that its rounds cannot show.
    pub(super) fn ratios(&mut self, family: &Family, expectations: &[(Expectation, Span)], rounds: u32) {
        let known = || family.facts.iter().filter(|fact| fact.better.is_some() && fact.is_compared_by_ratio());
        let ratios = expectations.iter().filter(|(expectation, _)| expectation.info.name == parity::RATIO.info.name);
        for (expectation, span) in ratios {
            let metric = parity::metric(&expectation.path);
            let is_metric =
                !matches!(expectation.part, FactPart::Whole) && known().any(|fact| Some(fact.name) == metric);
            if !is_metric {
                let names: Vec<String> =
                    known().map(|fact| format!("{}.{}", parity::RATIO.info.name, fact.name)).collect();
                let help = suggest(&expectation.path, names.iter().map(String::as_str));
                let message = format!("`{}` is the ratio of no time or rate of `{}`", expectation.path, family.name);
                self.errors.add(*span, message, help);
            } else if rounds < PAIRS {
                let message =
                    format!("`{}` needs at least {PAIRS} rounds, this check makes {rounds}", expectation.path);
                self.errors.add(
                    *span,
                    message,
                    "give the check `rounds: 10` or more: each is a pair, one over either IP version",
                );
            }
        }
    }
}
