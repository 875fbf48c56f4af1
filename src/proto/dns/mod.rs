//! DNS messages: questions, answers, the form of every record type, and one exchange of them.

pub(crate) mod alias;
pub(crate) mod exchange;
pub(crate) mod message;
pub(crate) mod name;
pub(crate) mod presentation;
pub(crate) mod question;
pub(crate) mod rcode;
pub(crate) mod rdata;
mod svcb;
pub mod types;
pub(crate) mod update;

/// Reads `bytes` as a whole message, and then as flags, counts and records of an answer to a question; for the
/// fuzzer, which sees only what is public.
#[cfg(feature = "fuzzing")]
pub fn fuzz_answer(bytes: &[u8]) {
    update::fuzz_answer(bytes);
    let question = question::Question::of_fuzzer();
    let id = bytes.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
    message::read(bytes, id, &question);
    if let (Ok((id, mut answer)), Some((head, records))) = (question.encode(0), bytes.split_at_checked(8)) {
        // Behind the id: the flags and counts of the input, then the question as it was asked, then its records.
        answer.truncate(12 + question.name.len() + 4);
        answer[2..4].copy_from_slice(&head[..2]);
        answer[6..12].copy_from_slice(&head[2..]);
        answer.extend_from_slice(records);
        message::read(&answer, id, &question);
        let _ = message::part(&answer, id);
    }
}
