//! Families on the wire: against the lab's servers, and against servers scripted to misbehave.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod authority;
mod evidence;
mod http;
mod http_answers;
mod http_bodies;
mod http_misbehaviour;
mod http_proxied;
mod http_requests;
mod http_three;
mod never_green;
#[path = "../observe/mod.rs"]
mod observe;
mod origin;
mod script;
mod secrets;
mod streams;
mod tls;
mod tls_load;
mod tls_quic;
mod tls_single;
mod tls_starttls;
mod tls_terms;
mod two;
