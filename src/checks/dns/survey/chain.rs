//! Aliases from a name to its records, link by link, over one answer or several.

use hickory_proto::rr::Name;

use super::names;
use crate::proto::dns::message::ResourceRecord;
use crate::proto::dns::types;

/// Links followed at most, far beyond what any resolver follows.
const LINKS: usize = 64;

/// How far the aliases of a name have been followed.
pub(super) struct Chain {
    /// Where it stands.
    pub(super) end: Name,
    /// The names passed, the first one asked for not among them.
    pub(super) links: Vec<String>,
    /// It came back to a name it had passed.
    pub(super) looped: bool,
    /// It goes on beyond [`LINKS`], or beyond the questions that follow it.
    pub(super) cut: bool,
    /// It leads out of the zone, where this server is not the one to ask.
    pub(super) left: bool,
    start: String,
}

impl Chain {
    pub(super) fn new(name: &Name) -> Self {
        Self { end: name.clone(), links: Vec::new(), looped: false, cut: false, left: false, start: names::text(name) }
    }

    /// Follows the aliases of an answer; true when that led further. A DNAME without the CNAME it implies is followed as
    /// well (RFC 6672, 3.2).
    pub(super) fn follow(&mut self, answers: &[ResourceRecord]) -> bool {
        let before = self.links.len();
        while !self.looped {
            let Some(target) = self.target(answers) else { break };
            if self.links.len() == LINKS {
                self.cut = true;
                break;
            }
            let link = names::text(&target);
            self.looped = link == self.start || self.links.contains(&link);
            self.links.push(link);
            self.end = target;
        }
        self.links.len() > before
    }

    fn target(&self, answers: &[ResourceRecord]) -> Option<Name> {
        let own = answers.iter().filter(|record| record.owner.eq_ignore_root(&self.end));
        own.clone().find_map(|record| record.target.clone()).or_else(|| {
            let above = answers.iter().filter(|record| record.code == types::DNAME && record.sound);
            above.filter(|record| record.owner.zone_of(&self.end)).find_map(|record| self.substituted(record))
        })
    }

    /// The name with the owner of a DNAME at its end replaced by the target. A DNAME does not speak of its owner itself.
    fn substituted(&self, record: &ResourceRecord) -> Option<Name> {
        let kept = self.end.iter().count().checked_sub(record.owner.iter().count()).filter(|kept| *kept > 0)?;
        let target = names::parse(&record.data)?;
        let head = Name::from_labels(self.end.iter().take(kept)).ok()?;
        head.append_domain(&target).ok()
    }

    /// Whether an answer holds records of type `code` at the end.
    pub(super) fn resolved(&self, answers: &[ResourceRecord], code: u16) -> bool {
        let asked = |record: &&ResourceRecord| record.code == code || code == types::ANY;
        answers.iter().filter(asked).any(|record| record.owner.eq_ignore_root(&self.end))
    }
}
