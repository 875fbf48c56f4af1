//! Files of Kubernetes objects: YAML of one or many documents, JSON, and the lists that `kubectl get` writes.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::cluster::{Pod, Service};
use super::objects::{Labels, NetworkPolicy, ObjectMeta, PodObject, ServiceObject};
use super::policy::Policy;
use super::yaml;

/// Most bytes of a file.
pub(super) const MOST_BYTES: u64 = 64 << 20;
/// The kinds that are understood, with the version each is read in.
const KINDS: [(&str, &str); 4] =
    [("NetworkPolicy", "networking.k8s.io/v1"), ("Pod", "v1"), ("Namespace", "v1"), ("Service", "v1")];

/// An object that says something of who may reach whom.
#[derive(Debug)]
pub(super) enum ClusterObject {
    Policy(Policy),
    Pod(Pod),
    Service(Service),
    Namespace { name: String, labels: Labels },
}

/// The objects of a text.
pub(super) fn objects(text: &str) -> Result<Vec<ClusterObject>, String> {
    let documents: Vec<ObjectDocument> = if text.trim_start().starts_with('{') {
        let read: Result<_, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
        read.map_err(|error| format!("it is no JSON that can be read: {error}"))?
    } else {
        yaml::documents(text).map_err(|error| format!("it is no YAML that can be read: {error}"))?
    };
    let mut out = Vec::new();
    for (ObjectDocument { header, items }, number) in documents.into_iter().zip(1_usize..) {
        let place = format!("document {number}");
        let Some(items) = items else {
            out.push(object(header, None, &place)?);
            continue;
        };
        let of_all = listed(&header, &place)?;
        for (item, at) in items.into_iter().zip(1_usize..) {
            out.push(object(item.0, of_all, &format!("item {at} of {place}"))?);
        }
    }
    Ok(out)
}

/// Kind and version of the items of a list, where the list says it for them: they have none of their own in what the API sends.
type OfAll<'v> = Option<(&'v str, Option<&'v str>)>;

fn listed<'v>(header: &'v Value, place: &str) -> Result<OfAll<'v>, String> {
    let kind = text(header, "kind").and_then(|kind| kind.strip_suffix("List"));
    let Some(kind) = kind else {
        return Err(format!("{place}: it has `items`, and is no list"));
    };
    let continues = header.get("metadata").and_then(|metadata| metadata.get("continue")).and_then(Value::as_str);
    if continues.is_some_and(|token| !token.is_empty()) {
        return Err(format!("{place}: it is a part of a list, which goes on elsewhere (`metadata.continue`)"));
    }
    Ok((!kind.is_empty()).then(|| (kind, text(header, "apiVersion"))))
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

fn object(value: Value, of_all: OfAll<'_>, place: &str) -> Result<ClusterObject, String> {
    let own = text(&value, "kind").map(|kind| (kind, text(&value, "apiVersion"))).or(of_all);
    let own = own.map(|(kind, version)| (kind.to_owned(), version.map(str::to_owned)));
    let Some((kind, version)) = own else { return Err(format!("{place} has no `kind`: it is no Kubernetes object")) };
    let metadata = value.get("metadata").cloned().unwrap_or_default();
    let metadata: Option<ObjectMeta> = serde_path_to_error::deserialize(metadata)
        .map_err(|error| wrong(&format!("{kind} of {place}"), "metadata.", &error))?;
    let ObjectMeta { name, namespace, labels } = metadata.unwrap_or_default();
    let Some(name) = name else { return Err(format!("{kind} of {place} has no `metadata.name`")) };
    let label = namespace.as_ref().map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}"));
    let label = format!("{kind} {label}");
    understood(&kind, version.as_deref(), &label)?;
    if kind == "Namespace" {
        return Ok(ClusterObject::Namespace { name, labels });
    }
    let namespace = namespace
        .ok_or_else(|| format!("{label} has no `metadata.namespace`, and where it is decides whom it is about"))?;
    if kind == "Pod" {
        let pod: PodObject = serde_path_to_error::deserialize(value).map_err(|error| wrong(&label, "", &error))?;
        let pod = Pod::of(namespace, name, labels, pod);
        return pod.map(ClusterObject::Pod).map_err(|why| format!("{label}: {why}"));
    }
    if kind == "Service" {
        let service: ServiceObject =
            serde_path_to_error::deserialize(value).map_err(|error| wrong(&label, "", &error))?;
        let service = Service::of(format!("{namespace}/{name}"), service);
        return service.map(ClusterObject::Service).map_err(|why| format!("{label}: {why}"));
    }
    let policy: NetworkPolicy = serde_path_to_error::deserialize(value).map_err(|error| wrong(&label, "", &error))?;
    let policy = Policy::of(namespace, name, policy);
    policy.map(ClusterObject::Policy).map_err(|(path, why)| format!("{label}: {path}: {why}"))
}

/// Refuses kinds and versions whose meaning is not known here.
fn understood(kind: &str, written: Option<&str>, label: &str) -> Result<(), String> {
    let version = KINDS.iter().find(|(known, _)| *known == kind).map(|(_, version)| *version);
    match (version, written) {
        (Some(version), Some(written)) if version == written => Ok(()),
        (Some(version), _) => Err(format!(
            "{label} is of apiVersion {}, and what is understood is {version}",
            written.unwrap_or("(none)")
        )),
        (None, written) => {
            let of = written.map(|version| format!(" ({version})")).unwrap_or_default();
            Err(format!(
                "{label}{of} is neither NetworkPolicy nor Pod, Namespace or Service: what it allows or denies is not known"
            ))
        }
    }
}

fn wrong(label: &str, below: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { format!("{below}{path}: ") };
    format!("{label}: {path}{}", error.inner())
}

/// A document of a file: an object, or a list and its items.
struct ObjectDocument {
    header: Value,
    items: Option<Vec<UniqueKeys>>,
}

impl<'de> Deserialize<'de> for ObjectDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let UniqueKeys(mut header) = UniqueKeys::deserialize(deserializer)?;
        let items = header.as_object_mut().and_then(|header| header.remove("items"));
        let items = match items {
            None => None,
            // Go writes an empty list so.
            Some(Value::Null) => Some(Vec::new()),
            Some(Value::Array(items)) => Some(items.into_iter().map(UniqueKeys).collect()),
            Some(_) => return Err(serde::de::Error::custom("`items` is no list")),
        };
        Ok(Self { header, items })
    }
}

/// A value in which no key stands twice: which of them counts would be a guess.
struct UniqueKeys(Value);

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueKeysVisitor).map(Self)
    }
}

struct UniqueKeysVisitor;

impl<'de> Visitor<'de> for UniqueKeysVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of Kubernetes")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(UniqueKeys(item)) = seq.next_element()? {
            out.push(item);
        }
        Ok(out.into())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some((key, UniqueKeys(value))) = map.next_entry::<String, _>()? {
            if out.insert(key.clone(), value).is_some() {
                return Err(serde::de::Error::custom(format_args!("key `{key}` is written twice")));
            }
        }
        Ok(out.into())
    }
}
