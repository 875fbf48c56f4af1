//! Reasons not to trust a certificate.

/// Why certificates are not trusted, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::proto) enum ValidationError {
    /// They break a rule.
    Wrong(String),
    /// This program cannot judge them; other clients may.
    CannotJudge(String),
}

impl ValidationError {
    /// All of them as one; `None` when there are none. What is wrong is wrong, whatever else cannot be judged.
    pub(in crate::proto) fn joined(all: &[Self]) -> Option<Self> {
        let mut texts: Vec<&str> = Vec::new();
        let any_wrong = all.iter().any(|one| matches!(one, Self::Wrong(_)));
        for one in all {
            let text = match one {
                Self::Wrong(text) => text.as_str(),
                Self::CannotJudge(text) if !any_wrong => text.as_str(),
                Self::CannotJudge(_) => continue,
            };
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let text = (!texts.is_empty()).then(|| texts.join("; "))?;
        Some(if any_wrong { Self::Wrong(text) } else { Self::CannotJudge(text) })
    }

    /// The reason.
    pub(in crate::proto) fn text(&self) -> &str {
        match self {
            Self::Wrong(text) | Self::CannotJudge(text) => text,
        }
    }
}

impl std::fmt::Display for ValidationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for ValidationError {}
