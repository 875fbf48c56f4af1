//! Sections of `shakedown explain suite` about documents, and about what checks of a run have to do with each other.

/// Paths, filters and null.
pub(in crate::app) const DOCUMENTS: &str = "\
## Documents

A path leads into a document: keys with dots between them, and positions in lists, which count from 0 (`body.json.errors.0.code`).
`LIST[KEY=VALUE]` chooses the one element of a list that has this value, at whatever position:

```yaml
  - id: health
    http: {url: \"https://www.example.test/health\"}
    expect:
      body.json.services[name=db].status: ok
      body.json.services[name=db,zone=eu].lag: {lt: 0.5}
      'body.json.services[name=\"my db\"].port': 5432
      body.json.error: null
```

- Several conditions, separated by commas, must all hold of one element; a key may be a path itself (`[meta.zone=eu]`). Where the whole
  document is a list, write `body.json[name=db].status`.
- A value without quotes matches a text, number, true, false or null that is written like it; one in quotes matches only a text. A value with a
  comma, a bracket or a blank needs quotes. In YAML, a path on a line of its own needs no quotes; between `{` and `}` it does:
  `expect: {\"body.json.services[name=db].status\": ok}`. Variables are not replaced in it, as it is a key.
- If no element matches, the fact is absent. If several match, it is not known which one is meant, and no expectation holds, not even
  `{present: false}`. The same goes for a filter where there is no list of objects.

In a document null is a value: `body.json.error: null` expects it, `{ne: null}` any other value. `{present: false}` expects that the key is not
there at all, and `{any_of: [{eq: null}, {present: false}]}` accepts either. A null has no order, no length and no text, so it satisfies neither
such a test nor its negation.
";

/// Order, overlap and repetition.
pub(in crate::app) const TOGETHER: &str = "\
## Checks of one run

`needs` names checks of the same suite by their id, those of another suite of the run as `suite/check`, and cells as `\"suite/alive[site=a]\"`. All
suites that are named must be given to the command; a dependency cycle, across suites too, is an error. A selection (`--only`, `--tag`) also runs
what the selected checks need, from whatever suite; `--skip-tag` also leaves out the checks that need one it leaves out.

Quiet checks run in parallel, up to `--jobs`; noisy ones (loads, throughput, comparisons) and disruptive ones (`failover`) run alone anyway. Two keys
limit how quiet ones overlap:
- `serial: NAME`: of all checks of the run with this name, one runs at a time;
- `per_target: N`: at most N of the checks of one host run at once. A host is the name or address that a check
  writes, whatever its port; of several numbers for one host the smallest counts. Checks that find their hosts themselves (servers of a zone) have
  no limit. `--per-target N` replaces `defaults.per_target`.

A check takes all its places at once when it starts and gives them back when its measurement ends, so checks cannot block each other. `shakedown
plan` shows every such limit.

`retries: N` makes up to N further attempts, `retry_delay` apart. A delay ends early when the run is interrupted or its `--deadline` passes; then the
check is errored, as another attempt was due. With `run --deadline 10m`, every check that has not ended after ten minutes is errored, also one that
never started; what a check has changed is put back first, however long that takes.
";
