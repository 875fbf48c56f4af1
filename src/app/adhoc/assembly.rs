//! A suite of one check from what was typed, and its plan.

use std::collections::BTreeMap;

use super::command_line::{CommandLine, FieldValue};
use super::refusal::{self, Origin};
use crate::app::loading::LoadedPlan;
use crate::checks::FAMILIES;
use crate::model::{FieldInfo, FieldKind};
use crate::plan::{Selection, Settings};
use crate::probe::Family;
use crate::suite::file::{Input, Options};

/// The name of the suite, and of its file in places.
pub(super) const FILE: &str = "command line";
/// What the variables of values that must not be shown are called.
const HIDDEN: &str = "SHAKEDOWN_PROBE_HIDDEN_";
/// Shortest value that can be hidden: a shorter one would be found everywhere.
const SHORTEST: usize = crate::suite::secret::SHORTEST;

/// A check that is ready to run.
pub(super) struct AdhocCheck {
    /// The plan.
    pub(super) ready: LoadedPlan,
    /// The facts of what was expected with -e.
    pub(super) expected: Vec<String>,
}

/// A suite text, and who stands behind each of its lines.
struct Text {
    yaml: String,
    lines: Vec<Origin>,
    /// Values that must not be shown, by variable.
    hidden: BTreeMap<String, String>,
}

/// Assembles and plans; the error is for who typed it.
pub(super) fn assemble(family: &'static Family, command_line: &CommandLine) -> Result<AdhocCheck, String> {
    let Text { yaml, lines, hidden } = suite(family, command_line)?;
    let env = |name: &str| hidden.get(name).cloned().or_else(|| std::env::var(name).ok());
    let options = Options { shows: true, ..Options::none(&env) };
    let mut loaded = crate::suite::load(&[Input::Text(FILE.into(), yaml)], FAMILIES, &options);
    let settings = Settings {
        selection: Selection::default(),
        // Who types a command by hand has asked for it.
        allow_disruptive: true,
        allow_scan: true,
        seed: crate::app::loading::clock_seed(),
        pairs: 0,
        confirm: false,
    };
    let plan = crate::plan::plan(&mut loaded, None, &settings);
    loaded.require_files(&|_, _| true);
    if !loaded.errors.is_empty() {
        let told = refusal::render(family, &loaded.errors, &loaded.sources, &lines);
        return Err(loaded.redactor.clean(&told));
    }
    let (redactor, sources, files) = (loaded.redactor, loaded.sources, loaded.files);
    let ready =
        LoadedPlan { plan, seed: settings.seed, redactor, sources, found: String::new(), files, rerun_of: None };
    Ok(AdhocCheck { ready, expected: command_line.expect.iter().map(|(fact, _)| fact.clone()).collect() })
}

/// JSON strings are YAML too, so that no value can break out of its place. Every argument has a line of its own.
fn suite(family: &Family, command_line: &CommandLine) -> Result<Text, String> {
    let mut out = Text { yaml: String::new(), lines: Vec::new(), hidden: BTreeMap::new() };
    let fields = tree(&command_line.fields);
    let mut body = Vec::new();
    emit(&mut body, &fields, family.fields, (6, false), &command_line.secrets, &mut out.hidden)?;
    let mut push = |line: String, origin: Origin| {
        out.yaml.push_str(&line);
        out.yaml.push('\n');
        out.lines.push(origin);
    };
    push("version: 1".into(), Origin::Whole);
    push("suite: probe".into(), Origin::Whole);
    let secrets: Vec<String> = command_line.secrets.iter().chain(out.hidden.keys()).map(|name| quoted(name)).collect();
    if !secrets.is_empty() {
        push(format!("secrets: [{}]", secrets.join(", ")), Origin::Secrets);
    }
    push("checks:".into(), Origin::Whole);
    push(format!("  - id: {}", family.name), Origin::Whole);
    if let Some(netns) = &command_line.netns {
        push(format!("    netns: {}", quoted(netns)), Origin::Field(format!("--netns {netns}")));
    }
    push(format!("    {}:", family.name), Origin::Whole);
    for (line, shown) in body {
        push(line, shown.map_or(Origin::Whole, Origin::Field));
    }
    if !command_line.expect.is_empty() {
        push("    expect:".into(), Origin::Whole);
    }
    for (fact, value) in &command_line.expect {
        push(format!("      {}: {value}", quoted(fact)), Origin::Expectation(format!("-e '{fact}: {value}'")));
    }
    Ok(out)
}

/// Fields by name, with what lies below them.
enum FieldTree<'g> {
    Leaf(Vec<&'g FieldValue>),
    Below(Vec<(&'g str, FieldTree<'g>)>),
}

fn tree(fields: &[FieldValue]) -> Vec<(&str, FieldTree<'_>)> {
    let mut out = Vec::new();
    for given in fields {
        let parts: Vec<&str> = given.path.iter().map(String::as_str).collect();
        insert(&mut out, &parts, given);
    }
    out
}

fn insert<'g>(level: &mut Vec<(&'g str, FieldTree<'g>)>, path: &[&'g str], given: &'g FieldValue) {
    let Some((name, rest)) = path.split_first() else { return };
    let at = level.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
        let node = if rest.is_empty() { FieldTree::Leaf(Vec::new()) } else { FieldTree::Below(Vec::new()) };
        level.push((name, node));
        level.len() - 1
    });
    match level.get_mut(at) {
        Some((_, FieldTree::Leaf(all))) if rest.is_empty() => all.push(given),
        Some((_, FieldTree::Below(below))) if !rest.is_empty() => insert(below, rest, given),
        // `load=true load.rate=…`: the keys say that it is switched on.
        Some((_, slot)) if !rest.is_empty() => {
            let mut below = Vec::new();
            insert(&mut below, rest, given);
            *slot = FieldTree::Below(below);
        }
        _ => {}
    }
}

/// Lines with what was typed for each.
type Lines = Vec<(String, Option<String>)>;

fn emit(
    out: &mut Lines,
    level: &[(&str, FieldTree<'_>)],
    fields: &[FieldInfo],
    (indent, repeats): (usize, bool),
    secrets: &[String],
    hidden: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    let pad = " ".repeat(indent);
    for (name, node) in level {
        let kind = fields.iter().find(|field| field.name == *name).map(|field| field.kind);
        let name = quoted(name);
        match node {
            FieldTree::Below(below) => {
                out.push((format!("{pad}{name}:"), None));
                let inner = match kind {
                    Some(FieldKind::Group(inner) | FieldKind::Switch(inner)) => inner,
                    _ => &[],
                };
                // An entry of its own each time, such as a header that is sent twice; a comma is a part of the value.
                let repeats = repeats || matches!(kind, Some(FieldKind::Map(FieldKind::List(_))));
                emit(out, below, inner, (indent + 2, repeats), secrets, hidden)?;
            }
            FieldTree::Leaf(all) => {
                let listed = matches!(kind, Some(FieldKind::List(_)));
                if let ([first, second, ..], false) = (all.as_slice(), listed || repeats) {
                    return Err(format!(
                        "`{}` and `{}` say the same field twice: leave one out",
                        first.shown, second.shown
                    ));
                }
                let mut values = Vec::new();
                for given in all {
                    let parts: Vec<&str> =
                        if listed { given.value.split(',').map(str::trim).collect() } else { vec![&given.value] };
                    for part in parts {
                        values.push(value(given, part, secrets, hidden)?);
                    }
                }
                let shown = all.iter().map(|given| given.shown.clone()).collect::<Vec<_>>().join(" ");
                let values = values.join(", ");
                let values = if listed || all.len() > 1 { format!("[{values}]") } else { values };
                out.push((format!("{pad}{name}: {values}"), Some(shown)));
            }
        }
    }
    Ok(())
}

/// A value as it stands in the suite: what must not be shown by a variable that holds it.
fn value(
    given: &FieldValue,
    text: &str,
    secrets: &[String],
    hidden: &mut BTreeMap<String, String>,
) -> Result<String, String> {
    let names_one = |text: &str| secrets.iter().any(|name| text.contains(&format!("${{{name}}}")));
    if !given.secret || names_one(text) {
        // `${NAME}` of a secret is one; every other one is text.
        let mut out = quoted(text).replace("${", "$${");
        for name in secrets {
            out = out.replace(&format!("$${{{name}}}"), &format!("${{{name}}}"));
        }
        return Ok(out);
    }
    // `Bearer TOKEN`: the word before it is no secret.
    let (scheme, secret) = text.split_once(' ').map_or(("", text), |(scheme, rest)| (scheme, rest.trim_start()));
    if secret.len() < SHORTEST {
        let name = given.path.join(".");
        return Err(format!(
            "the value of {name} is shorter than {SHORTEST} characters and cannot be hidden in what is printed"
        ));
    }
    let name = format!("{HIDDEN}{}", hidden.len() + 1);
    let variable = format!("${{{name}}}");
    hidden.insert(name, secret.to_owned());
    Ok(quoted(&if scheme.is_empty() { variable } else { format!("{scheme} {variable}") }))
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
