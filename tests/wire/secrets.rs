//! Texts for people are built with `***` in the place of a secret. Nothing here searches them afterwards: what would hide a
//! secret in the reports is left out.
//!
//! Every field of every family joins by its table, at whatever depth, with a secret as its value or as a part of it.

use futures_util::{StreamExt as _, stream};
use std::net::TcpListener;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use shakedown::checks::FAMILIES;
use shakedown::judge;
use shakedown::model::record::Timing;
use shakedown::model::{FieldInfo, FieldKind, stand_in};
use shakedown::plan::{self, Case, Settings};
use shakedown::probe::{CapturedValues, Family};
use shakedown::suite::file::{Input, Loaded, Options};

use crate::observe::observe_with;

/// What a host name can hold, and what it cannot.
const SECRETS: [&str; 2] = ["s3cr3t-t0ken", "Tr0ub4dor & \"3\""];

/// A check of a family that plans, against a port of loopback where nobody listens.
fn base(family: &Family, port: u16) -> Map<String, Value> {
    let endpoint = format!("127.0.0.1:{port}");
    let base = match family.name {
        "udp" => json!({"host": "127.0.0.1", "port": port, "send": "x"}),
        "http" => json!({"url": format!("http://{endpoint}/")}),
        "dns" => json!({"server": endpoint, "name": "www.example", "attempts": 1}),
        "throughput" => json!({"server": endpoint, "duration": "300ms", "interval": "100ms"}),
        "failover" => json!({
            "probe": {"tcp": {"host": "127.0.0.1", "port": port}},
            "inject": {"run": ["true"]}, "restore": {"run": ["true"]}, "steady": "50ms", "observe": "60ms", "settle": "20ms",
        }),
        // A family that is new here has a host and perhaps a port.
        _ => {
            let (main, port_field) = family.target_field;
            let mut base = json!({main: "127.0.0.1"});
            if let Some(field) = port_field {
                base[field] = port.into();
            }
            base
        }
    };
    base.as_object().unwrap().clone()
}

/// Values with the secret that a field of this kind may have.
fn values(kind: &FieldKind, port: u16) -> Vec<Value> {
    match kind {
        FieldKind::Document => vec![json!({"a": ["x ${TOKEN}"]})],
        FieldKind::Host => vec![json!("${TOKEN}.invalid"), json!("/${TOKEN}")],
        FieldKind::Endpoint => vec![json!("${TOKEN}.invalid:9"), json!("/${TOKEN}")],
        FieldKind::Url => vec![
            json!(format!("http://127.0.0.1:{port}/a/${{TOKEN}}?q=${{TOKEN}}#${{TOKEN}}")),
            json!("https://${TOKEN}.invalid/x"),
            json!("${TOKEN}"),
        ],
        FieldKind::List(item) => values(item, port).into_iter().map(|value| json!([value])).collect(),
        FieldKind::Map(item) => values(item, port).into_iter().map(|value| json!({"x-name": value})).collect(),
        FieldKind::Group(fields) | FieldKind::Switch(fields) => below(fields, port),
        FieldKind::GroupOr(_, fields) => below(fields, port).into_iter().chain([json!("${TOKEN}")]).collect(),
        FieldKind::Probe(families, fields) => {
            // Each family is walked by itself; here it matters that a nested one is shown like those.
            let nested = families().into_iter().filter(|name| ["tcp", "http"].contains(name)).flat_map(|name| {
                let family = FAMILIES.iter().find(|family| family.name == name).unwrap();
                variants(family, port).into_iter().map(move |args| json!({name: args}))
            });
            let own = below(fields, port).into_iter().map(|mut group| {
                group["tcp"] = json!({"host": "127.0.0.1", "port": port});
                group
            });
            nested.chain(own).collect()
        }
        _ => vec![json!("${TOKEN}"), json!("${text}")],
    }
}

/// Groups in which one field holds the secret.
fn below(fields: &[FieldInfo], port: u16) -> Vec<Value> {
    let group = |field: &FieldInfo, value: Value| {
        let mut group = json!({field.name: value});
        // What a group cannot do without.
        for required in fields.iter().filter(|other| other.required && other.name != field.name) {
            group[required.name] = if required.name == "zone" { json!("example") } else { json!("x") };
        }
        group
    };
    fields
        .iter()
        .flat_map(|field| values(&field.kind, port).into_iter().map(move |value| group(field, value)))
        .collect()
}

/// The fields of a check of a family, one of them with the secret.
fn variants(family: &Family, port: u16) -> Vec<Map<String, Value>> {
    let mut out = Vec::new();
    for field in family.fields {
        for value in values(&field.kind, port) {
            let mut args = base(family, port);
            args.insert(field.name.to_owned(), value);
            if field.name == "authoritative" {
                args.remove("server");
            }
            out.push(args);
        }
    }
    // A command as one would write it.
    for field in ["inject", "restore", "verify"].iter().filter(|_| family.name == "failover") {
        let mut args = base(family, port);
        args.insert(
            (*field).to_owned(),
            json!({"run": ["sh", "-c", "curl -H 'x: ${TOKEN}' http://127.0.0.1:9/; true"]}),
        );
        out.push(args);
    }
    out
}

fn loaded(family: &str, args: &Map<String, Value>, more: &str, secret: &'static str) -> Loaded {
    let text = format!(
        "version: 1\nsuite: walk\nsecrets: [TOKEN]\nvars: {{text: \"x ${{TOKEN}} y\"}}\ndefaults: {{timeout: 100ms}}\nchecks:\n  \
         - {{id: a, {family}: {}{more}}}\n",
        Value::Object(args.clone())
    );
    let env = |name: &str| (name == "TOKEN").then(|| secret.to_owned());
    let options = Options { include_outside: true, ..Options::none(&env) };
    shakedown::suite::load(&[Input::Text("walk.yaml".into(), text)], FAMILIES, &options)
}

/// Checks that run at once.
const AT_ONCE: usize = 32;

/// Complaints about texts that hold the secret.
struct Texts {
    secret: &'static str,
    place: String,
    problems: Vec<String>,
}

impl Texts {
    fn check(&mut self, sort: &str, text: &str) {
        let (text, secret) = (text.to_lowercase(), self.secret.to_lowercase());
        let escaped = serde_json::to_string(&secret).unwrap();
        let first = secret.split(' ').next().unwrap();
        if [secret.as_str(), escaped.trim_matches('"'), first].iter().any(|form| text.contains(form)) {
            self.problems.push(format!("{}: {sort} shows it: {text}", self.place));
        }
    }

    /// What is told of a check before it runs; the check, if it may run.
    fn of_plan(&mut self, mut loaded: Loaded) -> Option<Case> {
        let settings = Settings { allow_disruptive: true, ..Settings::default() };
        let plan = plan::plan(&mut loaded, None, &settings);
        if !loaded.errors.is_empty() {
            self.check("an error", &loaded.errors.render(&loaded.sources, false));
            return None;
        }
        self.check("the plan", &plan::print(&plan));
        plan.cases.into_iter().next()
    }

    /// What its record holds.
    async fn of_run(&mut self, case: &Case) {
        self.of_run_with(case, &Arc::default()).await;
    }

    /// The same, in a run that has captured these values.
    async fn of_run_with(&mut self, case: &Case, captured: &Arc<CapturedValues>) {
        let (observation, ended) = observe_with(&*case.subject().probe, captured).await;
        let judgement = judge::judge(case, &observation, ended.err());
        let metrics = judge::metrics(case, &observation);
        let record = judge::record(case, &observation, judgement, metrics, Timing::default());
        self.check("the record", &serde_json::to_string(&record).unwrap());
    }
}

/// What came of one check of a walk.
struct Visit {
    ran: bool,
    problems: Vec<String>,
}

/// Has `visit` look at a check with each field of each family that may hold a secret, and gives how many ran and how many were
/// refused.
async fn walk(visit: impl AsyncFn(&'static Family, Map<String, Value>, &'static str) -> Visit) -> (usize, usize) {
    shakedown::guard::set_program(env!("CARGO_BIN_EXE_shakedown"));
    shakedown::guard::journal::set_folder(&std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("journal"));
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let all = FAMILIES.iter().flat_map(|family| variants(family, port).into_iter().map(move |args| (family, args)));
    let each = all.flat_map(|(family, args)| SECRETS.iter().map(move |secret| (family, args.clone(), *secret)));
    // Most of the time goes by in waiting for peers that are not there.
    let visit = &visit;
    let visits = stream::iter(each).map(|(family, args, secret)| visit(family, args, secret));
    let ended: Vec<Visit> = visits.buffer_unordered(AT_ONCE).collect().await;
    let (all, ran) = (ended.len(), ended.iter().filter(|visit| visit.ran).count());
    let problems: Vec<String> = ended.into_iter().flat_map(|visit| visit.problems).collect();
    assert!(problems.is_empty(), "{} of {all}:\n{}", problems.len(), problems.join("\n"));
    (ran, all - ran)
}

impl Texts {
    fn of_field(family: &Family, args: &Map<String, Value>, secret: &'static str) -> Self {
        let place = format!("{} {}", family.name, Value::Object(args.clone()));
        Self { secret, place, problems: Vec::new() }
    }
}

/// Every field of every family, with a secret in it, against a target that refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_field_shows_a_secret_that_nobody_searches_for() {
    let (ran, refused) = walk(async |family, args, secret| {
        let mut texts = Texts::of_field(family, &args, secret);
        let planned = texts.of_plan(loaded(family.name, &args, "", secret));
        if let Some(case) = &planned {
            texts.of_run(case).await;
        }
        Visit { ran: planned.is_some(), problems: texts.problems }
    })
    .await;
    assert!(ran > 80 && refused > 100, "{ran} checks ran, {refused} were refused");
}

/// A check of a family with what another one captures in the place of the secret.
fn capturing(family: &str, args: &Map<String, Value>) -> Loaded {
    let fields = Value::Object(args.clone()).to_string();
    let fields = fields.replace("${text}", "x ${TOKEN} y").replace("${TOKEN}", "${checks.login.token}");
    let text = format!(
        "version: 1\nsuite: walk\ndefaults: {{timeout: 100ms}}\nchecks:\n  \
         - {{id: login, http: {{url: \"http://127.0.0.1:9/\"}}, capture: {{token: body.json.token}}}}\n  - {{id: a, {family}: {fields}}}\n"
    );
    let options = Options { include_outside: true, ..Options::none(&|_| None) };
    shakedown::suite::load(&[Input::Text("walk.yaml".into(), text)], FAMILIES, &options)
}

/// Every field of every family, with a captured value in it: what may stand there is sent and shown nowhere, and what may not is
/// refused without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_field_shows_a_value_that_was_captured() {
    let (ran, refused) = walk(async |family, args, secret| {
        let mut texts = Texts::of_field(family, &args, secret);
        let mut loaded = capturing(family.name, &args);
        let settings = Settings { allow_disruptive: true, ..Settings::default() };
        let plan = plan::plan(&mut loaded, None, &settings);
        let stand_in = stand_in::of("walk", "login", "token");
        for text in [loaded.errors.render(&loaded.sources, false), plan::print(&plan)] {
            if text.contains(&*stand_in) {
                texts.problems.push(format!("{}: a stand-in is shown: {text}", texts.place));
            }
        }
        let case = plan.cases.iter().find(|case| &*case.id == "a" && loaded.errors.is_empty());
        if let Some(case) = case {
            let captured = Arc::<CapturedValues>::default();
            captured.set(&stand_in, secret);
            texts.of_run_with(case, &captured).await;
        }
        Visit { ran: case.is_some(), problems: texts.problems }
    })
    .await;
    assert!(ran > 30 && refused > 100, "{ran} checks ran, {refused} were refused");
}

/// The keys of a check beside its family.
#[tokio::test]
async fn no_key_of_a_check_shows_one_either() {
    let family = FAMILIES.iter().find(|family| family.name == "tcp").unwrap();
    let mut args = base(family, 9);
    args.insert("banner".to_owned(), true.into());
    let (mut planned, mut problems) = (0, Vec::new());
    for key in [
        "tags: [\"${TOKEN}\", \"a ${text}\"]",
        "needs: [\"${TOKEN}\"]",
        "control: \"${TOKEN}\"",
        "when: {text: [no]}",
        "when: {text: [\"${text}\"]}",
        "when: {text: [\"no ${TOKEN}\"]}",
        "severity: \"${TOKEN}\"",
        "rounds: \"${TOKEN}\"",
        "budget: \"${text}\"",
        "retries: \"${TOKEN}\"",
        "description: \"${text}\"",
        "eventually: {within: \"${TOKEN}\"}",
        "matrix: {a: [\"${TOKEN}\"]}",
        "matrix: {a: [\"x ${text}\"]}",
        "baseline: {connect_time: {tolerance: \"${TOKEN}\"}}",
        "baseline: {banner: {change: \"${text}\"}}",
        "expect: {banner: \"${TOKEN}\"}",
        "expect: {banner: {in: [\"${TOKEN}\", \"${text}\"]}}",
        "expect: {banner: {matches: \"${TOKEN}\"}}",
        "expect: {banner: {matches: \"(${TOKEN}\"}}",
        "expect: {banner: {any_of: [{contains: [\"${text}\"]}, {not: {eq: \"${TOKEN}\"}}]}}",
        "expect: {outcome: \"${TOKEN}\"}",
        "expect: {connect_time.p95: {lt: \"${TOKEN}\"}}",
        "expect: {addresses: {contains: [\"${TOKEN}\"]}}",
        "expect: {banner: {eq: \"${TOKEN}\", ne: \"${TOKEN}\"}}",
    ] {
        for secret in SECRETS {
            let mut texts = Texts { secret, place: key.to_owned(), problems: Vec::new() };
            if let Some(case) = texts.of_plan(loaded("tcp", &args, &format!(", {key}"), secret)) {
                planned += 1;
                texts.of_run(&case).await;
            }
            problems.extend(texts.problems);
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(planned > 10, "{planned}");
}
