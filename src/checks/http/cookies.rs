//! Cookies of an answer, as rows; their values are secrets and never recorded.

use std::fmt::Write as _;

use url::Url;

use crate::model::rows::Rows;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Choice, Fact, TimeOf, Unit};
use crate::probe::Cx;
use crate::proto::http::cookie::{Cookie, SameSite, cookies};
use crate::proto::tls::now;

facts! { pub(super) FACTS;
    const COOKIES: Fact<Rows> = Fact::table(
        "cookies",
        "cookie",
        "Cookies that the final answer sets, by name, and where it sets several of one name with their domain and path; their values are never shown.",
    );
    const SECURE: Fact<bool> = Fact::flag("cookies.secure", "Whether it goes over https alone (`Secure`).").column();
    const HTTP_ONLY: Fact<bool> =
        Fact::flag("cookies.http_only", "Whether scripts of the page cannot read it (`HttpOnly`).").column();
    const SAME_SITE: Fact<Choice> = Fact::choice(
        "cookies.same_site",
        &["none", "lax", "strict"],
        "Whether it goes along with requests that other sites lead to (`SameSite`); absent where it is not said.",
    )
    .column();
    const DOMAIN: Fact<String> = Fact::text("cookies.domain", "Names below which it goes to every host; absent for this host alone.")
        .form(Form::Host)
        .column();
    const PATH: Fact<String> = Fact::text("cookies.path", "Paths it goes to; absent for the folder of the URL.").column();
    const EXPIRES_IN: Fact<f64> = Fact::number(
        "cookies.expires_in",
        Unit::Seconds,
        "How long it lasts (`Max-Age`, else `Expires`); zero or less removes it; absent where it ends with the browser.",
    )
    .lasting(TimeOf::Validity)
    .column();
    const REJECTED: Fact<String> =
        Fact::text("cookies.rejected", "Why browsers do not take it; absent where they do.").column();
}

/// The cookies of an answer of `url`.
pub(super) fn record(cx: &mut Cx<'_>, headers: &hyper::HeaderMap, url: &Url) {
    let all: Vec<Cookie> = cookies(headers).collect();
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
    let now = now() as i64;
    let mut rows = cx.rows(&COOKIES);
    for (at, cookie) in all.iter().enumerate() {
        let place = |cookie: &Cookie| (cookie.name.clone(), cookie.domain.clone(), cookie.path.clone());
        // The last of one name and place is the one that stays.
        if all[at + 1..].iter().any(|later| place(later) == place(cookie)) {
            continue;
        }
        let alone = all.iter().all(|other| other.name != cookie.name || place(other) == place(cookie));
        let mut row = rows.row(key(cookie, alone));
        row.set(&SECURE, cookie.secure);
        row.set(&HTTP_ONLY, cookie.http_only);
        let same_site = cookie.same_site.map(|same_site| match same_site {
            SameSite::None => "none",
            SameSite::Lax => "lax",
            SameSite::Strict => "strict",
        });
        row.set_some(&SAME_SITE, same_site);
        row.set_some(&DOMAIN, cookie.domain.clone());
        row.set_some(&PATH, cookie.path.clone());
        #[expect(clippy::cast_precision_loss, reason = "a length of time")]
        row.set_some(&EXPIRES_IN, cookie.lasts(now).map(|seconds| seconds as f64));
        if let Some(why) = cookie.rejected(url) {
            row.set(&REJECTED, why);
            row.mark_wrong();
        }
        rows.add(row);
    }
    cx.set_rows(rows);
}

/// What a cookie is called in the table.
fn key(cookie: &Cookie, alone: bool) -> String {
    let mut key = cookie.name.clone();
    if alone {
        return key;
    }
    for (name, value) in [("domain", &cookie.domain), ("path", &cookie.path)] {
        if let Some(value) = value {
            let _ = write!(key, "; {name}={value}");
        }
    }
    key
}
