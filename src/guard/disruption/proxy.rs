//! Proxies of the run that impair what passes them (`net::impair`). They live in the process of the run: the guard tells them what
//! to do, and whatever ends the run ends them as well, which undoes everything.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

use crate::guard::processes::{self, Process};
use crate::model::human_time;
use crate::net::impair::Impairment;
use crate::net::impair::control::{ProxyState, Reply, Request, ask};

/// A run that lives answers within this, on a busy host too.
const ANSWER: Duration = Duration::from_secs(1);
/// One that is stopped is not waited for: it finds the request when it goes on.
const HANDED_OVER: Duration = Duration::from_millis(100);
/// One that has not answered by then is broken.
const PATIENCE: Duration = Duration::from_secs(10);
/// From one look to the next meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// Proxies that impair what passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyImpairment {
    /// Where the proxies of the run are asked.
    pub socket: String,
    /// Those that impair, by name.
    pub proxies: BTreeMap<String, ImpairedProxy>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImpairedProxy {
    /// Where it stands, for people: `127.0.0.1:18080 to 127.0.0.1:8080`.
    pub place: String,
    /// How it impairs.
    pub impairment: Impairment,
    /// It ends it by itself after this time, whatever became of the guard.
    pub hold: Duration,
    /// That is meant to be before anybody asks for it.
    pub ends: bool,
}

impl ImpairedProxy {
    /// How it impairs, for people.
    #[must_use]
    pub fn text(&self) -> String {
        let length = if self.ends { format!(", for {}", human_time(self.hold)) } else { String::new() };
        format!("{}{length}", self.impairment.text())
    }
}

impl ProxyImpairment {
    pub(super) async fn prepare(&self) -> Result<ProxyUndo, String> {
        let (reply, process) = self.ask(&Request::State).await?;
        let states = reply?;
        for name in self.proxies.keys() {
            match states.get(name) {
                None => return Err(format!("this run has no proxy `{name}`")),
                Some(state) if !state.impairment.is_none() => {
                    return Err(format!("proxy `{name}` is impaired already: {}", state.impairment.text()));
                }
                Some(_) => {}
            }
        }
        let process = process.and_then(processes::identity).ok_or("it cannot be told which process they are in")?;
        Ok(ProxyUndo { socket: self.socket.clone(), names: self.proxies.keys().cloned().collect(), process })
    }

    pub(super) async fn inject(&self) -> Result<(), String> {
        let all = self.proxies.iter().map(|(name, one)| (name.clone(), (one.impairment, one.hold))).collect();
        // The answer comes when it is in place.
        self.ask(&Request::Impair(all)).await?.0.map(drop)
    }

    pub(super) async fn in_effect(&self) -> Result<(), String> {
        let states = self.ask(&Request::State).await?.0?;
        let differs = |(name, one): &(&String, &ImpairedProxy)| {
            states.get(*name).is_none_or(|state| !one.ends && state.impairment != one.impairment)
        };
        match self.proxies.iter().find(differs) {
            Some((name, _)) => Err(format!("proxy `{name}` is as it was")),
            None => Ok(()),
        }
    }

    async fn ask(&self, request: &Request) -> Result<(Reply, Option<i32>), String> {
        match timeout(PATIENCE, ask(&self.socket, request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(format!("the proxies of this run cannot be asked: {error}")),
            Err(_) => Err(format!("the proxies of this run did not answer within {}", human_time(PATIENCE))),
        }
    }

    /// No program of a shell can do it.
    pub(super) fn shell_text(&self) -> String {
        self.line(ImpairedProxy::text)
    }

    pub(super) fn inverse(&self) -> String {
        self.line(|_| Impairment::default().text())
    }

    fn line(&self, what: impl Fn(&ImpairedProxy) -> String) -> String {
        let all = self.proxies.iter().map(|(name, one)| format!("proxy {name} ({}): {}", one.place, what(one)));
        format!("# {}", all.collect::<Vec<_>>().join("; "))
    }

    /// Where clients come in.
    pub(super) fn subject(&self) -> String {
        let places: Vec<&str> = self.proxies.values().map(|one| one.place.as_str()).collect();
        format!("proxy {}", places.join(", "))
    }
}

/// Proxies that impair nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyUndo {
    socket: String,
    names: Vec<String>,
    /// The run that they are in.
    process: Process,
}

/// What the run said.
enum ProxyAnswer {
    /// The proxies as they are.
    States(BTreeMap<String, ProxyState>),
    /// There are none any more: they ended with the check, or with the run.
    Ended,
    /// The run was stopped, and its proxies with it. It reads the request before all else when it goes on, and they end the impairment
    /// by themselves at their time.
    Stopped,
}

impl ProxyUndo {
    pub(super) async fn restore(&self) -> Result<(), String> {
        self.answer(&Request::Clear(self.names.clone())).await.map(drop)
    }

    pub(super) async fn verify(&self) -> Result<(), String> {
        let ProxyAnswer::States(states) = self.answer(&Request::State).await? else { return Ok(()) };
        let impaired = |name: &String| states.get(name).map(|one| one.impairment).filter(|one| !one.is_none());
        match self.names.iter().find_map(|name| Some((name, impaired(name)?))) {
            Some((name, impairment)) => Err(format!("proxy `{name}` still impairs: {}", impairment.text())),
            None => Ok(()),
        }
    }

    async fn answer(&self, request: &Request) -> Result<ProxyAnswer, String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let stopped = processes::stopped(self.process);
            let asked = timeout(if stopped { HANDED_OVER } else { ANSWER }, ask(&self.socket, request)).await;
            match asked {
                Ok(Ok((reply, _))) => return reply.map(ProxyAnswer::States),
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(ProxyAnswer::Ended),
                _ if self.has_ended() => return Ok(ProxyAnswer::Ended),
                _ if processes::stopped(self.process) => return Ok(ProxyAnswer::Stopped),
                _ if Instant::now() >= end => {
                    return Err(format!("the run ({}) does not answer", self.process.text()));
                }
                _ => sleep(LOOK).await,
            }
        }
    }

    /// The run has ended, and its proxies with it.
    pub(super) fn has_ended(&self) -> bool {
        !processes::lives(self.process)
    }

    pub(super) fn by_hand(&self) -> String {
        let names = self.names.join(", ");
        if self.has_ended() {
            return format!("# proxy {names}");
        }
        format!("kill {}  # the run; its proxy {names} ends with it", self.process.pid)
    }
}
