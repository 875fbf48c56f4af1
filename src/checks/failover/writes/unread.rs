//! Why a write could not be looked for, and what to do about it.

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    /// One sentence without a full stop.
    pub(super) why: String,
    obstacle: Obstacle,
}

/// What stood in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// No answer came.
    Silence,
    /// An answer that does not tell, with its status where it has one.
    Answer(Option<i64>),
    /// The time for all reads was over.
    Slow,
    /// Not all of the answer was read.
    Cut,
}

impl Unread {
    pub(super) fn new(why: impl Into<String>, obstacle: Obstacle) -> Self {
        Self { why: why.into(), obstacle }
    }

    /// What to do after the writes, when they could not be read back any more.
    pub(super) fn remedy(&self) -> &'static str {
        self.by_status().unwrap_or(match self.obstacle {
            Obstacle::Silence => "see that what `read_back` asks still answers when the check ends, then run it again",
            Obstacle::Answer(_) => {
                "let `read_back` ask what answers in the same way before the disruption and after it, then run it again"
            }
            Obstacle::Slow => "raise `within` of `read_back`, or write less often (`interval`), then run it again",
            Obstacle::Cut => {
                "raise `limit` of `read_back`, or let it ask for each value (`{number}`), then run it again"
            }
        })
    }

    /// What to do ahead of everything; `usual` where the answer itself is not what is needed.
    pub(super) fn remedy_ahead(&self, usual: &'static str) -> &'static str {
        match self.obstacle {
            Obstacle::Silence => "check the address of `read_back`, and that it is served when all is well",
            _ => self.by_status().unwrap_or(usual),
        }
    }

    fn by_status(&self) -> Option<&'static str> {
        let Obstacle::Answer(Some(status)) = self.obstacle else { return None };
        match status {
            401 | 403 | 407 => {
                Some("give `read_back` access: look at its credentials, and at what they may read, then run it again")
            }
            429 => Some("have the service allow so many reads (16 are under way at once), then run it again"),
            500.. => Some("look at the log of what answers `read_back`: it fails at this read"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Obstacle, Unread};

    #[test]
    fn what_to_do_follows_from_what_stood_in_the_way() {
        let of = |obstacle| Unread::new("", obstacle);
        for (obstacle, after, ahead) in [
            (Obstacle::Answer(Some(403)), "give `read_back` access", "give `read_back` access"),
            (Obstacle::Answer(Some(429)), "allow so many reads", "allow so many reads"),
            (Obstacle::Answer(Some(503)), "look at the log", "look at the log"),
            (Obstacle::Answer(Some(302)), "in the same way before", "usual"),
            (Obstacle::Answer(None), "in the same way before", "usual"),
            (Obstacle::Silence, "still answers", "check the address"),
            (Obstacle::Slow, "raise `within`", "usual"),
            (Obstacle::Cut, "raise `limit`", "usual"),
        ] {
            let (told, told_ahead) = (of(obstacle).remedy(), of(obstacle).remedy_ahead("usual"));
            assert!(told.contains(after) && told_ahead.contains(ahead), "{obstacle:?}: {told} / {told_ahead}");
        }
    }
}
