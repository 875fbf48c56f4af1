//! A service with an API: `POST /down…` and `POST /up…` switch it, any other request tells how it is.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What it knows.
#[derive(Default)]
struct State {
    is_down: bool,
    /// Heads of the requests that switched it.
    switched: Vec<String>,
}

/// Its side that a test sees.
#[derive(Clone, Default)]
pub struct Api(Arc<Mutex<State>>);

impl Api {
    pub fn is_down(&self) -> bool {
        self.0.lock().unwrap().is_down
    }

    /// Heads of the requests that switched it.
    #[allow(dead_code, reason = "not every test looks at them")]
    pub fn switched(&self) -> Vec<String> {
        self.0.lock().unwrap().switched.clone()
    }

    /// Somebody puts it up without asking anybody.
    #[allow(dead_code, reason = "not every test has such a person")]
    pub fn put_up(&self) {
        self.0.lock().unwrap().is_down = false;
    }

    /// Answers for as long as the process lives.
    pub fn serve(self, listener: TcpListener) {
        std::thread::spawn(move || {
            for client in listener.incoming() {
                self.answer(client.unwrap());
            }
        });
    }

    /// The other side may be gone: it has died, as tests want it.
    fn answer(&self, mut client: TcpStream) {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(1) = client.read(&mut byte) else { return };
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let mut state = self.0.lock().unwrap();
        for (line, is_down) in [("POST /down", true), ("POST /up", false)] {
            if head.starts_with(line) {
                state.is_down = is_down;
                state.switched.push(head.clone());
            }
        }
        let body = if state.is_down { "down" } else { "up" };
        let _ = write!(client, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    }
}
