//! Disruptions that are requests to an API.

use std::net::TcpListener;

use crate::api::Api;
use crate::desk::Desk;
use crate::{HOUR, told_of_variables};

/// So is a request, and its inverse is sent with them once they are there.
#[tokio::test]
async fn a_request_is_kept_by_the_names_of_its_secrets() {
    let mut desk = Desk::new();
    let (api, listener) = (Api::default(), TcpListener::bind("127.0.0.1:0").unwrap());
    let at = format!("http://{}", listener.local_addr().unwrap());
    api.clone().serve(listener);
    desk.suite("f", &desk.mends(), HOUR);
    let path = desk.marks.path("f.yaml");
    let suite = std::fs::read_to_string(&path).unwrap().replace("suite: s\n", "suite: s\nsecrets: [TOKEN]\n");
    let request = |path: &str| {
        format!(
            "url: \"{at}/{path}?t=${{TOKEN}}\", headers: {{authorization: \"Bearer ${{TOKEN}}\"}}, body: \"${{TOKEN}}\""
        )
    };
    let http = format!("{{http: {{{}, undo: {{{}}}}}}}", request("down"), request("up"));
    let suite = suite.replacen("inject: {run:", &format!("inject: [{http}, {{run:"), 1);
    std::fs::write(&path, suite.replacen("}\n      restore:", "}]\n      restore:", 1)).unwrap();
    desk.environment = vec![("TOKEN", "s3cret-word")];
    let plan = desk.shakedown(&["plan", "f.yaml"]).out;
    let line = format!(
        "curl -sSi -X POST -H 'authorization: Bearer '\"$TOKEN\" -H content-type: --data-raw \"$TOKEN\" '{at}/up?t='\"$TOKEN\""
    );
    assert!(plan.contains(&line) && !plan.contains("s3cret-word"), "{plan}");
    desk.dead("f.yaml").await;
    assert!(api.is_down());
    let text = std::fs::read_to_string(desk.journal()).unwrap();
    assert!(!text.contains("s3cret-word") && text.contains(r#"{\"secret\":\"TOKEN\"}"#), "{text}");
    desk.environment = vec![("SHAKEDOWN_COLOR", "never")];
    let ended = desk.shakedown(&["restore"]);
    assert!(ended.code == 3 && ended.err.contains("variables that are not set: TOKEN"), "{}", ended.err);
    told_of_variables(&desk, &ended.err, &format!("`http` (POST {at}/up?t=$TOKEN)"));
    assert!(api.is_down() && desk.state() == "broken\n" && desk.marks.journals().len() == 1);
    desk.environment = vec![("TOKEN", "s3cret-word")];
    let ended = desk.shakedown(&["restore"]);
    assert_eq!((ended.code, desk.state().as_str(), api.is_down()), (0, "ok\n", false), "{}{}", ended.out, ended.err);
    let switched = api.switched().pop().unwrap();
    assert!(
        switched.starts_with("POST /up?t=s3cret-word ") && switched.contains("authorization: Bearer s3cret-word"),
        "{switched}"
    );
    let told = ended.out + &ended.err;
    assert!(told.contains(&format!("did the same as: {line}")) && !told.contains("s3cret-word"), "{told}");
}

/// What somebody else put back did not recover by itself, and is not judged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_ends_is_not_judged() {
    let desk = Desk::new();
    let (api, listener) = (Api::default(), TcpListener::bind("127.0.0.1:0").unwrap());
    let at = format!("http://{}", listener.local_addr().unwrap());
    api.clone().serve(listener);
    desk.suite("f", &desk.mends(), "      observe: 1500ms\n");
    let path = desk.marks.path("f.yaml");
    let suite = std::fs::read_to_string(&path).unwrap();
    let http = format!(
        "{{http: {{url: \"{at}/down\", undo: {{url: \"{at}/up\"}}, verify: {{url: \"{at}/\", contains: up}}}}}}"
    );
    let suite = suite.replacen("inject: {run:", &format!("inject: [{http}, {{run:"), 1);
    std::fs::write(&path, suite.replacen("}\n      restore:", "}]\n      restore:", 1)).unwrap();
    let (ended, check) = desk.run("f.yaml");
    assert_eq!(ended.code, 0, "nobody touched it: {}{}", ended.out, ended.err);
    let (injected, somebody) = (desk.marks.count("injected"), api.clone());
    assert_eq!((injected, check["verdict"].as_str(), api.is_down()), (1, Some("passed"), false));
    let other = async {
        desk.marks.wait("injected", injected + 1).await;
        somebody.put_up();
    };
    let run = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let ran = scope.spawn(|| desk.run("f.yaml"));
            tokio::runtime::Handle::current().block_on(other);
            ran.join().unwrap()
        })
    });
    let (ended, check) = run;
    assert_eq!((ended.code, check["verdict"].as_str()), (3, Some("errored")), "{}{}", ended.out, ended.err);
    let detail = check["fault"]["detail"].as_str().unwrap();
    assert!(detail.contains("ended by somebody else before it was restored"), "{detail}");
    assert!(desk.marks.journals().is_empty() && !api.is_down() && desk.state() == "ok\n");
}
