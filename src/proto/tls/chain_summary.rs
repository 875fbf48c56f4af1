//! The certificates of a handshake as families report them, each under names of its own.

use super::certificate::Certificate;
use super::{Handshake, now};

/// The served chain in short.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainSummary {
    /// The leaf; absent when it cannot be read as an X.509 certificate.
    pub leaf: Option<Certificate>,
    /// Seconds until the leaf expires; negative once it has.
    pub expires_in: Option<f64>,
    /// Subjects of the chain, leaf first; `(unreadable)` stands for one that cannot be read.
    pub subjects: Vec<String>,
    /// Seconds until the first certificate of the chain expires. Absent when one cannot be read: it may be that one.
    pub chain_expires_in: Option<f64>,
}

impl<S> Handshake<S> {
    /// The served chain; `None` when there is none.
    #[must_use]
    pub fn chain_summary(&self) -> Option<ChainSummary> {
        let chain = self.certificates();
        let leaf = chain.first()?.clone();
        let now = now();
        let subject = |certificate: &Option<Certificate>| {
            certificate.as_ref().map_or_else(|| "(unreadable)".to_owned(), |certificate| certificate.subject.clone())
        };
        let expiries: Option<Vec<f64>> = chain.iter().map(|c| c.as_ref().map(|c| c.expires_in(now))).collect();
        Some(ChainSummary {
            expires_in: leaf.as_ref().map(|leaf| leaf.expires_in(now)),
            leaf,
            subjects: chain.iter().map(subject).collect(),
            chain_expires_in: expiries.and_then(|all| all.into_iter().min_by(f64::total_cmp)),
        })
    }
}
