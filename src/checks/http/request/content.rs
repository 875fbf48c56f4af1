//! What a request sends: the body, and the credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Bytes;
use hyper::header::HeaderValue;

use crate::checks::http::fields::{AUTH, BODY, BODY_FILE, FORM, JSON, PASSWORD, TOKEN, USER};
use crate::model::{Args, Field, Invalid, Text};
use crate::net::bytes::of_file;

/// Most bytes of a file with a body.
const MOST_FILE: u64 = 16 << 20;

/// A body, and the type that goes with its form.
pub(super) struct Content {
    pub(super) bytes: Bytes,
    pub(super) media_type: Option<&'static str>,
}

/// Whether a check with these fields sends something.
pub(super) fn is_given(args: &Args) -> bool {
    args.given(&BODY) || args.given(&JSON) || args.given(&FORM) || args.given(&BODY_FILE)
}

/// The body; empty where none is written.
pub(super) fn content(args: &Args) -> Result<Content, Invalid> {
    let fields = [(args.given(&BODY), "body"), (args.given(&JSON), "json"), (args.given(&FORM), "form")];
    let mut given = fields.into_iter().chain([(args.given(&BODY_FILE), "body_file")]).filter(|(given, _)| *given);
    if let (Some((_, first)), Some((_, second))) = (given.next(), given.next()) {
        return Err(Invalid::at(second, format!("`{first}` and `{second}` exclude each other"), "keep one"));
    }
    if let Some(document) = args.get(&JSON) {
        return Ok(Content { bytes: document.into_value().into(), media_type: Some("application/json") });
    }
    if args.given(&FORM) {
        let bytes = form(&args.get(&FORM)).into();
        return Ok(Content { bytes, media_type: Some("application/x-www-form-urlencoded") });
    }
    let bytes = match args.get(&BODY_FILE) {
        Some(path) => of_file(&path, MOST_FILE)
            .map_err(|why| BODY_FILE.invalid(why, "give a file of at most 16 MiB that this user may read"))?,
        None => args.get(&BODY).unwrap_or_default().into_bytes(),
    };
    Ok(Content { bytes: bytes.into(), media_type: None })
}

/// As the URL standard writes forms.
fn form(entries: &[(String, Vec<String>)]) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (name, values) in entries {
        for value in values {
            out.append_pair(name, value);
        }
    }
    out.finish()
}

/// The header of the credentials (RFC 7617, RFC 6750).
pub(super) fn authorization(args: &Args) -> Result<Option<HeaderValue>, Invalid> {
    let Some(group) = args.get(&AUTH) else { return Ok(None) };
    let text = match (group.get(&USER), group.get(&PASSWORD), group.get(&TOKEN)) {
        (None, None, Some(token)) => format!("Bearer {}", &*of_secrets(&AUTH, &TOKEN, token)?),
        (Some(user), Some(password), None) => {
            if user.contains(':') || user.chars().chain(password.chars()).any(char::is_control) {
                let message = "`user` has no colon, and neither of the two a control character (RFC 7617)";
                return Err(AUTH.invalid(message, "write them as the server knows them"));
            }
            let password = of_secrets(&AUTH, &PASSWORD, password)?;
            format!("Basic {}", STANDARD.encode(format!("{}:{}", &*user, &*password)))
        }
        _ => {
            let help = "write `auth: {user: NAME, password: \"${PASSWORD}\"}` or `auth: {token: \"${TOKEN}\"}`";
            return Err(AUTH.invalid("`auth` needs `user` and `password`, or `token` alone", help));
        }
    };
    let value = HeaderValue::from_str(&text);
    let mut value = value.map_err(|_| AUTH.invalid("the credentials cannot be sent", "write them on one line"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// The value, which nobody may find in a suite or a report.
pub(in crate::checks::http) fn of_secrets(
    group: &Field<Option<Args>>,
    field: &Field<Option<Text>>,
    value: Text,
) -> Result<Text, Invalid> {
    if value.holds_secret() {
        return Ok(value);
    }
    let name = field.name().to_uppercase();
    let help =
        format!("write `secrets: [{name}]` at the top of the suite and `{}: \"${{{name}}}\"` here", field.name());
    Err(group.invalid(format!("`{}.{}` is written where everybody reads it", group.name(), field.name()), help))
}

#[cfg(test)]
mod tests {
    use super::{authorization, content, form};
    use crate::model::{Arg, Args, Text};

    fn args(pairs: Vec<(&'static str, Arg)>) -> Args {
        Args(pairs.into_iter().collect())
    }

    fn secret(value: &str) -> Arg {
        Arg::Text(Text::new(value, Some("***")))
    }

    fn auth(pairs: Vec<(&'static str, Arg)>) -> Args {
        args(vec![("auth", Arg::Group(args(pairs)))])
    }

    #[test]
    fn a_form_is_encoded_as_browsers_do() {
        let entries =
            [("a b".to_owned(), vec!["1&2".to_owned(), "ü".to_owned()]), ("e".to_owned(), vec![String::new()])];
        assert_eq!(form(&entries), "a+b=1%262&a+b=%C3%BC&e=");
    }

    #[test]
    fn one_body_is_enough() {
        let both = args(vec![("body", Arg::Text("x".into())), ("json", Arg::Text("{}".into()))]);
        assert_eq!(content(&both).err().map(|invalid| invalid.field), Some("json"));
        let one = content(&args(vec![("json", Arg::Text("[1]".into()))])).ok();
        assert_eq!(
            one.map(|one| (one.bytes.to_vec(), one.media_type)),
            Some((b"[1]".to_vec(), Some("application/json")))
        );
    }

    #[test]
    fn a_body_file_is_bounded_and_must_be_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("body");
        std::fs::write(&path, b"\xff\x00").unwrap();
        let read =
            |path: &std::path::Path| content(&args(vec![("body_file", Arg::Text(path.to_str().unwrap().into()))]));
        assert_eq!(read(&path).ok().map(|content| content.bytes.to_vec()), Some(vec![0xff, 0]));
        std::fs::write(&path, vec![0; usize::try_from(super::MOST_FILE).unwrap() + 1]).unwrap();
        assert!(read(&path).err().unwrap().message.contains("larger than 16 MiB"));
        assert!(read(folder.path()).err().unwrap().message.contains("it is no file"));
    }

    #[test]
    fn credentials_are_two_or_one_and_come_from_secrets() {
        let user = || ("user", Arg::Text("aladdin".into()));
        let basic = authorization(&auth(vec![user(), ("password", secret("opensesame"))])).unwrap().unwrap();
        assert_eq!(basic.to_str().unwrap(), "Basic YWxhZGRpbjpvcGVuc2VzYW1l");
        assert!(basic.is_sensitive());
        let bearer = authorization(&auth(vec![("token", secret("t0ken"))])).unwrap().unwrap();
        assert_eq!(bearer.to_str().unwrap(), "Bearer t0ken");
        for (bad, why) in [
            (vec![user()], "needs"),
            (vec![user(), ("token", secret("t"))], "needs"),
            (vec![user(), ("password", Arg::Text("plain".into()))], "everybody reads"),
            (vec![("token", Arg::Text("plain".into()))], "everybody reads"),
            (vec![("user", Arg::Text("a:b".into())), ("password", secret("x"))], "colon"),
            (vec![("token", secret("a\nb"))], "cannot be sent"),
        ] {
            let invalid = authorization(&auth(bad)).unwrap_err();
            assert!(invalid.field == "auth" && invalid.message.contains(why), "{invalid:?}");
            assert!(!invalid.message.contains("plain"), "{invalid:?}");
        }
    }
}
