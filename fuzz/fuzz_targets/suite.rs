//! Whatever stands in a suite is planned, or refused with places in it; never a panic, never unbounded.
#![no_main]

use shakedown::checks::FAMILIES;
use shakedown::plan::{Settings, plan};
use shakedown::suite::file::{Input, Options, load};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let env = |name: &str| (name == "HOME").then(|| "/home/x".to_owned());
    let options = Options { vars: vec![("given".to_owned(), "by hand".to_owned())], ..Options::none(&env) };
    // A stranger's suite may include what lies beside it; here nothing does, and nothing is opened.
    let text = text.replace("include", "exclude");
    let mut loaded = load(&[Input::Text("suite.yaml".to_owned(), text)], FAMILIES, &options);
    let _ = plan(&mut loaded, None, &Settings { allow_disruptive: true, ..Settings::default() });
    let _ = loaded.errors.render(&loaded.sources, false);
});
