//! What a length of time is of.

/// What a length of time is of: that says which unit a number without one is likely in, and whether it can be exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeOf {
    /// How long something of the network took that takes little: milliseconds.
    Latency,
    /// How long something took or may take: seconds, or milliseconds.
    Period,
    /// What somebody has set at the peer, such as a TTL: whole seconds, which may be exact.
    Setting,
    /// How long ago something was: whole seconds.
    Age,
    /// How long something still holds, or has held: days.
    Validity,
}

impl TimeOf {
    /// Units that a number without one may be in, the likeliest first; one alone where it is sure.
    #[must_use]
    pub fn units(self, number: f64) -> &'static [&'static str] {
        match self {
            Self::Latency if number >= 60.0 => &["ms"],
            Self::Latency if number >= 10.0 => &["ms", "s"],
            Self::Period if number >= 100.0 => &["ms", "s"],
            Self::Latency | Self::Period => &["s", "ms"],
            Self::Setting | Self::Age => &["s"],
            // Nothing holds for ten years: who writes 1814400 counts in seconds.
            Self::Validity if number >= 3600.0 => &["s"],
            Self::Validity => &["d"],
        }
    }

    /// Whether it is ever exactly as somebody wrote; zero aside, which a period may be that did not begin.
    #[must_use]
    pub const fn may_be_exact(self) -> bool {
        matches!(self, Self::Setting)
    }

    /// Whether it is another one whenever it is looked at.
    #[must_use]
    pub const fn runs_on(self) -> bool {
        matches!(self, Self::Age | Self::Validity)
    }
}
