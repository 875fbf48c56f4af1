//! Servers inside a namespace that give everybody the same answer.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use nix::sched::{CloneFlags, setns};

use super::Namespace;

/// Starts one at this address, on a thread that lives as long as the tests do. `header` is one beside those that every answer has.
pub fn serve(namespace: &Namespace, at: (&'static str, u16), (status, header): (u16, &str), body: &str) {
    serve_in_turn(namespace, at, vec![answer((status, header), body)]);
}

/// An answer with a status, a header and a body.
pub fn answer((status, header): (u16, &str), body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{header}\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// The same, of one that gives each of these answers in turn.
pub fn serve_in_turn(namespace: &Namespace, (address, port): (&'static str, u16), answers: Vec<String>) {
    let file = File::open(PathBuf::from("/run/netns").join(namespace.name())).unwrap();
    let (ready, started) = mpsc::channel();
    thread::spawn(move || {
        setns(file, CloneFlags::CLONE_NEWNET).unwrap();
        let listener = TcpListener::bind((address, port)).unwrap();
        ready.send(()).unwrap();
        for (stream, answer) in listener.incoming().zip(answers.iter().cycle()) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    started.recv().unwrap();
}
