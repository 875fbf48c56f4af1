//! A request as one line for a shell: `curl`, with the variables of secrets in their places.

use std::fmt::Write as _;

use super::{HttpRequestSpec, HttpRoots, HttpTerms};
use crate::guard::secrets::word;
use crate::model::shell;

impl HttpTerms {
    pub(super) fn curl(&self, request: &HttpRequestSpec) -> String {
        let mut line = String::from(if request.method == "HEAD" { "curl -sSI" } else { "curl -sSi" });
        if !matches!(&*request.method, "GET" | "HEAD") {
            let _ = write!(line, " -X {}", shell::word(&request.method));
        }
        for (name, value) in &request.headers {
            // Without a value curl takes it for a header that is to be left out.
            let header =
                if value.is_empty() { shell::word(&format!("{name};")) } else { word(&format!("{name}: "), value) };
            let _ = write!(line, " -H {header}");
        }
        if let Some(body) = &request.body {
            if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                // Its own, which nobody has asked for.
                line.push_str(" -H content-type:");
            }
            let _ = write!(line, " --data-raw {}", word("", body));
        }
        if let HttpRoots::File(file) = &self.roots {
            let _ = write!(line, " --cacert {}", shell::word(&file.to_string_lossy()));
        }
        if let Some((certificate, key)) = &self.client {
            let files = [("--cert", certificate), ("--key", key)];
            line.extend(files.map(|(option, file)| format!(" {option} {}", shell::word(&file.to_string_lossy()))));
        }
        if request.url.contains(['[', ']', '{', '}']) {
            // Signs that have a meaning to curl.
            line.push_str(" -g");
        }
        format!("{line} {}", word("", &request.url))
    }
}
