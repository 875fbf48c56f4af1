//! Captures: values of facts that other checks of the same run use.

use std::sync::Arc;

use super::document_path;
use super::expectation::FactPart;
use super::text::SHORTEST_SECRET;
use super::{FactInfo, Round, Value, typed};

/// Largest value, bytes: what is to be hidden is looked for in every text, in whatever way it may be written.
const LARGEST: usize = 16 * 1024;

/// An entry of `capture`.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Its name in the check.
    pub name: String,
    /// The fact, as written.
    pub path: Arc<str>,
    /// The fact's row.
    pub info: FactInfo,
    /// All of the fact, or what stands at a path.
    pub part: FactPart,
    /// Whether no output may show its value.
    pub secret: bool,
    /// Stands in its place in the fields of other checks.
    pub stand_in: Box<str>,
}

/// Why a value cannot be captured, and what to do about it.
pub type NoValue = (String, String);

impl Capture {
    /// All that is to be hidden of its value in a round, also of one that cannot be captured: the texts and numbers in it.
    #[must_use]
    pub fn to_hide(&self, round: &Round) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(found) = self.found(round).filter(|_| self.secret) {
            leaves(found, &mut out);
        }
        out
    }

    /// Its value in a round, as other checks may use it: a text, a number or a flag.
    pub fn value(&self, round: &Round) -> Result<Value, NoValue> {
        let path = &self.path;
        let Some(found) = self.found(round) else {
            return Err((
                format!("there is no `{path}`"),
                format!("expect what else must hold where `{path}` is missing"),
            ));
        };
        let Some(text) = text_of(found) else {
            let help = format!("name what holds a text, a number or a flag, such as `{path}.KEY`");
            return Err((format!("`{path}` is {}", typed::kind(found)), help));
        };
        let length = text.len();
        if length == 0 {
            let help = "see why the answer holds none: a request with it would be another one than the suite asks for";
            return Err((format!("`{path}` is an empty text"), help.to_owned()));
        }
        if length > LARGEST {
            let help = format!("capture a smaller part of it: a value has at most {LARGEST} bytes");
            return Err((format!("`{path}` has {length} bytes"), help));
        }
        if self.secret && length < SHORTEST_SECRET {
            let help =
                format!("if everybody may see it, write `capture: {{{}: {{fact: {path}, secret: false}}}}`", self.name);
            let message =
                format!("`{path}` has fewer than {SHORTEST_SECRET} characters, and cannot be hidden in reports");
            return Err((message, help));
        }
        Ok(found.clone())
    }

    fn found<'v>(&self, round: &'v Round) -> Option<&'v Value> {
        let value = round.fact(self.info.name)?;
        match &self.part {
            FactPart::Path(path) => document_path::find(value, path, self.info.form).ok().flatten(),
            _ => Some(value),
        }
    }
}

/// The texts and numbers in a value. A flag tells nothing.
fn leaves(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(_) | Value::Number(_) => out.extend(text_of(value).filter(|text| text.len() >= SHORTEST_SECRET)),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, out)),
        Value::Object(entries) => entries.values().for_each(|item| leaves(item, out)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// A scalar as it stands in a text.
#[must_use]
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
