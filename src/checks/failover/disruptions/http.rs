//! `inject: {http: …}`.

use std::path::PathBuf;
use std::time::Duration;

use super::{Wrong, absolute};
use crate::checks::shared::tls_fields::{CA_FILE, CLIENT_CERT, CLIENT_KEY, ROOTS, RootStore, trust};
use crate::guard::disruption::{HttpChange, HttpProof, HttpRequestSpec, HttpRoots, HttpTerms};
use crate::model::interface::url_without_zone;
use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, Text};
use crate::proto::http::request_head::authority_text;

/// The type of a JSON document.
const JSON_TYPE: &str = "application/json";

const URL: Field<Text> = Field::required("url", FieldKind::Url, "http or https URL, without user and password.");
const METHOD: Field<String> = Field::default("method", FieldKind::Text, "POST", "Request method.");
const HEADERS: Field<Vec<(String, Vec<Text>)>> = Field::optional(
    "headers",
    FieldKind::Map(&FieldKind::List(&FieldKind::Text)),
    "Request headers; one with a list of values is sent once for each.",
);
const BODY: Field<Option<Text>> = Field::optional("body", FieldKind::Text, "Request body.");
const JSON: Field<Option<Text>> = Field::optional(
    "json",
    FieldKind::Document,
    "Request body as a JSON document, with `content-type: application/json` unless `headers` has another.",
);
const STATUS: Field<Vec<u16>> = Field::optional(
    "status",
    FieldKind::List(&FieldKind::Integer(100, 599)),
    "Statuses of an answer that says that it was done. Default: 200 to 299.",
);

fields! { UNDO_FIELDS;
    use URL;
    use METHOD;
    use HEADERS;
    use BODY;
    use JSON;
    use STATUS;
}

fields! { VERIFY_FIELDS;
    use URL;
    const PROOF_METHOD: Field<String> = Field::default("method", FieldKind::Text, "GET", "Request method.");
    use HEADERS;
    use BODY;
    use JSON;
    const PROOF_STATUS: Field<Vec<u16>> = Field::optional(
        STATUS.info.name,
        STATUS.info.kind,
        "Statuses of the answer when all is well. Default: 200 to 299.",
    );
    const CONTAINS: Field<Option<Text>> =
        Field::optional("contains", FieldKind::Text, "Text in the body of the answer when all is well.");
}

fields! { pub(super) HTTP_FIELDS;
    use URL;
    use METHOD;
    use HEADERS;
    use BODY;
    use JSON;
    use STATUS;
    const UNDO: Field<Option<Args>> = Field::optional(
        "undo",
        FieldKind::Group(UNDO_FIELDS),
        "The request that puts it back; must be safe to send twice. Without it only a `restore` can.",
    );
    const VERIFY: Field<Option<Args>> = Field::optional(
        "verify",
        FieldKind::Group(VERIFY_FIELDS),
        "A request whose answer shows that all is well: before it is broken, not while it is, and again after `undo`.",
    );
    use ROOTS;
    use CA_FILE;
    use CLIENT_CERT;
    use CLIENT_KEY;
    const TIMEOUT: Field<Duration> = Field::default(
        "timeout",
        FieldKind::Duration(0.01, 10.0),
        "10s",
        "How long the answer to one request may take.",
    );
}

/// The group with the fields of [`HTTP_FIELDS`].
pub(super) fn change(args: &Args, has_restore: bool) -> Result<HttpChange, Wrong> {
    let undo = args.get(&UNDO).map(|undo| request(&undo, &METHOD, &STATUS).map_err(|wrong| within("undo", wrong)));
    let verify = args.get(&VERIFY).map(|verify| proof(&verify).map_err(|wrong| within("verify", wrong)));
    let change = HttpChange {
        request: request(args, &METHOD, &STATUS)?,
        undo: undo.transpose()?,
        verify: verify.transpose()?,
        terms: terms(args)?,
    };
    match &change.undo {
        None if !has_restore => {
            let help = "write the request that does, as `undo: {url: …}`, or the command, as `restore: {run: […]}`";
            Err(("nothing puts back what this request breaks".to_owned(), help.to_owned()))
        }
        None if change.verify.is_some() => {
            let message = "`verify` shows what `undo` has done, and there is none";
            let help =
                "write the `verify` of the check, which goes with its `restore`: `verify: {run: […]}` beside `inject`";
            Err((message.to_owned(), help.to_owned()))
        }
        Some(undo) if does_the_same(undo, &change.request) => {
            let message = "`undo` is the same request as the one that breaks it: sent twice it would break it again";
            Err((message.to_owned(), "write the request that puts it back whatever the state is".to_owned()))
        }
        _ => Ok(change),
    }
}

/// Whether two requests are one. What is masked may differ.
fn does_the_same(one: &HttpRequestSpec, other: &HttpRequestSpec) -> bool {
    let masked = one.headers.iter().map(|(_, value)| value).chain([&one.url]).chain(&one.body).any(Text::is_masked);
    // Which answers are taken for done is no part of what is sent.
    !masked
        && HttpRequestSpec { status: Vec::new(), ..one.clone() }
            == HttpRequestSpec { status: Vec::new(), ..other.clone() }
}

/// What is wrong in an inner group.
fn within(group: &str, (message, help): Wrong) -> Wrong {
    (format!("`{group}`: {message}"), help)
}

fn proof(args: &Args) -> Result<HttpProof, Wrong> {
    Ok(HttpProof { request: request(args, &PROOF_METHOD, &PROOF_STATUS)?, contains: args.get(&CONTAINS) })
}

fn request(args: &Args, method: &Field<String>, status: &Field<Vec<u16>>) -> Result<HttpRequestSpec, Wrong> {
    let url = args.get(&URL);
    if authority_text(&url) != authority_text(url.shown()) {
        let message = format!("the host of `{url}` is secret, and `allowed_targets` must know it");
        return Err((
            message,
            "write the host outright: a secret may stand in the path, in `headers` and in `body`".to_owned(),
        ));
    }
    if url_without_zone(&url).is_ok_and(|(_, zone)| zone.is_some()) {
        let message = format!("`{url}` has a zone, which `shakedown restore` may not have");
        return Err((message, "write an address that is no link-local one, or a name".to_owned()));
    }
    let mut headers: Vec<(String, Text)> = Vec::new();
    for (name, values) in args.get(&HEADERS) {
        headers.extend(values.into_iter().map(|value| (name.clone(), value)));
    }
    let body = match (args.get(&BODY), args.get(&JSON)) {
        (Some(_), Some(_)) => return Err(("`body` and `json` exclude each other".to_owned(), "keep one".to_owned())),
        (None, Some(document)) => {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("content-type".to_owned(), JSON_TYPE.into()));
            }
            Some(document)
        }
        (body, None) => body,
    };
    let request = HttpRequestSpec { method: args.get(method), url, headers, body, status: args.get(status) };
    match request.unsendable() {
        Some(wrong) => Err(wrong),
        None => Ok(request),
    }
}

/// The guard may stand in another folder than the run.
fn terms(args: &Args) -> Result<HttpTerms, Wrong> {
    let file = |field: &Field<Option<Text>>| -> Result<Option<PathBuf>, Wrong> {
        let Some(path) = args.get(field) else { return Ok(None) };
        if path.holds_secret() {
            let message = format!("`{}` holds a secret, and the journal keeps none", field.name());
            return Err((message, "write the path outright".to_owned()));
        }
        Ok(Some(absolute(&path)))
    };
    // Half of a client certificate.
    trust(args).map_err(|invalid| (invalid.message, invalid.help))?;
    let roots = match (file(&CA_FILE)?, args.get(&ROOTS)) {
        (Some(path), _) => HttpRoots::File(path),
        (None, RootStore::System) => HttpRoots::System,
        (None, RootStore::Webpki) => HttpRoots::Webpki,
    };
    Ok(HttpTerms { roots, client: file(&CLIENT_CERT)?.zip(file(&CLIENT_KEY)?), timeout: args.get(&TIMEOUT) })
}

#[cfg(test)]
mod tests {
    use super::change;
    use crate::guard::Disruption;
    use crate::model::{Arg, Args, Text};
    use crate::testing::{args, text};

    type Fields<'f> = &'f [(&'static str, Arg)];

    fn group(fields: Fields<'_>) -> Arg {
        Arg::Group(args([], fields))
    }

    fn undo() -> (&'static str, Arg) {
        ("undo", group(&[("url", text("http://api.example/up"))]))
    }

    fn made(fields: Fields<'_>) -> Result<Disruption, String> {
        let made = change(&args([("url", text("http://api.example/down"))], fields), false);
        made.map(|change| Disruption::Http(Box::new(change))).map_err(|(message, _)| message)
    }

    #[test]
    fn what_is_written_is_what_is_sent() {
        let plain = made(&[undo()]).unwrap();
        assert_eq!(plain.shell_text(), "curl -sSi -X POST http://api.example/down");
        assert_eq!(plain.inverse().unwrap(), "curl -sSi -X POST http://api.example/up");
        let header = Arg::Map(vec![("x-a".to_owned(), Arg::List(vec![text("1"), text("2 3")]))]);
        let rich = made(&[
            ("method", text("PUT")),
            ("headers", header),
            ("json", Arg::Document("{\"enabled\":false}".into())),
            ("ca_file", text("/etc/ca.pem")),
            ("undo", group(&[("url", text("http://[2001:db8::1]/x")), ("method", text("DELETE"))])),
        ]);
        let rich = rich.unwrap();
        assert_eq!(
            rich.shell_text(),
            "curl -sSi -X PUT -H 'x-a: 1' -H 'x-a: 2 3' -H 'content-type: application/json' --data-raw '{\"enabled\":false}' \
             --cacert /etc/ca.pem http://api.example/down"
        );
        assert_eq!(rich.inverse().unwrap(), "curl -sSi -X DELETE --cacert /etc/ca.pem -g 'http://[2001:db8::1]/x'");
        let body = made(&[("body", text("a=1")), undo()]).unwrap().shell_text();
        assert!(body.ends_with(" -H content-type: --data-raw a=1 http://api.example/down"), "{body}");
    }

    #[test]
    fn what_cannot_be_put_back_or_sent_is_refused() {
        let inner = |name: &'static str, fields: Fields<'_>| (name, group(fields));
        let header =
            |name: &str, value: &str| ("headers", Arg::Map(vec![(name.to_owned(), Arg::List(vec![text(value)]))]));
        let verify = inner("verify", &[("url", text("http://api.example/"))]);
        let rows: &[(Fields<'_>, &str)] = &[
            (&[], "nothing puts back what this request breaks"),
            (&[("undo", group(&[("url", text("http://api.example/down"))]))], "the same request"),
            (&[("method", text("post")), undo()], "methods are written in capitals"),
            (&[("body", text("")), ("json", Arg::Document("1".into())), undo()], "exclude each other"),
            (&[header("a b", "x"), undo()], "`a b` is not a header name"),
            (&[header("content-length", "9"), undo()], "belongs to the connection"),
            (&[header("x", "a\nb"), undo()], "the value of `x` cannot be sent"),
            (&[("client_cert", text("/a.pem")), undo()], "`client_cert` without `client_key`"),
            (&[inner("undo", &[("url", text("http://u:p@api.example/"))])], "`undo`: a user or password in a URL"),
            (
                &[inner("undo", &[("url", text("http://[fe80::1%25eth0]/"))])],
                "`undo`: `http://[fe80::1%25eth0]/` has a zone",
            ),
            (
                &[inner("undo", &[("url", Arg::Text(Text::new("http://s3cret/x", Some("http://***/x"))))])],
                "`undo`: the host of `http://***/x` is secret",
            ),
        ];
        for (fields, want) in rows {
            let why = made(fields).unwrap_err();
            assert!(why.contains(want) && !why.contains("s3cret"), "{fields:?}: {why}");
        }
        let args: Args = args([("url", text("http://api.example/down"))], &[verify]);
        assert!(change(&args, true).unwrap_err().0.contains("`verify` shows what `undo` has done"));
        assert!(change(&Args([("url", text("http://api.example/down"))].into()), true).is_ok(), "a command restores");
    }

    #[test]
    fn a_secret_is_allowed_where_no_list_of_processes_shows_it() {
        let secret = || Arg::Text(Text::new("http://api.example/s3cret", Some("http://api.example/***")));
        let change =
            made(&[("undo", group(&[("url", secret()), ("body", Arg::Text(Text::new("s3cret", Some("***"))))]))]);
        let line = change.unwrap().inverse().unwrap();
        assert_eq!(line, "curl -sSi -X POST -H content-type: --data-raw '***' 'http://api.example/***'");
    }
}
