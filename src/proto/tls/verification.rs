//! The verdict over a server's certificate, from what a handshake logged of its path, its name and its key.

use super::handshake_log::Entries;
use super::validation::ValidationError;

/// The verdict over path, name and key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verification {
    /// The path leads to a trusted root with the name, and the key is proven.
    pub(super) trusted: bool,
    /// Everything that is wrong.
    pub(super) verify_error: Option<String>,
    /// Why it cannot be judged from here.
    pub(super) unjudged: Option<String>,
    /// Something a reader should know although it verifies.
    pub(super) note: Option<String>,
}

/// Trusted needs both a path with the name and a proven key; an error of either is enough to distrust.
pub(super) fn verification(entries: &Entries) -> Verification {
    let trust = entries.trust.as_ref().and_then(|trust| trust.as_ref().err());
    let key = entries.key_proof.as_ref().and_then(|proof| proof.as_ref().err());
    let errors: Vec<ValidationError> = trust.into_iter().chain(key).cloned().collect();
    match (ValidationError::joined(&errors), &entries.trust, &entries.key_proof) {
        (Some(ValidationError::Wrong(why)), ..) => Verification { verify_error: Some(why), ..Verification::default() },
        (Some(ValidationError::CannotJudge(why)), ..) => {
            Verification { unjudged: Some(why), ..Verification::default() }
        }
        (None, Some(Ok(note)), Some(Ok(()))) => {
            Verification { trusted: true, note: note.clone(), ..Verification::default() }
        }
        (None, ..) => Verification::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Entries, Verification, verification};
    use crate::proto::tls::validation::ValidationError;

    #[test]
    fn trust_needs_both_the_path_and_the_key() {
        let verdict = |trust, key_proof| verification(&Entries { trust, key_proof, ..Entries::default() });
        let wrong = |why: &str| ValidationError::Wrong(why.to_owned());
        let open = |why: &str| ValidationError::CannotJudge(why.to_owned());
        let error = |why: &str| Verification { verify_error: Some(why.to_owned()), ..Verification::default() };
        let unjudged = |why: &str| Verification { unjudged: Some(why.to_owned()), ..Verification::default() };
        let good = Verification { trusted: true, note: Some("n".to_owned()), ..Verification::default() };
        assert_eq!(verdict(Some(Ok(Some("n".to_owned()))), Some(Ok(()))), good);
        assert_eq!(verdict(Some(Ok(None)), None), Verification::default());
        assert_eq!(verdict(None, Some(Ok(()))), Verification::default());
        assert_eq!(verdict(Some(Ok(None)), Some(Err(wrong("bad")))), error("bad"));
        assert_eq!(verdict(Some(Err(wrong("a"))), Some(Err(wrong("b")))), error("a; b"));
        assert_eq!(verdict(Some(Err(wrong("a"))), Some(Err(wrong("a")))), error("a"), "said once");
        assert_eq!(verdict(Some(Err(open("a"))), Some(Err(wrong("b")))), error("b"), "what is wrong is wrong");
        assert_eq!(verdict(Some(Err(open("a"))), Some(Ok(()))), unjudged("a"));
    }
}
