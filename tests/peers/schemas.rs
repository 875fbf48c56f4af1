//! `jsonschema` of Python: another validator takes our schemas, and says of every suite what ours says.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::peer::{JSONSCHEMA, installed};
use super::sandbox::CliSandbox;

const SCRIPT: &str = "
import json, sys
from jsonschema.validators import validator_for
given = json.load(open(sys.argv[1]))
for schema in given['schemas']:
    validator_for(schema, default=None).check_schema(schema)
suite = given['schemas'][0]
validator = validator_for(suite)(suite)
print(json.dumps([validator.is_valid(one) for one in given['suites']]))
";

fn suites(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ext| ext == "yaml")).collect()
}

#[test]
fn another_validator_agrees() {
    if !installed(&[JSONSCHEMA]) {
        return;
    }
    let sandbox = CliSandbox::new();
    let schemas: Vec<Value> = ["suite", "report", "baseline", "events", "comparison", "history"]
        .iter()
        .map(|name| serde_json::from_slice(&sandbox.shakedown(&["schema", *name]).output().unwrap().stdout).unwrap())
        .collect();
    let ours = jsonschema::validator_for(&schemas[0]).unwrap();
    let mut named = Vec::new();
    for path in ["suites", "tests/suites_good", "tests/suites_bad"].into_iter().flat_map(suites) {
        // Some of the bad ones are no YAML.
        if let Ok(value) = serde_saphyr::from_str::<Value>(&std::fs::read_to_string(&path).unwrap()) {
            named.push((path.display().to_string(), value));
        }
    }
    for family in shakedown::checks::FAMILIES {
        named.push((family.name.to_owned(), serde_saphyr::from_str(family.example).unwrap()));
    }
    let values: Vec<&Value> = named.iter().map(|(_, value)| value).collect();
    std::fs::write(sandbox.path("given.json"), json!({"schemas": schemas, "suites": values}).to_string()).unwrap();
    let output = JSONSCHEMA.command().args(["-c", SCRIPT]).arg(sandbox.path("given.json")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<bool> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(theirs.len(), named.len());
    let (mut taken, mut refused) = (0, 0);
    for ((name, value), theirs) in named.iter().zip(theirs) {
        assert_eq!(ours.is_valid(value), theirs, "{name}");
        if theirs { taken += 1 } else { refused += 1 }
    }
    assert!(taken >= 30 && refused >= 30, "{taken} taken, {refused} refused");
}
