//! Sections of `shakedown explain suite` about documents, and about what checks of a run have to do with each other.

/// Paths, filters and null.
pub(super) const DOCUMENTS: &str = "\
## Documents

A path leads into a document: keys with dots between, positions of lists from 0 (`body.json.errors.0.code`). `LIST[KEY=VALUE]` chooses the one
element of a list that has this value, wherever it stands:

```yaml
  - id: health
    http: {url: \"https://www.example.test/health\"}
    expect:
      body.json.services[name=db].status: ok
      body.json.services[name=db,zone=eu].lag: {lt: 0.5}
      'body.json.services[name=\"my db\"].port': 5432
      body.json.error: null
```

- Several conditions, with commas between, hold of one element together; a key may be a path itself (`[meta.zone=eu]`). A list that is the whole
  document is `body.json[name=db].status`.
- A value without quotes is a text, number, true, false or null that reads so; one in quotes is a text. What holds a comma, a bracket or a blank
  needs quotes. In YAML a line of its own takes the path as it is; between `{` and `}` the whole path stands in quotes:
  `expect: {\"body.json.services[name=db].status\": ok}`. Variables are not replaced in it, as it is a key.
- If no element fits, the fact is absent. If several fit, it cannot be told which is meant: nothing holds of it, `{present: false}` included. The
  same goes for a filter where there is no list of objects.

In a document null is a value: `body.json.error: null` wants it, `{ne: null}` anything else that is there. `{present: false}` wants that the key is not
there at all, and `{any_of: [{eq: null}, {present: false}]}` takes either. A null has no order, no length and no text, so it satisfies neither
such a test nor its negation.
";

/// Order, overlap and repetition.
pub(super) const TOGETHER: &str = "\
## Checks of one run

`needs` names checks of the same suite by their id, and those of another suite of the run as `suite/check`, cells as `\"suite/alive[site=a]\"`. All suites
that are named must be given to the command; a dependency cycle, across suites too, is an error. A selection (`--only`, `--tag`) takes in what the
selected checks need, from whatever suite, and `--skip-tag` leaves out what needs something that is left out.

Quiet checks run in parallel, up to `--jobs`; noisy and disruptive ones run alone anyway. Two things keep quiet ones apart:
- `serial: NAME`: of all checks of the run with this name, one runs at a time;
- `per_target: N`: at most so many of the checks that are about the same host run at once. A host is the name or address that a check
  writes, whatever its port; of several numbers for one host the smallest counts. Checks that find their hosts themselves (servers of a zone) have
  no limit. `--per-target N` takes the place of `defaults.per_target`.

A check takes its places when it starts and leaves them when its measurement ends, so no two checks ever wait for each other. `shakedown plan`
shows every limit that keeps a check waiting.

`retries: N` makes up to N further attempts, `retry_delay` apart. A delay ends early when the run is interrupted or its `--deadline` passes; the check
is errored then, as another attempt was due. With `run --deadline 10m`, whatever has not ended after ten minutes is errored, also what never started;
what a check has changed is put back first, however long that takes.
";
