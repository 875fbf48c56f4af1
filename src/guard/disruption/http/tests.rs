//! Against a small server with an API: `POST /down` and `POST /up` switch it, `GET /state` tells how it is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{HttpChange, HttpProof, HttpRequestSpec, HttpRoots, HttpTerms};
use crate::guard::disruption::{Disruption, Undo};
use crate::lab::pki::Pki;
use crate::lab::web::WebLab;
use crate::model::Text;

const TOKEN: &str = "t0ken-of-nobody";

#[derive(Default)]
struct State {
    is_down: bool,
    /// Requests, whole.
    asked: Vec<String>,
    /// Answers in place of its own, the last first.
    says: Vec<&'static str>,
    /// Answers nothing.
    is_silent: bool,
}

struct Api {
    port: u16,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Api {
    async fn start() -> Self {
        Self::on(0).await
    }

    async fn on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(State::default())));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        Self { port, state, task }
    }

    fn request(&self, method: &str, path: &str) -> HttpRequestSpec {
        let headers = vec![("authorization".to_owned(), Text::new(format!("Bearer {TOKEN}"), Some("Bearer ***")))];
        let url = format!("http://127.0.0.1:{}{path}", self.port).into();
        HttpRequestSpec { method: method.into(), url, headers, body: None, status: Vec::new() }
    }

    fn change(&self) -> HttpChange {
        let body = Some("{\"enabled\":false}".into());
        let verify = HttpProof { request: self.request("GET", "/state"), contains: Some("\"up\"".into()) };
        HttpChange {
            request: HttpRequestSpec { body, ..self.request("POST", "/down") },
            undo: Some(self.request("POST", "/up")),
            verify: Some(verify),
            terms: HttpTerms { roots: HttpRoots::Webpki, client: None, timeout: Duration::from_secs(5) },
        }
    }

    /// One without a request that tells how it is.
    fn blind(&self) -> HttpChange {
        HttpChange { verify: None, ..self.change() }
    }

    /// What it answers next, the last first.
    fn says(&self, answers: &[&'static str]) {
        self.state.lock().unwrap().says = answers.to_vec();
    }

    fn is_down(&self) -> bool {
        self.state.lock().unwrap().is_down
    }

    fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let (mut request, mut bytes) = (String::new(), [0; 4096]);
    let whole = |request: &str| {
        let (head, body) = request.split_once("\r\n\r\n")?;
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        (body.len() >= length.unwrap_or(0)).then_some(())
    };
    while whole(&request).is_none() {
        let Ok(count @ 1..) = stream.read(&mut bytes).await else { return };
        let Ok(text) = std::str::from_utf8(&bytes[..count]) else {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            return;
        };
        request.push_str(text);
    }
    let (answer, silent) = {
        let mut state = state.lock().unwrap();
        state.asked.push(request.clone());
        let line = request.lines().next().unwrap();
        // What is answered otherwise is not done.
        let says = state.says.pop();
        let own = match line {
            _ if says.is_some() => "",
            "POST /down HTTP/1.1" => {
                state.is_down = true;
                "204 No Content|"
            }
            "POST /up HTTP/1.1" => {
                state.is_down = false;
                "204 No Content|"
            }
            _ if state.is_down => "200 OK|{\"state\":\"down\"}",
            _ => "200 OK|{\"state\":\"up\"}",
        };
        (says.unwrap_or(own), state.is_silent)
    };
    if silent {
        std::future::pending::<()>().await;
    }
    let (status, body) = answer.split_once('|').unwrap();
    let (status, more) = status.split_once(" @").unwrap_or((status, ""));
    let location = if more.is_empty() { String::new() } else { format!("location: {more}\r\n") };
    let length = if status.starts_with("204") { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let _ = stream.write_all(format!("HTTP/1.1 {status}\r\n{location}{length}\r\n{body}").as_bytes()).await;
}

fn disruption(change: HttpChange) -> Disruption {
    Disruption::Http(Box::new(change))
}

#[tokio::test]
async fn one_request_breaks_it_and_one_puts_it_back() {
    let api = Api::start().await;
    let mut change = disruption(api.change());
    let undo = change.prepare().await.unwrap();
    assert!(!api.is_down() && undo.len() == 1, "nothing is changed yet");
    change.inject().await.unwrap();
    change.in_effect().await.unwrap();
    assert!(api.is_down());
    for _ in 0..2 {
        undo[0].restore().await.unwrap();
        undo[0].verify().await.unwrap();
        assert!(!api.is_down());
    }
    let asked = api.asked();
    let breaking = asked.iter().find(|request| request.starts_with("POST /down")).unwrap();
    assert!(
        breaking.ends_with("\r\n\r\n{\"enabled\":false}")
            && breaking.contains(&format!("authorization: Bearer {TOKEN}"))
    );
    assert!(breaking.contains(&format!("host: 127.0.0.1:{}\r\n", api.port)), "{breaking}");
    let mending = asked.iter().find(|request| request.starts_with("POST /up")).unwrap();
    assert!(mending.contains("content-length: 0\r\n"), "{mending}");
    // The guard hands it over as it is.
    let kept: Undo = serde_json::from_str(&serde_json::to_string(&undo[0]).unwrap()).unwrap();
    assert_eq!(kept, undo[0]);
    assert!(kept.void(true).is_none(), "another host is not started again with this one");
}

#[tokio::test]
async fn what_is_not_well_before_is_not_broken() {
    let api = Api::start().await;
    api.state.lock().unwrap().is_down = true;
    let why = disruption(api.change()).prepare().await.unwrap_err();
    assert!(why.contains("it is not well before anything is broken: GET http://127.0.0.1:"), "{why}");
    assert!(why.contains("was answered with 200 OK (\"{\"state\":\"down\"}\"), without `\"up\"`"), "{why}");
    api.says(&["503 Service Unavailable|no backend"]);
    let why = disruption(api.change()).prepare().await.unwrap_err();
    assert!(why.contains("503 Service Unavailable (\"no backend\"), not with a status from 200 to 299"), "{why}");
    assert!(api.asked().iter().all(|request| request.starts_with("GET ")));
    // Whether it is well cannot be told where the way to it is wrong.
    let mut change = api.change();
    change.verify.as_mut().unwrap().request.url = format!("https://127.0.0.1:{}/state", api.port).into();
    let why = disruption(change).prepare().await.unwrap_err();
    assert!(why.contains("`verify` does not tell whether it is well"), "{why}");
}

#[tokio::test]
async fn a_request_that_is_refused_breaks_nothing() {
    let api = Api::start().await;
    for (says, want) in [
        (
            "403 Forbidden|not for you",
            "was answered with 403 Forbidden (\"not for you\"), not with a status from 200 to 299",
        ),
        (
            "302 Found @/login|",
            "was answered with 302 Found, not with a status from 200 to 299; it leads to /login, and is not followed",
        ),
        ("500 Internal Server Error|a\u{1b}[2J\n\n b", "(\"a\\u{1b}[2J b\")"),
        ("400 Bad Request|it was Bearer t0ken-of-nobody", "(\"it was Bearer ***\")"),
    ] {
        api.says(&[says]);
        let why = disruption(api.blind()).inject().await.unwrap_err();
        assert!(why.contains(want) && !why.contains(TOKEN), "{why}");
    }
    assert_eq!(api.asked().len(), 4, "no redirect is followed, and nothing is sent again");
    let accepted = |status: &[u16]| {
        let mut change = api.blind();
        change.request.status = status.to_vec();
        disruption(change)
    };
    api.says(&["404 Not Found|", "404 Not Found|"]);
    accepted(&[200, 404]).inject().await.unwrap();
    let why = accepted(&[200, 202]).inject().await.unwrap_err();
    assert!(why.contains("not with status 200 or 202"), "{why}");
}

/// A request that was sent and not answered may have been done.
#[tokio::test]
async fn silence_is_told_with_what_nobody_knows() {
    let api = Api::start().await;
    api.state.lock().unwrap().is_silent = true;
    let mut change = api.blind();
    change.terms.timeout = Duration::from_millis(300);
    let why = disruption(change).inject().await.unwrap_err();
    assert!(why.contains("did not answer within 300 ms: nobody knows whether it was done"), "{why}");
    assert!(why.starts_with("POST http://127.0.0.1:") && api.is_down(), "{why}");
}

#[tokio::test]
async fn what_is_not_seen_is_not_in_effect() {
    let api = Api::start().await;
    let mut change = api.change();
    // No time is left for a second question.
    change.terms.timeout = super::PATIENCE;
    let why = disruption(change).in_effect().await.unwrap_err();
    assert!(
        why.contains("`verify` is answered as when all is well: GET http://127.0.0.1:") && why.contains("(tried for "),
        "{why}"
    );
    // A service that is gone is broken.
    let mut gone = api.change();
    gone.verify.as_mut().unwrap().request.url = format!("http://127.0.0.1:{}/", refused()).into();
    disruption(gone).in_effect().await.unwrap();
    disruption(api.blind()).in_effect().await.unwrap();
}

/// An answer that was not seen whole shows neither that it is broken nor that it is back.
#[tokio::test]
async fn what_does_not_tell_is_no_proof() {
    let long: &'static str = Box::leak(format!("200 OK|{}", "x".repeat(2 << 20)).into_boxed_str());
    let api = Api::start().await;
    let mut change = api.change();
    // No time is left for a second question.
    change.terms.timeout = super::PATIENCE;
    let mut change = disruption(change);
    let undo = change.prepare().await.unwrap().remove(0);
    api.says(&[long]);
    let why = change.in_effect().await.unwrap_err();
    assert!(why.contains("`verify` does not tell whether it is broken: "), "{why}");
    api.says(&[long]);
    let why = undo.verify().await.unwrap_err();
    assert!(why.contains("`verify` does not tell whether it is back: "), "{why}");
}

/// A request that is accepted and has no effect is none that broke something.
#[tokio::test]
async fn what_took_no_effect_was_not_injected() {
    let api = Api::start().await;
    let mut change = api.change();
    change.terms.timeout = super::PATIENCE;
    change.request = api.request("POST", "/nothing");
    let why = crate::guard::plan::inject(&disruption(change)).await.unwrap_err();
    assert!(why.cause.starts_with("it did not take effect: `verify` is answered as when all is well"), "{why:?}");
    assert_eq!(api.asked().len(), 2);
    crate::guard::plan::inject(&disruption(api.change())).await.unwrap();
}

/// A port of loopback on which nobody listens.
fn refused() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn what_undoes_it_is_sent_until_it_is_accepted() {
    let api = Api::start().await;
    let mut change = disruption(api.change());
    let undo = change.prepare().await.unwrap().remove(0);
    change.inject().await.unwrap();
    api.says(&["429 Too Many Requests|", "503 Service Unavailable|"]);
    undo.restore().await.unwrap();
    assert!(!api.is_down());
    // What will never be accepted is not sent again.
    change.inject().await.unwrap();
    let before = api.asked().len();
    api.says(&["401 Unauthorized|who are you"]);
    let why = undo.restore().await.unwrap_err();
    assert!(why.contains("401 Unauthorized (\"who are you\")"), "{why}");
    assert_eq!(api.asked().len(), before + 1);
    let why = tokio::time::timeout(Duration::from_millis(900), undo.verify()).await;
    assert!(why.is_err(), "it is asked for again and again: {why:?}");
    undo.restore().await.unwrap();
    undo.verify().await.unwrap();
}

/// A server that is away for a moment.
#[tokio::test]
async fn what_undoes_it_waits_for_a_server_that_comes_back() {
    let api = Api::start().await;
    let undo = disruption(api.blind()).prepare().await.unwrap().remove(0);
    let port = api.port;
    api.task.abort();
    drop(api);
    let back = async {
        // It is away for longer than the first try takes.
        tokio::time::sleep(Duration::from_millis(700)).await;
        Api::on(port).await
    };
    let (restored, api) = tokio::join!(undo.restore(), back);
    restored.unwrap();
    assert!(api.asked()[0].starts_with("POST /up"));
}

/// A long body is not read to its end, and what was not read is not judged.
#[tokio::test]
async fn a_body_is_read_to_a_limit() {
    let api = Api::start().await;
    let long: &'static str = Box::leak(format!("200 OK|{}", "x".repeat(2 << 20)).into_boxed_str());
    api.says(&[long]);
    let why = disruption(api.change()).prepare().await.unwrap_err();
    assert!(why.contains("does not tell") && why.contains("which is not all") && why.len() < 700, "{why}");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_before_anything_is_sent() {
    let api = Api::start().await;
    let mut change = api.change();
    change.terms.roots = HttpRoots::File("/no/such/ca.pem".into());
    let why = disruption(change).prepare().await.unwrap_err();
    assert!(why.contains("/no/such/ca.pem") && why.contains("load ca_file"), "{why}");
    assert!(api.asked().is_empty());
}

/// Whom it does not trust it tells nothing; whom it does, also over HTTP/2.
#[tokio::test]
async fn nothing_is_sent_to_a_server_that_does_not_verify() {
    let (api, pki, folder) = (Api::start().await, Pki::new().unwrap(), tempfile::tempdir().unwrap());
    let web = WebLab::start(&pki).await.unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, pki.ca_pem()).unwrap();
    let own = || HttpRoots::File(ca.clone());
    let change = |peer: std::net::SocketAddr, roots: HttpRoots| {
        let mut change = api.blind();
        change.request = HttpRequestSpec { url: format!("https://{peer}/").into(), ..api.request("GET", "/") };
        change.terms.roots = roots;
        disruption(change)
    };
    change(web.https(), own()).inject().await.unwrap();
    for (peer, roots) in [(web.https(), HttpRoots::Webpki), (web.expired(), own()), (web.wrong_name(), own())] {
        let why = change(peer, roots).inject().await.unwrap_err();
        assert!(why.contains("does not verify: ") && why.contains("no request was sent"), "{why}");
    }
}

/// An undo that is refused is none that is missing where all is as it was; where it is not, it is told.
#[tokio::test]
async fn what_was_never_broken_needs_no_undo_that_is_accepted() {
    let api = Api::start().await;
    let mut change = disruption(api.change());
    let undo = change.prepare().await.unwrap().remove(0);
    api.says(&["401 Unauthorized|"]);
    let told = undo.restore_with_doubts().await.unwrap();
    assert!(told.contains("401 Unauthorized") && told.ends_with(crate::guard::disruption::UNCHANGED), "{told}");
    change.inject().await.unwrap();
    api.says(&["401 Unauthorized|"]);
    let why = undo.restore_with_doubts().await.unwrap_err().why;
    assert!(why.contains("401 Unauthorized") && api.is_down(), "{why}");
    // Without `verify` nobody knows.
    let blind = disruption(api.blind()).prepare().await.unwrap().remove(0);
    api.says(&["401 Unauthorized|"]);
    assert!(blind.restore_with_doubts().await.is_err());
}

/// What `verify` finds well before anybody asked to restore was put back by somebody else.
#[tokio::test]
async fn what_somebody_else_put_back_is_not_in_place() {
    let api = Api::start().await;
    let mut change = disruption(api.change());
    change.prepare().await.unwrap();
    change.inject().await.unwrap();
    assert_eq!(change.ended_early().await, None);
    api.state.lock().unwrap().is_down = false;
    let ended = change.ended_early().await.unwrap();
    assert!(
        ended.cause.contains("`verify` is answered as when all is well") && ended.next.contains("leave `verify` out")
    );
    assert_eq!(disruption(api.blind()).ended_early().await, None, "of that nobody knows");
}
