//! `inject: {haproxy: …}`.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Wrong;
use crate::guard::disruption::{HaproxyChange, HaproxyServer, OutState};
use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, Text};
use crate::proto::haproxy::RuntimeSocket;

/// Bytes of the longest path that a Unix socket can have (unix(7)).
const LONGEST_PATH: usize = 107;

fields! { pub(super) HAPROXY_FIELDS;
    const SOCKET: Field<Text> = Field::required(
        "socket",
        FieldKind::Text,
        "The `stats socket` of HAProxy with `level admin`: its path, or `ADDRESS:PORT`.",
    );
    const SERVER: Field<Text> = Field::required("server", FieldKind::Text, "The server, as `BACKEND/SERVER`.");
    const STATE: Field<OutState> = Field::choice(
        "state",
        "drain",
        "`drain` keeps new clients away while sessions and checks go on; `maint` stops the checks as well.",
    );
}

pub(super) fn change(args: &Args) -> Result<HaproxyChange, Wrong> {
    if args.holds_secret() {
        let message = "the journal keeps no secrets, and what undoes it is in there".to_owned();
        return Err((message, "write socket and server outright".to_owned()));
    }
    let (socket, (backend, server)) = (socket(&args.get(&SOCKET))?, server(&args.get(&SERVER))?);
    Ok(HaproxyChange { server: HaproxyServer { socket, backend, server }, state: args.get(&STATE) })
}

fn socket(text: &Text) -> Result<RuntimeSocket, Wrong> {
    if text.starts_with('/') {
        if text.len() > LONGEST_PATH || text.contains(char::is_control) {
            let message = format!("`{text}` is no path that a Unix socket can have ({LONGEST_PATH} bytes at most)");
            return Err((message, "write the path of `stats socket` in HAProxy's configuration".to_owned()));
        }
        return Ok(RuntimeSocket::Unix(PathBuf::from(&**text)));
    }
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 => Ok(RuntimeSocket::Tcp(address)),
        _ => {
            let message = format!("`{text}` is neither the path of a socket nor `ADDRESS:PORT`");
            let help = "write it such as /run/haproxy/admin.sock, 192.0.2.5:9999 or [2001:db8::5]:9999; no name, which may mean \
                        another host by the time it is put back";
            Err((message, help.to_owned()))
        }
    }
}

/// Backend and server. Other signs than HAProxy takes in names are refused: they would be commands of their own.
fn server(text: &Text) -> Result<(String, String), Wrong> {
    let named = text
        .split_once('/')
        .filter(|(backend, server)| [backend, server].iter().all(|name| HaproxyServer::is_name(name)));
    let Some((backend, server)) = named else {
        let message = format!("`{text}` is no `BACKEND/SERVER`");
        let help = "write both names as HAProxy has them, such as web/web1: letters, digits, `-`, `_`, `.` and `:`";
        return Err((message, help.to_owned()));
    };
    Ok((backend.to_owned(), server.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::change;
    use crate::guard::Disruption;
    use crate::model::{Arg, Text};
    use crate::testing::{args, text};

    const ADMIN: &str = "/run/haproxy/admin.sock";

    fn shown(socket: &str, server: &str, more: &[(&'static str, Arg)]) -> Result<String, String> {
        let made = change(&args([("socket", text(socket)), ("server", text(server))], more));
        made.map(|change| Disruption::Haproxy(change).shell_text()).map_err(|(message, _)| message)
    }

    #[test]
    fn what_is_written_is_what_is_done() {
        assert_eq!(
            shown(ADMIN, "web/web1", &[]).unwrap(),
            "echo 'set server web/web1 state drain' | socat stdio unix-connect:/run/haproxy/admin.sock"
        );
        assert_eq!(
            shown("[2001:DB8::5]:9999", "web/web1", &[("state", text("maint"))]).unwrap(),
            "echo 'set server web/web1 state maint' | socat stdio 'tcp6:[2001:db8::5]:9999'"
        );
    }

    #[test]
    fn a_name_is_no_command() {
        for name in
            ["web", "web/", "/web1", "web/web1/x", "web/web1;disable", "web/web1\nshow info", "web/we b1", "web/#1"]
        {
            let why = shown(ADMIN, name, &[]).unwrap_err();
            assert!(why.ends_with("is no `BACKEND/SERVER`"), "{name}: {why}");
        }
        for socket in ["admin.sock", "localhost:9999", "192.0.2.5", "192.0.2.5:0", "unix@/run/x"] {
            let why = shown(socket, "web/web1", &[]).unwrap_err();
            assert!(why.contains("is neither the path of a socket nor `ADDRESS:PORT`"), "{socket}: {why}");
        }
        let long = format!("/{}", "a".repeat(107));
        for path in [&*long, "/run/a\nb"] {
            let why = shown(path, "web/web1", &[]).unwrap_err();
            assert!(why.contains("is no path that a Unix socket can have"), "{why}");
        }
        assert!(shown(&long[1..], "web/web1", &[]).is_err() && shown(&long[..107], "web/web1", &[]).is_ok());
        let secret = [("server", Arg::Text(Text::new("web/s3cret", Some("web/***"))))];
        assert!(shown(ADMIN, "web/web1", &secret).unwrap_err().contains("keeps no secrets"));
    }
}
