//! The iperf3 protocol, as spoken between client and server: control messages, parameters, results, datagrams, and the
//! loops that move data. Everything from the peer is bounded and checked here.
//!
//! One TCP control connection carries single-byte states and length-prefixed JSON; data streams go to the same port
//! and name their test by its cookie (TCP) or by a four-byte hello (UDP).

pub mod amount;
pub mod datagram;
pub mod flow;
pub mod frame;
pub mod parameter;
pub mod params;
pub mod pump;
pub mod receive_counter;
pub mod results;
pub mod socket;

pub use amount::{Amount, Budget};
pub use flow::{DataSocket, Flow};
pub use params::{Params, Rejection, Transport};
pub use receive_counter::ReceiveCounter;
pub use results::{Results, StreamResult};

/// The port of iperf3.
pub const PORT: u16 = 5201;
/// Streams of one test and direction.
pub const MAX_STREAMS: u32 = 128;
/// Largest block of TCP, as iperf3 limits it.
pub const MAX_BLOCK: u32 = 1_048_576;
/// Largest payload of a UDP datagram over IPv4.
pub const MAX_DATAGRAM: u32 = 65_507;

/// States: one signed byte on the control connection.
pub mod state {
    /// The server sent it: streams exist, the test is being set up.
    pub const TEST_START: i8 = 1;
    /// Senders go.
    pub const TEST_RUNNING: i8 = 2;
    /// The client's time is over.
    pub const TEST_END: i8 = 4;
    /// The server wants the parameters.
    pub const PARAM_EXCHANGE: i8 = 9;
    /// The server waits for the data streams.
    pub const CREATE_STREAMS: i8 = 10;
    /// The server gives up the test.
    pub const SERVER_TERMINATE: i8 = 11;
    /// The client gives up the test.
    pub const CLIENT_TERMINATE: i8 = 12;
    /// Client's results, then the server's.
    pub const EXCHANGE_RESULTS: i8 = 13;
    /// Results are complete.
    pub const DISPLAY_RESULTS: i8 = 14;
    /// The client is done.
    pub const IPERF_DONE: i8 = 16;
    /// The server is busy with another test.
    pub const ACCESS_DENIED: i8 = -1;
    /// Followed by two 32-bit error codes.
    pub const SERVER_ERROR: i8 = -2;

    /// A name for messages.
    #[must_use]
    pub const fn name(state: i8) -> &'static str {
        match state {
            TEST_START => "TEST_START",
            TEST_RUNNING => "TEST_RUNNING",
            TEST_END => "TEST_END",
            PARAM_EXCHANGE => "PARAM_EXCHANGE",
            CREATE_STREAMS => "CREATE_STREAMS",
            SERVER_TERMINATE => "SERVER_TERMINATE",
            CLIENT_TERMINATE => "CLIENT_TERMINATE",
            EXCHANGE_RESULTS => "EXCHANGE_RESULTS",
            DISPLAY_RESULTS => "DISPLAY_RESULTS",
            IPERF_DONE => "IPERF_DONE",
            ACCESS_DENIED => "ACCESS_DENIED",
            SERVER_ERROR => "SERVER_ERROR",
            _ => "an unknown state",
        }
    }
}

/// The stream numbers of iperf3: 1, 3, 4, 5 … (2 was lost in its history and peers look streams up by number).
#[must_use]
pub const fn stream_id(index: u32) -> u32 {
    if index == 0 { 1 } else { index + 2 }
}

#[cfg(test)]
mod tests {
    use super::stream_id;

    #[test]
    fn stream_numbers_skip_two() {
        assert_eq!([0, 1, 2, 3].map(stream_id), [1, 3, 4, 5]);
    }
}
