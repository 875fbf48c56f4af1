//! Paths as they are read, and what they lead to.

use serde_json::{Value, json};

use super::{find, is_of, read};
use crate::model::typed::Form;

fn at(document: &Value, path: &str, form: Form) -> Result<Option<Value>, String> {
    let steps = read(path).unwrap_or_else(|(why, _)| panic!("{path}: {why}"));
    find(document, &steps, form).map(Option::<&Value>::cloned).map_err(|error| error.to_string())
}

fn services() -> Value {
    json!({"services": [
        {"name": "db", "port": 5432, "status": "ok", "meta": {"zone": "eu", "tier": 1}, "up": true, "note": null},
        {"name": "web", "port": "80", "status": "down", "meta": {"zone": "eu", "tier": 2}, "up": false},
        {"name": "my, db]", "status": "new", "meta": {"zone": "us"}, "a.b": 1},
        {"name": "", "status": "none"},
    ], "none": [], "texts": ["db"], "map": {"name": "db"}})
}

#[test]
fn paths_lead_into_documents() {
    let value = json!({
        "status": {"ok": true, "list": [1, {"a": 2}]},
        "x.y": 3,
        "Server": "s",
        "a[b]": 5,
        "ns1.example./192.0.2.53": {"serial": 7, "a.b": {"c": 8}},
    });
    let at = |path: &str| at(&value, path, Form::Fields).unwrap();
    assert_eq!(at("status.ok"), Some(json!(true)));
    assert_eq!(at("status.list.1.a"), Some(json!(2)));
    assert_eq!(at("x.y"), Some(json!(3)));
    assert_eq!(at("ns1.example./192.0.2.53.serial"), Some(json!(7)));
    assert_eq!(at("ns1.example./192.0.2.53.a.b.c"), Some(json!(8)));
    assert_eq!(at("ns1.example./192.0.2.5.serial"), None);
    assert_eq!(at("server"), Some(json!("s")));
    assert_eq!(at("status.nope"), None);
    assert_eq!(at("a[b]"), Some(json!(5)), "brackets without = are a part of a key");
}

/// `{present: false}` must not hold because nobody knows which of two is meant.
#[test]
fn what_is_astray_below_a_name_with_dots_is_told() {
    let value = json!({"example.com/db": [{"x": 1, "v": 1}, {"x": 1, "v": 2}], "a.b": {"Id": 1}, "a": {"c": 2}});
    let at = |path: &str| at(&value, path, Form::Document);
    let several = at("example.com/db[x=1].v").unwrap_err();
    assert!(several.starts_with("2 elements fit `[x=1]`"), "{several}");
    assert_eq!(at("a.b.id"), Err("the name there is `Id`".to_owned()));
    assert_eq!(at("a.c"), Ok(Some(json!(2))));
    let value = json!({"a.b": [{"x": 1}, {"x": 1}], "a": {"b": [{"x": 1, "v": 3}]}});
    let steps = read("a.b[x=1].v").unwrap();
    assert_eq!(find(&value, &steps, Form::Document), Ok(Some(&json!(3))), "another way leads to one");
}

#[test]
fn names_of_a_document_have_case() {
    let value = json!({"Status": "up", "list": [{"Id": 1, "id": 2}]});
    let at = |path: &str| at(&value, path, Form::Document);
    let other = |name: &str| Err(format!("the name there is `{name}`"));
    assert_eq!(at("Status"), Ok(Some(json!("up"))));
    assert_eq!(at("status"), other("Status"));
    assert_eq!(at("list.0.id"), Ok(Some(json!(2))));
    assert_eq!(at("list.0.ID"), other("Id"));
    assert_eq!(at("list[ID=1]"), other("Id"), "also in a filter");
    assert_eq!(at("state"), Ok(None));
}

#[test]
fn a_filter_chooses_the_element_with_a_value() {
    let value = services();
    let status = |path: &str| at(&value, &format!("services{path}.status"), Form::Document);
    for (path, want) in [
        ("[name=db]", "ok"),
        ("[ name = db ]", "ok"),
        ("[name='db']", "ok"),
        ("[name=\"db\"]", "ok"),
        ("[name=\"my, db]\"]", "new"),
        ("[name='my, db]']", "new"),
        ("[name=\"\"]", "none"),
        ("[port=5432]", "ok"),
        ("[port=5432.0]", "ok"),
        // A text that reads so is meant as well.
        ("[port=80]", "down"),
        ("[port=\"80\"]", "down"),
        ("[up=true]", "ok"),
        ("[note=null]", "ok"),
        ("[meta.tier=2]", "down"),
        ("[meta.zone=eu,meta.tier=1]", "ok"),
        ("[meta.zone=eu][name=web]", "down"),
        ("[a.b=1]", "new"),
    ] {
        assert_eq!(status(path), Ok(Some(json!(want))), "{path}");
    }
    for none in ["[name=DB]", "[port=\"5432\"]", "[name=db,port=1]", "[nothing=db]", "[meta=eu]"] {
        assert_eq!(status(none), Ok(None), "{none}");
    }
    assert_eq!(at(&value, "none[name=db].status", Form::Document), Ok(None));
    assert_eq!(at(&value, "services[name=db].meta.zone", Form::Document), Ok(Some(json!("eu"))));
    assert_eq!(at(&value["services"], "[name=db].status", Form::Document), Ok(Some(json!("ok"))), "the root is a list");
    let nested = json!([{"id": 1, "ports": [{"name": "http", "port": 80}]}, {"id": 2, "ports": []}]);
    assert_eq!(at(&nested, "[id=1].ports[name=http].port", Form::Document), Ok(Some(json!(80))));
}

/// What cannot be told is never an absence.
#[test]
fn what_means_several_or_no_list_is_told() {
    let value = services();
    let error = |path: &str| at(&value, path, Form::Document).unwrap_err();
    let several = error("services[meta.zone=eu].status");
    assert!(several.starts_with("2 elements fit `[meta.zone=eu]`, which must mean one"), "{several}");
    for (path, there) in [("map", "a document"), ("services[name=db].status", "a text"), ("texts", "a list of others")]
    {
        let told = error(&format!("{path}[name=db]"));
        assert_eq!(told, format!("`[name=db]` chooses from a list of objects, and there is {there}"), "{path}");
    }
}

#[test]
fn mistakes_in_filters_say_what_to_write() {
    for (path, why) in [
        ("services[name=db.status", "`[name=db.status` is not closed"),
        ("services[name=\"db].status", "is not closed"),
        ("services[name==db]", "a filter compares by a single `=`"),
        ("services[port>=5]", "a filter compares by a single `=`"),
        ("services[name!=db]", "a filter compares by a single `=`"),
        ("services[name=~db]", "a filter compares by a single `=`"),
        ("services[=db]", "a filter begins with a key of the element"),
        ("services[@.name=db]", "a filter begins with a key of the element"),
        ("services[name=]", "nothing follows `=`"),
        ("services[name=db,up]", "`up` in a filter is no key=value"),
        ("services[name=db]status", "`status` stands right behind a filter"),
        ("services[name=\"db\"x]", "does not end with its quote"),
        ("services[name=${svc}]", "variables are replaced in values, and this is a key"),
        (&"[".repeat(5000), "a path has at most 4096 bytes, this one 5000"),
    ] {
        let (told, help) = read(path).err().unwrap_or_else(|| panic!("{path} is read"));
        assert!(told.contains(why) && !help.is_empty(), "{path}: {told} ({help})");
    }
}

#[test]
fn what_is_below_a_fact() {
    for (path, name, want) in [
        ("body.json", "body.json", true),
        ("body.json.a", "body.json", true),
        ("body.json[a=b]", "body.json", true),
        ("body.jsonl", "body.json", false),
    ] {
        assert_eq!(is_of(path, name), want, "{path} {name}");
    }
}
