//! A probe whose texts hold the mark of a number: each number makes another one of it.

use std::convert::Infallible;
use std::sync::Arc;

use super::value::{MARK, RunNumber};
use crate::model::{Args, Fault, Invalid, Text};
use crate::probe::{DynProbe, Family, called};

/// See the module.
pub(in crate::checks::failover) struct Numbered {
    family: Family,
    args: Args,
    /// The one of a sample: it answers for all that no number changes.
    sample: Arc<dyn DynProbe>,
}

/// Whether the mark stands in a text.
pub(super) fn is_in(args: &Args) -> bool {
    let each = &mut |text: &Text, _| if text.shown().contains(MARK) { Err(()) } else { Ok(text.clone()) };
    args.with_texts(each).is_err()
}

/// Whether a secret holds what looks like the mark: it would be sent as another one.
fn is_in_secret(args: &Args) -> bool {
    let count = |text: &str| text.matches(MARK).count();
    let each = &mut |text: &Text, _| if count(text) > count(text.shown()) { Err(()) } else { Ok(text.clone()) };
    args.with_texts(each).is_err()
}

/// The fields with a value in the place of each mark.
fn filled(args: &Args, value: &str) -> Args {
    let with = |text: &str| text.replace(MARK, value);
    let each = &mut |text: &Text, _| {
        let shown = text.holds_secret().then(|| with(text.shown()));
        Ok::<_, Infallible>(Text::new(with(text), shown.as_deref()))
    };
    let Ok(filled) = args.with_texts(each);
    filled
}

impl Numbered {
    /// The probe of `family` with these fields.
    pub(super) fn new(family: &Family, args: Args) -> Result<Self, Invalid> {
        if is_in_secret(&args) {
            let help = "let the secret be another one, or write the probe without it";
            return Err(Invalid::at("", format!("a secret of it holds `{MARK}`"), help));
        }
        let value = RunNumber::SAMPLE.value(0);
        let sample = family.probe(&filled(&args, &value))?;
        let target = sample.target().replace(&value, MARK);
        Ok(Self { family: *family, args, sample: called(sample, target) })
    }

    /// What answers for all of them: their target, how long one may take, their facts.
    pub(super) fn sample(&self) -> &Arc<dyn DynProbe> {
        &self.sample
    }

    /// The one that carries a value.
    pub(in crate::checks::failover) fn probe(&self, value: &str) -> Result<Arc<dyn DynProbe>, Fault> {
        self.family.probe(&filled(&self.args, value)).map_err(|invalid| {
            let detail = format!("with the value {value}: {}", invalid.message);
            Fault::local("ask with a value", self.sample.target(), detail, invalid.help)
        })
    }
}
