//! Words of other tools and of people, each with the one of a suite.

/// Words of operators. `=` stands for "is the same as", whatever is asked of it: a whole test may stand there.
#[rustfmt::skip]
pub(super) const OPERATORS: &[(&str, &str)] = &[
    ("equals", "eq"), ("equal", "eq"), ("equal_to", "eq"), ("is", "eq"), ("==", "eq"), ("=", "eq"), ("value", "eq"),
    ("exact", "eq"), ("be", "eq"), ("neq", "ne"), ("not_equal", "ne"), ("not_equals", "ne"), ("!=", "ne"), ("<>", "ne"),
    ("is_not", "ne"), ("isnt", "ne"), ("<", "lt"), ("less", "lt"), ("less_than", "lt"), ("below", "lt"),
    ("under", "lt"), ("before", "lt"), ("smaller_than", "lt"), ("<=", "le"), ("lte", "le"), ("max", "le"),
    ("maximum", "le"), ("at_most", "le"), ("upto", "le"), ("up_to", "le"), ("no_more_than", "le"),
    ("less_or_equal", "le"), ("less_than_or_equal", "le"), (">", "gt"), ("greater", "gt"), ("greater_than", "gt"),
    ("more_than", "gt"), ("above", "gt"), ("over", "gt"), ("after", "gt"), (">=", "ge"), ("gte", "ge"), ("min", "ge"),
    ("minimum", "ge"), ("at_least", "ge"), ("no_less_than", "ge"), ("greater_or_equal", "ge"),
    ("greater_than_or_equal", "ge"), ("range", "between"), ("within", "between"), ("from_to", "between"),
    ("interval", "between"), ("one_of", "in"), ("oneof", "in"), ("enum", "in"), ("among", "in"), ("any_in", "in"),
    ("is_in", "in"), ("in_list", "in"), ("notin", "not_in"), ("nin", "not_in"), ("none_of", "not_in"),
    ("not_one_of", "not_in"), ("regex", "matches"), ("regexp", "matches"), ("match", "matches"), ("pattern", "matches"),
    ("like", "matches"), ("=~", "matches"), ("~", "matches"), ("match_regexp", "matches"), ("matches_regex", "matches"),
    ("matches_regexp", "matches"), ("match_regex", "matches"), ("re", "matches"), ("not_regex", "not_matches"),
    ("not_match", "not_matches"), ("!~", "not_matches"), ("does_not_match", "not_matches"),
    ("not_matches_regexp", "not_matches"), ("contain", "contains"), ("containing", "contains"), ("include", "contains"),
    ("includes", "contains"), ("has", "contains"), ("substring", "contains"), ("contain_element", "contains"),
    ("contain_elements", "contains"), ("contain_substring", "contains"), ("contains_all", "contains"),
    ("exclude", "excludes"), ("not_contains", "excludes"), ("not_contain", "excludes"),
    ("does_not_contain", "excludes"), ("not_include", "excludes"), ("not_includes", "excludes"), ("lacks", "excludes"),
    ("without", "excludes"), ("consist_of", "exactly"), ("only", "exactly"), ("set", "exactly"), ("list", "exactly"),
    ("equals_list", "exactly"), ("some", "any"), ("every", "all"), ("each", "all"), ("length", "len"), ("size", "len"),
    ("count", "len"), ("have_len", "len"), ("number", "len"), ("number_of", "len"), ("exist", "present"),
    ("exists", "present"), ("defined", "present"), ("is_defined", "present"), ("is_set", "present"),
    ("there", "present"), ("absent", "present: false"), ("missing", "present: false"), ("null", "present: false"),
    ("is_null", "present: false"), ("empty", "len: 0"), ("is_empty", "len: 0"), ("be_empty", "len: 0"),
    ("and", "all_of"), ("&&", "all_of"), ("both", "all_of"), ("or", "any_of"), ("||", "any_of"), ("either", "any_of"),
    ("starts_with", "^"), ("startswith", "^"), ("prefix", "^"), ("have_prefix", "^"), ("begins_with", "^"),
    ("ends_with", "$"), ("endswith", "$"), ("suffix", "$"), ("have_suffix", "$"),
];

/// Keys of a check.
#[rustfmt::skip]
pub(super) const CHECK: &[(&str, &str)] = &[
    ("name", "id"), ("check", "id"), ("key", "id"), ("title", "description"), ("desc", "description"),
    ("summary", "description"), ("comment", "description"), ("tag", "tags"), ("label", "tags"), ("labels", "tags"),
    ("dual_stack", "parity"), ("dualstack", "parity"), ("both_ip_versions", "parity"),
    ("network_namespace", "netns"), ("namespace", "netns"), ("net_ns", "netns"), ("ns", "netns"),
    ("group", "tags"), ("groups", "tags"), ("need", "needs"), ("depends", "needs"), ("depend_on", "needs"),
    ("depends_on", "needs"), ("dependencies", "needs"), ("require", "needs"), ("requires", "needs"), ("after", "needs"),
    ("if", "when"), ("only_if", "when"), ("condition", "when"), ("only", "when"), ("unless", "when"),
    ("assert", "expect"), ("asserts", "expect"), ("assertion", "expect"), ("assertions", "expect"),
    ("expected", "expect"), ("expects", "expect"), ("expectations", "expect"), ("should", "expect"),
    ("verify", "expect"), ("validate", "expect"), ("conditions", "expect"), ("thresholds", "expect"),
    ("response", "expect"), ("result", "expect"), ("loop", "matrix"), ("with_items", "matrix"), ("for_each", "matrix"),
    ("foreach", "matrix"), ("parameters", "matrix"), ("params", "matrix"), ("strategy", "matrix"), ("cases", "matrix"),
    ("retry", "retries"), ("attempts", "retries"), ("repeat", "rounds"), ("repeats", "rounds"),
    ("iterations", "rounds"), ("times", "rounds"), ("runs", "rounds"), ("level", "severity"), ("priority", "severity"),
    ("until", "eventually"), ("wait_for", "eventually"), ("wait", "eventually"), ("poll", "eventually"),
    ("deadline", "budget"), ("max_time", "budget"), ("tolerance", "baseline"), ("reference", "control"),
    ("witness", "control"), ("allow_failure", "severity: warn"), ("allow_fail", "severity: warn"),
    ("continue_on_error", "severity: warn"), ("ignore_errors", "severity: warn"), ("optional", "severity: warn"),
    ("warn", "severity: warn"), ("warn_only", "severity: warn"), ("critical", "severity: fail"),
    ("delay", "eventually: {within: 30s, every: 5s}"), ("interval", "eventually: {within: 30s, every: 5s}"),
    ("every", "eventually: {within: 30s, every: 5s}"),
    ("period", "eventually: {within: 30s, every: 5s}"), ("initial_delay", "eventually: {within: 30s, every: 5s}"),
    ("failure_threshold", "retries"), ("skip", "tags: [skip]"), ("disabled", "tags: [skip]"),
    ("enabled", "off: tags: [skip]"), ("ignore", "tags: [skip]"), ("failed_when", "expect"),
    ("captures", "capture"), ("extract", "capture"), ("extractor", "capture"), ("extractors", "capture"),
    ("register", "capture: {NAME: FACT}"), ("save", "capture"), ("store", "capture"), ("export", "capture"), ("exports", "capture"),
    ("outputs", "capture"), ("set_fact", "capture"), ("set_variable", "capture"),
    ("become", RIGHTS), ("sudo", RIGHTS), ("run_as", RIGHTS),
    ("delegate_to", "!all is asked from this host: run shakedown where the question should come from"),
    ("exec", COMMAND), ("command", COMMAND), ("cmd", COMMAND), ("shell", COMMAND), ("script", COMMAND),
    ("process", INSIDE), ("service", INSIDE), ("package", INSIDE), ("file", INSIDE), ("user", INSIDE), ("mount", INSIDE),
    ("kernel_param", INSIDE),
    ("grpc", "!gRPC is not spoken: `tcp: {host: HOST, port: PORT}` shows whether it listens, `tls: {host: HOST, port: PORT, alpn: [h2]}` whether with TLS"),
];
const RIGHTS: &str = "!checks have the rights of whoever runs shakedown";
const COMMAND: &str = "!a check runs no command, it asks the service: `http: {url: …}`, `tcp: {host: …, port: …}`; only `failover` runs some, to break and restore";
const INSIDE: &str =
    "!what a host looks like inside is not read: ask what it serves, such as `tcp: {host: …, port: …}`";

/// Keys of a file.
#[rustfmt::skip]
pub(super) const SUITE: &[(&str, &str)] = &[
    ("name", "suite"), ("title", "description"), ("desc", "description"), ("variables", "vars"), ("variable", "vars"),
    ("var", "vars"), ("env", "vars"), ("environment", "vars"), ("secret", "secrets"), ("includes", "include"),
    ("import", "include"), ("imports", "include"), ("extends", "include"), ("gossfile", "include"), ("check", "checks"),
    ("tests", "checks"), ("test", "checks"), ("targets", "checks"), ("jobs", "checks"), ("steps", "checks"),
    ("cases", "checks"), ("tasks", "checks"), ("scenarios", "checks"), ("probes", "checks"), ("monitors", "checks"),
    ("rules", "checks"), ("default", "defaults"), ("settings", "defaults"), ("config", "defaults"),
    ("global", "defaults"), ("globals", "defaults"), ("api_version", "version: 1"), ("schema", "version: 1"),
    ("format", "version: 1"),
];

/// Keys of `eventually`.
#[rustfmt::skip]
pub(super) const EVENTUALLY: &[(&str, &str)] = &[
    ("timeout", "within"), ("for", "within"), ("max", "within"), ("deadline", "within"), ("total", "within"),
    ("interval", "every"), ("delay", "every"), ("period", "every"), ("poll", "every"), ("retry_interval", "every"),
    ("step", "every"),
];

/// Other names of the parts of a distribution.
#[rustfmt::skip]
pub(super) const STATISTICS: &[(&str, &str)] = &[
    ("avg", "mean"), ("average", "mean"), ("minimum", "min"), ("maximum", "max"), ("med", "median"), ("p100", "max"),
    ("p0", "min"), ("std", "stddev"), ("sd", "stddev"), ("mdev", "stddev"), ("n", "count"), ("p999", "p99"),
    ("p99.9", "p99"), ("p75", "p90"), ("p80", "p90"), ("95", "p95"), ("99", "p99"),
];
