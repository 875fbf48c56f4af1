//! Against a small server that speaks the runtime API as HAProxy does.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use super::{HaproxyChange, HaproxyServer, OutState, RuntimeSocket};
use crate::guard::disruption::{Disruption, Undo};

/// What a HAProxy knows: of each server of the backend `web` the states and the weight; and what it lets a client do.
struct FakeHaproxy {
    level: &'static str,
    servers: BTreeMap<String, (u32, u32, u32)>,
    /// Commands that changed something.
    changes: Vec<String>,
    /// What it says to everything, in place of an answer.
    says: Option<String>,
}

impl FakeHaproxy {
    fn answer(&mut self, command: &str) -> String {
        if let Some(says) = &self.says {
            return says.clone();
        }
        match command.split(' ').collect::<Vec<_>>()[..] {
            ["show", "cli", "level"] => format!("{}\n\n", self.level),
            ["show", "backend"] => "# name\nweb\nstatic\n\n".to_owned(),
            ["show", "servers", "state", "web"] => {
                let head = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight\n";
                let row = |(name, (operational, admin, weight)): (&String, &(u32, u32, u32))| {
                    format!("3 web 1 {name} 192.0.2.1 {operational} {admin} {weight} 1\n")
                };
                format!("{head}{}\n", self.servers.iter().map(row).collect::<String>())
            }
            ["show", "servers", "state", _] => "Can't find backend.\n\n".to_owned(),
            ["set", "server", ..] if self.level != "admin" => "Permission denied\n\n".to_owned(),
            ["set", "server", name, "state", state] => {
                let server = name.strip_prefix("web/").and_then(|name| self.servers.get_mut(name));
                let Some((_, admin, _)) = server else { return "No such server.\n\n".to_owned() };
                self.changes.push(command.to_owned());
                *admin = *admin & !9
                    | match state {
                        "drain" => 8,
                        "maint" => 1,
                        _ => 0,
                    };
                "\n".to_owned()
            }
            _ => "Unknown command.\n\n".to_owned(),
        }
    }
}

/// A HAProxy, until it is dropped.
struct Haproxy {
    folder: TempDir,
    knowledge: Arc<Mutex<FakeHaproxy>>,
    task: JoinHandle<()>,
}

impl Haproxy {
    fn start() -> Self {
        let servers = ["web1", "web2"].map(|name| (name.to_owned(), (2, 0, 1))).into();
        let knowledge = FakeHaproxy { level: "admin", servers, changes: Vec::new(), says: None };
        let (folder, knowledge) = (tempfile::tempdir().unwrap(), Arc::new(Mutex::new(knowledge)));
        let task = serve(folder.path().join("sock"), Arc::clone(&knowledge));
        Self { folder, knowledge, task }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("sock")
    }

    /// As after a start with the same configuration.
    fn restart(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(self.path());
        self.set("web1", (2, 0, 1));
        self.task = serve(self.path(), Arc::clone(&self.knowledge));
    }

    fn set(&self, server: &str, states: (u32, u32, u32)) {
        self.knowledge.lock().unwrap().servers.insert(server.to_owned(), states);
    }

    fn admin(&self, server: &str) -> u32 {
        self.knowledge.lock().unwrap().servers[server].1
    }

    fn change(&self, state: OutState) -> Disruption {
        self.change_of("web", "web1", state)
    }

    fn change_of(&self, backend: &str, server: &str, state: OutState) -> Disruption {
        let socket = RuntimeSocket::Unix(self.path());
        let server = HaproxyServer { socket, backend: backend.into(), server: server.into() };
        Disruption::Haproxy(HaproxyChange { server, state })
    }

    /// Why a change is refused before anything is done.
    async fn refused(&self, backend: &str, server: &str) -> String {
        let why = self.change_of(backend, server, OutState::Drain).prepare().await.unwrap_err();
        assert_eq!(self.knowledge.lock().unwrap().changes, Vec::<String>::new(), "{why}");
        why
    }
}

fn serve(path: PathBuf, knowledge: Arc<Mutex<FakeHaproxy>>) -> JoinHandle<()> {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            if stream.read_line(&mut line).await.is_ok() {
                let answer = knowledge.lock().unwrap().answer(line.trim_end());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    })
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn a_server_is_taken_out_and_put_back_twice() {
    for (state, bit) in [(OutState::Drain, 8), (OutState::Maint, 1)] {
        let haproxy = Haproxy::start();
        // A server of which the configuration once said `disabled`.
        haproxy.set("web1", (2, 4, 1));
        let mut change = haproxy.change(state);
        let undo = change.prepare().await.unwrap();
        assert_eq!((haproxy.admin("web1"), undo.len()), (4, 1), "nothing is changed yet");
        assert!(!undo[0].is_patient(), "once more may help");
        assert!(change.in_effect().await.unwrap_err().contains("web/web1 is not in the state"));
        change.inject().await.unwrap();
        change.in_effect().await.unwrap();
        assert_eq!((haproxy.admin("web1"), haproxy.admin("web2")), (4 | bit, 0));
        let told = undo[0].verify().await.unwrap_err();
        assert!(told.starts_with("web/web1 is still in the state `"), "{told}");
        // What the journal keeps is enough.
        let kept: Undo = serde_json::from_str(&serde_json::to_string(&undo[0]).unwrap()).unwrap();
        for _ in 0..2 {
            kept.restore().await.unwrap();
            kept.verify().await.unwrap();
            assert_eq!(haproxy.admin("web1"), 4);
        }
        assert_eq!(haproxy.knowledge.lock().unwrap().changes.len(), 2, "what is back is left alone");
    }
}

#[tokio::test]
async fn what_is_not_in_use_is_refused() {
    let haproxy = Haproxy::start();
    for (states, why) in [
        (
            (2, 1, 1),
            "web/web1 was taken out before (state `maint`): put it back first (`echo 'set server web/web1 state ready'",
        ),
        ((2, 8, 1), "web/web1 was taken out before (state `drain`)"),
        ((2, 9, 1), "was taken out before (state `maint`)"),
        ((2, 2, 1), "is in maintenance with the server that it tracks"),
        ((2, 16, 1), "is drained with the server that it tracks"),
        ((2, 32, 1), "its name is not resolved"),
        ((0, 0, 1), "web/web1 is down by its checks: name a server that is in use"),
        ((3, 0, 1), "is about to leave by its checks"),
        ((2, 0, 0), "has the weight 0"),
    ] {
        haproxy.set("web1", states);
        let refused = haproxy.refused("web", "web1").await;
        assert!(refused.contains(why), "{states:?}: {refused}");
    }
    haproxy.set("web1", (1, 64, 1));
    haproxy.change(OutState::Drain).prepare().await.unwrap();
    assert_eq!(haproxy.refused("web", "web7").await, "backend `web` has no server `web7`; it has web1, web2");
    assert_eq!(haproxy.refused("wep", "web1").await, "HAProxy has no backend `wep`; it has static, web");
    (10..40).for_each(|at| haproxy.set(&format!("web{at}"), (2, 0, 1)));
    let refused = haproxy.refused("web", "web7").await;
    assert!(
        refused.ends_with("it has web1, web10, web11, web12, web13, web14, web15, web16, web17, web18 and 22 more"),
        "{refused}"
    );
}

#[tokio::test]
async fn whoever_cannot_be_asked_says_what_to_do() {
    let haproxy = Haproxy::start();
    let path = haproxy.path().display().to_string();
    haproxy.knowledge.lock().unwrap().level = "operator";
    let refused = haproxy.refused("web", "web1").await;
    assert_eq!(
        refused,
        format!(
            "{path} has the level `operator`: write `level admin` at this `stats socket` in HAProxy's configuration"
        )
    );
    // One that does not know the question refuses what would change something.
    let denied = haproxy.change(OutState::Drain).inject().await.unwrap_err();
    assert!(denied.contains("refuses it: write `level admin`"), "{denied}");
    for (says, why) in [
        ("", "it answered nothing"),
        ("HTTP/1.1 400 Bad request\r\n\r\n", "this is not what HAProxy says of servers"),
        ("# be_name srv_name\n", "has no column `srv_op_state`"),
    ] {
        haproxy.knowledge.lock().unwrap().says = Some(says.to_owned());
        let refused = haproxy.refused("web", "web1").await;
        assert!(refused.contains(why) && refused.contains("is it the `stats socket` of a HAProxy?"), "{refused}");
    }
    haproxy.task.abort();
    while !haproxy.task.is_finished() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        haproxy.refused("web", "web1").await,
        format!("nobody listens behind {path}: its HAProxy has ended, or it is no socket; start HAProxy")
    );
    std::fs::remove_file(haproxy.path()).unwrap();
    std::fs::write(haproxy.path(), "").unwrap();
    let refused = haproxy.refused("web", "web1").await;
    assert_eq!(refused, format!("{path} is a regular file and no socket: name the `stats socket` of HAProxy"));
    std::fs::remove_file(haproxy.path()).unwrap();
    let refused = haproxy.refused("web", "web1").await;
    assert!(refused.starts_with(&format!("there is no socket {path}: start HAProxy")), "{refused}");
    if !nix::unistd::geteuid().is_root() {
        std::fs::set_permissions(haproxy.folder.path(), PermissionsExt::from_mode(0o000)).unwrap();
        let refused = haproxy.refused("web", "web1").await;
        std::fs::set_permissions(haproxy.folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
        assert!(refused.contains("run it as root"), "{refused}");
    }
}

/// HAProxy is waited for while it is started again, and what it forgot is not put back.
#[tokio::test]
async fn a_haproxy_that_was_started_again_has_forgotten() {
    let mut haproxy = Haproxy::start();
    let mut change = haproxy.change(OutState::Maint);
    let undo = change.prepare().await.unwrap().remove(0);
    change.inject().await.unwrap();
    std::fs::remove_file(haproxy.path()).unwrap();
    let (restored, ()) = tokio::join!(undo.restore(), async { haproxy.restart() });
    restored.unwrap();
    undo.verify().await.unwrap();
    assert_eq!(haproxy.knowledge.lock().unwrap().changes.len(), 1, "the change alone");
    // Its server is gone with the configuration that had it.
    haproxy.knowledge.lock().unwrap().servers.remove("web1");
    undo.restore().await.unwrap();
    undo.verify().await.unwrap();
}

/// Nobody says that all is well where nobody answers.
#[tokio::test]
async fn a_haproxy_that_stays_away_is_not_restored() {
    let haproxy = Haproxy::start();
    let undo = haproxy.change(OutState::Maint).prepare().await.unwrap().remove(0);
    std::fs::remove_file(haproxy.path()).unwrap();
    tokio::time::pause();
    assert!(undo.restore().await.unwrap_err().contains("there is no socket"));
    assert!(undo.verify().await.unwrap_err().contains("there is no socket"));
}

#[test]
fn a_line_for_a_shell_does_the_same() {
    let line = |socket: RuntimeSocket| {
        let server = HaproxyServer { socket, backend: "web".into(), server: "web1".into() };
        Disruption::Haproxy(HaproxyChange { server, state: OutState::Drain }).shell_text()
    };
    let set = "echo 'set server web/web1 state drain' | socat stdio";
    assert_eq!(
        line(RuntimeSocket::Unix("/run/haproxy/admin.sock".into())),
        format!("{set} unix-connect:/run/haproxy/admin.sock")
    );
    assert_eq!(line(RuntimeSocket::Unix("/run/a b,c".into())), format!("{set} 'unix-connect:/run/a b\\,c'"));
    assert_eq!(line(RuntimeSocket::Tcp(([127, 0, 0, 1], 9999).into())), format!("{set} tcp4:127.0.0.1:9999"));
    let six = "[2001:db8::7]:9999".parse().unwrap();
    assert_eq!(line(RuntimeSocket::Tcp(six)), format!("{set} 'tcp6:[2001:db8::7]:9999'"));
}

#[test]
fn a_name_is_no_second_command() {
    for name in ["web", "web-1", "a.b:c_D"] {
        assert!(HaproxyServer::is_name(name), "{name}");
    }
    for name in ["", "a b", "a;b", "a\nb", "a/b", "a\\b", "a\"b", "#1", "ä", &"a".repeat(129)] {
        assert!(!HaproxyServer::is_name(name), "{name}");
    }
}

/// What a host of its own forgets when it starts again; behind a port may be any other.
#[test]
fn a_start_of_this_host_is_none_of_another() {
    let undo = |socket: RuntimeSocket| {
        let server = HaproxyServer { socket, backend: "web".into(), server: "web1".into() };
        Undo::Haproxy(super::HaproxyUndo { server, set: super::OutState::Drain })
    };
    let (unix, tcp) = (RuntimeSocket::Unix("/run/x".into()), RuntimeSocket::Tcp(([192, 0, 2, 1], 9999).into()));
    assert!(undo(unix.clone()).void(true).is_some() && undo(unix).void(false).is_none());
    assert!(undo(tcp.clone()).void(true).is_none() && undo(tcp).void(false).is_none());
}

/// Who puts the server back, or takes it out otherwise, is noticed; the other state is left as it is.
#[tokio::test]
async fn what_somebody_else_set_meanwhile_is_noticed() {
    let haproxy = Haproxy::start();
    let mut change = haproxy.change(OutState::Drain);
    let undo = change.prepare().await.unwrap().remove(0);
    change.inject().await.unwrap();
    assert_eq!(change.ended_early().await, None);
    haproxy.set("web1", (2, 1, 1));
    let ended = change.ended_early().await.unwrap();
    assert_eq!(ended.cause, "web/web1 is in the state `maint`, and `drain` was set");
    let kept = undo.restore_with_doubts().await.unwrap_err();
    assert!(kept.is_left_alone && haproxy.admin("web1") == 1, "{}", kept.why);
    haproxy.set("web1", (2, 0, 1));
    let ended = change.ended_early().await.unwrap();
    assert_eq!(ended.cause, "web/web1 is in the state `ready`, and `drain` was set");
    undo.restore().await.unwrap();
    haproxy.task.abort();
    std::fs::remove_file(haproxy.path()).unwrap();
    assert_eq!(change.ended_early().await, None, "who does not answer tells nothing");
}
