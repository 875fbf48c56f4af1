//! Streams of probes: a connection for each, or one that stays and has each probe echoed.

mod connects;
mod dialler;
mod echoes;
mod lookup;
mod session;
#[cfg(test)]
mod tests;

use connects::Connects;
use session::Session;

use super::Tcp;
use super::fields::Addresses;
use crate::checks::shared::target::Target;
use crate::model::Fault;
use crate::probe::{Connection, EarlyEnd, Prober, StreamSpec};

/// A prober of a stream, of a check that allows one.
pub(super) async fn open(tcp: &Tcp, spec: &StreamSpec) -> Result<Option<Box<dyn Prober>>, Fault> {
    if tcp.addresses == Addresses::All {
        return Ok(None);
    }
    let said = match &tcp.conversation {
        None => Some(&[][..]),
        Some(conversation) => conversation.sent_alone(),
    };
    Ok(match (spec.connection, said) {
        // Who connects anew looks the name up anew: of a name each probe is a round.
        (Connection::New, _) if tcp.target.literal().is_none() || tcp.conversation.is_some() => None,
        (Connection::New, _) => Some(Box::new(connects(&tcp.target, spec).await?)),
        (Connection::Keep, Some(said)) => Some(Box::new(session(tcp, spec, said).await?)),
        (Connection::Keep, None) => None,
    })
}

async fn connects(target: &Target, spec: &StreamSpec) -> Result<Connects, Fault> {
    let address = target.address().await.map_err(|end| unreadable(target, end))?;
    Connects::new(target.socket(address), target.origin, spec)
}

/// A session that is open, where the service answers: what it says first is read ahead of the first probe.
async fn session(tcp: &Tcp, spec: &StreamSpec, said: &[u8]) -> Result<Session, Fault> {
    let target = &tcp.target;
    let address = target.address().await.map_err(|end| unreadable(target, end))?;
    let mut session = Session::new(target, address, spec, said, tcp.holds_secret)?;
    match target.connect(address).await {
        Ok(dialled) => session.begin(dialled.stream)?,
        Err(EarlyEnd::Fault(fault)) => return Err(fault),
        // Each probe tries again, and says why it fails.
        Err(EarlyEnd::Outcome { .. }) => {}
    }
    Ok(session)
}

/// There is no address to begin with.
fn unreadable(target: &Target, end: EarlyEnd) -> Fault {
    match end {
        EarlyEnd::Fault(fault) => fault,
        EarlyEnd::Outcome { word, evidence } => {
            let why = evidence.unwrap_or_else(|| word.to_owned());
            Fault::local(
                "look up the target of a stream",
                target.label(),
                why,
                "look the name of the target up by hand, with `getent ahosts`",
            )
        }
    }
}
