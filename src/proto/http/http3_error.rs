//! Errors of the HTTP/3 library in the words of this program. Its own texts show types out of its source code.

use h3::error::{Code, ConnectionError, LocalError, StreamError};

/// An error of a request.
#[must_use]
pub fn words(error: &StreamError) -> String {
    match error {
        StreamError::StreamError { code, reason, .. } => broken_rule(*code, reason),
        StreamError::RemoteTerminate { code, .. } => format!("the server reset the stream: {code}"),
        StreamError::ConnectionError { 0: error, .. } => of_connection(error),
        StreamError::HeaderTooBig { actual_size, max_size, .. } => {
            format!("a head of {actual_size} bytes, and at most {max_size} are taken")
        }
        StreamError::RemoteClosing { .. } => "the server closes the connection".to_owned(),
        _ => "the stream ended".to_owned(),
    }
}

/// An error of the whole connection.
#[must_use]
pub fn of_connection(error: &ConnectionError) -> String {
    match error {
        ConnectionError::Local { error: LocalError::Application { code, reason, .. }, .. } => {
            broken_rule(*code, reason)
        }
        ConnectionError::Timeout { .. } => "the connection timed out".to_owned(),
        // How it ended is told by QUIC.
        _ => "the connection ended".to_owned(),
    }
}

/// The code is the name RFC 9114 gives it; a reason that shows a type says nothing to people.
fn broken_rule(code: Code, reason: &str) -> String {
    let types = ['{', '}', '[', ']', '(', ')', '"', '_'];
    if reason.is_empty() || reason.contains(types) || reason.contains("::") {
        return format!("the server broke a rule: {code}");
    }
    format!("the server broke a rule: {code}, {reason}")
}

#[cfg(test)]
mod tests {
    use h3::error::Code;

    use super::broken_rule;
    use crate::testing::is_plain;

    #[test]
    fn no_error_of_the_library_is_told_in_its_own_names() {
        let codes = [
            Code::H3_FRAME_UNEXPECTED,
            Code::H3_MISSING_SETTINGS,
            Code::H3_MESSAGE_ERROR,
            Code::QPACK_DECOMPRESSION_FAILED,
        ];
        for code in codes {
            for reason in [
                "",
                "received frame Data(PayloadLen(5)) before settings",
                "on client control stream: Headers(b\"\\x00\")",
                "HeaderError::InvalidHeaderName",
                "stream ended without headers",
            ] {
                let told = broken_rule(code, reason);
                let own = told.replace(&code.to_string(), "");
                assert!(is_plain(&own) && !own.contains(['(', '_']), "{reason}: {told}");
                assert!(told.contains(&code.to_string()), "{told}");
            }
        }
        assert!(broken_rule(Code::H3_MESSAGE_ERROR, "no head").ends_with(": H3_MESSAGE_ERROR, no head"));
    }
}
