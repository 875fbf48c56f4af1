//! From the command line to a plan, or to every error at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::identity::Files;
use super::render;
use super::terminal::Terminal;
use crate::checks::FAMILIES;
use crate::model::count::counted;
use clap::CommandFactory as _;

use super::settings::Settings as Origins;
use crate::cli::{Cli, SuiteArgs};
use crate::model::shell;
use crate::model::suggest::{suggest, suggested_word};
use crate::model::text::MASK;
use crate::model::visible::visible_lines as visible;
use crate::plan::{Plan, Rerun, Selection, Settings, UnmatchedSelector};
use crate::suite::file::{Input, Loaded, Options};
use crate::suite::reading::IncludeRoots;
use crate::suite::{Redactor, Sources, Suite};

/// A plan and what belongs to it.
pub(super) struct LoadedPlan {
    pub(super) plan: Plan,
    pub(super) seed: u64,
    pub(super) redactor: Redactor,
    pub(super) sources: Sources,
    /// The suites found in folders, for people, who did not write their names.
    pub(super) found: String,
    /// Every file that was read, or will be: suites, variables, and what fields name.
    pub(super) files: BTreeSet<PathBuf>,
    /// The run of which this one repeats what was not well.
    pub(super) rerun_of: Option<String>,
}

impl LoadedPlan {
    /// Adds the files that are read.
    pub(super) fn read_by(&self, files: &mut Files) {
        for path in &self.files {
            files.reads("by the suite", path);
        }
    }
}

/// Finds, loads, validates and plans; on any error everything is told on stderr and nothing else happens.
pub(super) fn load_plan(args: &SuiteArgs, terminal: &Terminal) -> Option<LoadedPlan> {
    match files(&args.suites, args.include_outside) {
        Ok(found) => {
            for link in &found.links {
                terminal.err(&format!("not followed, as it is a link to a folder: {}\n", link.display()));
            }
            let shown = found.shown();
            let inputs: Vec<Input> = found.files.into_iter().map(Input::File).collect();
            load_inputs(&inputs, args, terminal).map(|ready| LoadedPlan { found: shown, ..ready })
        }
        Err(why) => {
            terminal.err(&format!("error: {why}\n"));
            None
        }
    }
}

/// Why a plan that is valid does not do what was asked for: cases of a report that are gone, nothing selected, no pair to compare.
fn nothing_to_do(args: &SuiteArgs, plan: &Plan) -> Option<String> {
    if !plan.missing.is_empty() {
        return Some(format!("error: {}\n", visible(&not_there(args, plan))));
    }
    if plan.cases.is_empty() {
        return Some(nothing_selected(args, plan.deselected));
    }
    if !args.against.is_empty() && plan.paired() == 0 {
        let names: Vec<&str> = args.against.iter().map(|(name, _)| name.as_str()).collect();
        return Some(format!(
            "error: --against compares nothing: no selected check that measures something names {}\n\
             use ${{{}}} in the check, and see the pairs with `shakedown plan --against …`\n",
            names.join(" or "),
            names.first().unwrap_or(&"name"),
        ));
    }
    None
}

/// As [`load_plan`], for inputs already chosen.
pub(super) fn load_inputs(inputs: &[Input], args: &SuiteArgs, terminal: &Terminal) -> Option<LoadedPlan> {
    let env = |name: &str| std::env::var(name).ok();
    let options = Options {
        vars: args.vars.clone(),
        against: Vec::new(),
        var_files: args.var_files.clone(),
        rounds: args.rounds,
        timeout: args.timeout.clone(),
        per_target: args.per_target,
        roots: args.suites.iter().filter(|path| path.is_dir()).cloned().collect(),
        shows: false,
        include_outside: args.include_outside,
        env: &env,
    };
    let mut loaded: Loaded = crate::suite::load(inputs, FAMILIES, &options);
    let heads = heads(inputs, &options, args, &mut loaded);
    let rerun = match args.failed_from.as_deref().map(|report| rerun(report, args)).transpose() {
        Ok(rerun) => rerun,
        Err(why) => {
            terminal.err(&format!("error: {}\n", visible(&why)));
            return None;
        }
    };
    let rerun_of = rerun.as_ref().map(|rerun| rerun.run.clone());
    let (tags, skip_tags, only) = (args.tags.clone(), args.skip_tags.clone(), args.only.clone());
    let selection = Selection { tags, skip_tags, only, rerun };
    let settings = Settings {
        selection,
        allow_disruptive: args.allow_disruptive,
        allow_scan: args.allow_scan,
        seed: seed(args),
        pairs: args.pairs,
        confirm: heads.is_some() || args.baseline.is_some(),
    };
    let plan = crate::plan::plan(&mut loaded, heads, &settings);
    let running = plan.cases.iter().filter(|case| case.skip.is_none()).map(|case| (&*case.suite, &*case.id));
    let running: BTreeSet<(&str, &str)> = running.collect();
    loaded.require_files(&|suite, id| running.contains(&(suite, id)));
    if !loaded.errors.is_empty() {
        let text = loaded.errors.render(&loaded.sources, terminal.style_err().color);
        let count = loaded.errors.count();
        terminal.err(&loaded.redactor.clean(&format!("{text}{}; nothing was sent\n", counted(count, "error"))));
        return None;
    }
    if refuses_unmatched(&plan, terminal) {
        return None;
    }
    if let Some(why) = nothing_to_do(args, &plan) {
        terminal.err(&why);
        return None;
    }
    let (redactor, sources, files) = (loaded.redactor, loaded.sources, loaded.files);
    Some(LoadedPlan { plan, seed: settings.seed, redactor, sources, found: String::new(), files, rerun_of })
}

/// What was not well in a report. One in which all was well leaves nothing to run again.
fn rerun(path: &Path, args: &SuiteArgs) -> Result<Rerun, String> {
    let shown = path.display().to_string();
    let record = render::load(path).map_err(|why| format!("--failed-from {shown}: {why}"))?;
    let rerun = Rerun::of(&shown, &record);
    if let Some(missing) = other_variables(&record.run.overrides, &args.overrides()) {
        return Err(format!(
            "{shown} is of a run with {missing}, and this one is without: what failed there may be another target; nothing was sent\n\
             add {missing}, or choose the checks with --only"
        ));
    }
    if rerun.open.is_empty() {
        return Err(format!(
            "nothing failed in {shown} (run {}, {}), so there is nothing to run again; nothing was sent\n\
             leave --failed-from out to measure everything once more",
            rerun.run,
            counted(rerun.total, "case")
        ));
    }
    Ok(rerun)
}

/// Variables of an earlier run that this one has not: it would look at another target, and could be green for that.
fn other_variables(then: &[String], now: &[String]) -> Option<String> {
    let of = |words: &[String]| -> Vec<(String, String)> {
        let pairs = words.windows(2).filter(|pair| matches!(&*pair[0], "--var" | "--vars"));
        pairs.map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    };
    let known = of(now);
    // What was a secret cannot be compared.
    let mut missing = of(then).into_iter().filter(|pair| !pair.1.contains(MASK) && !known.contains(pair)).peekable();
    missing.peek()?;
    Some(missing.map(|(flag, value)| format!("{flag} {}", shell::word(&value))).collect::<Vec<_>>().join(" "))
}

/// Most checks that are named on one line.
const MISSING: usize = 8;

/// Checks that failed and that no suite has any more: a run without them could be green.
fn not_there(args: &SuiteArgs, plan: &Plan) -> String {
    let report = args.failed_from.as_deref().unwrap_or(Path::new("the report")).display();
    let mut named: Vec<String> = plan.missing.iter().take(MISSING).cloned().collect();
    if plan.missing.len() > MISSING {
        named.push(format!("and {} more", plan.missing.len() - MISSING));
    }
    let known = |name: &&String| plan.suites.iter().any(|suite| name.split('/').next() == Some(&suite.name));
    let foreign = plan.missing.iter().find(|name| !known(name)).and_then(|name| name.split('/').next());
    let next = match foreign {
        Some(suite) => format!("suite `{suite}` is no part of this run: give its file too"),
        None => "renamed with another definition, or removed? run the suites whole, or choose with --only".to_owned(),
    };
    let those = if plan.missing.len() == 1 { "this check was" } else { "these checks were" };
    format!("{those} not well in {report}, and no suite given has it: {}; nothing was sent\n{next}", named.join(", "))
}

/// Tells each part of the selection that matches nothing; true where one of them is an error.
fn refuses_unmatched(plan: &Plan, terminal: &Terminal) -> bool {
    let (errors, notes) = unmatched(plan);
    for note in notes {
        terminal.err(&format!("note: {note}\n"));
    }
    for error in &errors {
        terminal.err(&format!("error: {error}\n"));
    }
    if !errors.is_empty() {
        terminal.err("nothing was sent; `shakedown plan` shows names and tags\n");
    }
    !errors.is_empty()
}

/// What to say of each part of the selection that matches nothing. It is an error, as a gate must not run nothing, or what it
/// should leave out, by a typo. Only a tag to leave out that a variable or `shakedown.toml` names is a note: those are
/// written once for many suites, and not each has it.
fn unmatched(plan: &Plan) -> (Vec<String>, Vec<String>) {
    let settings = Origins::of(&Cli::command());
    let (mut errors, mut notes) = (Vec::new(), Vec::new());
    for UnmatchedSelector { flag, word, known } in &plan.unmatched {
        let origin = settings.origin(flag);
        let by = if origin == format!("--{flag}") { String::new() } else { format!(" ({origin})") };
        let near = suggest(word, known.iter().map(String::as_str));
        let near = suggested_word(&near);
        let near = near.map(|near| format!("; write --{flag} {near}"));
        let known = if near.is_some() || known.is_empty() || *flag == "only" {
            String::new()
        } else {
            format!("; the tags are {}", known.join(", "))
        };
        let says = if *flag == "skip-tag" { "leaves nothing out: no check has this tag" } else { "matches no check" };
        let elsewhere = *flag == "skip-tag" && !by.is_empty() && near.is_none();
        let text = format!("--{flag} {word}{by} {says}{}{known}", near.unwrap_or_default());
        if elsewhere { notes.push(text) } else { errors.push(text) }
    }
    (errors, notes)
}

/// The suites once more, with the overrides of `--against`; their errors count only where the suite as written has none.
fn heads(inputs: &[Input], options: &Options<'_>, args: &SuiteArgs, loaded: &mut Loaded) -> Option<Vec<Suite>> {
    if args.against.is_empty() || !loaded.errors.is_empty() {
        return None;
    }
    let options = Options { against: args.against.clone(), ..options.clone() };
    let mut head = crate::suite::load(inputs, FAMILIES, &options);
    if !head.errors.is_empty() {
        let names: Vec<&str> = args.against.iter().map(|(name, _)| name.as_str()).collect();
        for error in &mut head.errors.0 {
            // The place is that in the suite, which is valid as written.
            if !head.sources.line_of(error.span).starts_with("--against ") {
                error.help = format!("{}; without --against {} it is valid", error.help, names.join(" and "));
            }
        }
        (loaded.errors, loaded.sources) = (head.errors, head.sources);
    }
    loaded.redactor = head.redactor;
    Some(head.suites)
}

fn seed(args: &SuiteArgs) -> u64 {
    args.seed.unwrap_or_else(clock_seed)
}

/// A seed from the clock. JSON numbers are safe up to 2^53; a seed must survive every reader.
pub(super) fn clock_seed() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_nanosecond() % (1 << 52)).unwrap_or(1)
}

fn nothing_selected(args: &SuiteArgs, deselected: usize) -> String {
    let mut asked: Vec<String> = args.tags.iter().map(|tag| format!("--tag {tag}")).collect();
    asked.extend(args.skip_tags.iter().map(|tag| format!("--skip-tag {tag}")));
    asked.extend(args.only.iter().map(|glob| format!("--only {glob}")));
    asked.extend(args.failed_from.iter().map(|report| format!("--failed-from {}", report.display())));
    format!(
        "error: nothing is selected: {} left out everything ({})\n\
         a run of nothing would be green; see the names and tags with `shakedown plan`\n",
        asked.join(" "),
        counted(deselected, "case")
    )
}

/// Deepest folder below one that is given.
const DEEPEST: usize = 16;
/// Most files of a folder that are suites.
const MOST: usize = 10_000;
/// Most of them that are named on one line.
const NAMED: usize = 20;

/// Suite files, and whether nobody named them.
#[derive(Default)]
struct SuiteFiles {
    files: Vec<PathBuf>,
    /// Links to folders, which may hold suites.
    links: Vec<PathBuf>,
    /// At least one folder was given.
    in_folder: bool,
}

impl SuiteFiles {
    /// The files of folders on one line, if a folder was given.
    fn shown(&self) -> String {
        if !self.in_folder {
            return String::new();
        }
        let names = self.files.iter().take(NAMED).map(|file| file.display().to_string());
        let more = self.files.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("and {more} more"));
        format!("suites: {}\n", names.chain(more).collect::<Vec<_>>().join(", "))
    }
}

/// The suite files below the paths given; a folder gives every `*.yaml` and `*.yml` below it, in whatever case, hidden ones
/// left out, sorted. A file named by itself is taken as it is.
fn files(paths: &[PathBuf], outside: bool) -> Result<SuiteFiles, String> {
    let default = [PathBuf::from("suites")];
    if paths.is_empty() && !default[0].exists() {
        return Err(no_suites());
    }
    let given = if paths.is_empty() { &default[..] } else { paths };
    let mut out = SuiteFiles::default();
    for path in given {
        let mut found = SuiteFiles::default();
        if path.is_dir() {
            out.in_folder = true;
            folder(path, DEEPEST, &mut found)?;
            inside(path, &found.files, outside)?;
            if found.files.is_empty() {
                return Err(format!(
                    "{} holds no suite (*.yaml, *.yml); name a file: shakedown run FILE",
                    path.display()
                ));
            }
            found.files.sort();
            found.links.sort();
        } else {
            found.files.push(path.clone());
        }
        for file in found.files {
            if !out.files.contains(&file) {
                out.files.push(file);
            }
        }
        out.links.extend(found.links);
    }
    Ok(out)
}

/// No suite was named, and there is no folder of them.
fn no_suites() -> String {
    let here =
        std::fs::read_dir(".").into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut files: Vec<String> = here.filter(|name| is_yaml(Path::new(name))).take(NAMED).collect();
    files.sort();
    let help = match files.first() {
        Some(file) => format!("name one: shakedown run {file}"),
        None => "name one: shakedown run FILE; or see how it works without any: shakedown demo".to_owned(),
    };
    format!("no suite was named, and there is no folder ./suites\n{help}")
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("yaml") || ext.eq_ignore_ascii_case("yml"))
}

/// What is found in a folder must be a file that lies there or in the same project: a link may lead anywhere.
fn inside(folder: &Path, found: &[PathBuf], outside: bool) -> Result<(), String> {
    let roots = IncludeRoots::of(&folder.join("suite.yaml"), &[folder.to_path_buf()]);
    for path in found {
        // What cannot be looked at is told when it is read.
        if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
            return Err(format!("{} is no file; remove it, or name the suites by themselves", path.display()));
        }
        if !outside && !roots.hold(path) {
            let help = "name it by itself, or add --include-outside";
            return Err(format!("{} is a link that leads out of {}; {help}", path.display(), folder.display()));
        }
    }
    Ok(())
}

/// Adds the suites of a folder and of those below it. What cannot be read is an error: it may hold a check.
fn folder(path: &Path, deeper: usize, out: &mut SuiteFiles) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let below = entry.path();
        // Links to folders are not followed: they may form a loop, or lead out of what was meant.
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_symlink() && below.is_dir() {
            out.links.push(below);
        } else if kind.is_dir() {
            if deeper == 0 {
                return Err(format!("{} lies more than {DEEPEST} folders deep; name it by itself", below.display()));
            }
            folder(&below, deeper - 1, out)?;
        } else if is_yaml(&below) {
            out.files.push(below);
        }
        if out.files.len() > MOST {
            return Err(format!("{} holds more than {MOST} suites; name a folder below it", path.display()));
        }
    }
    Ok(())
}
