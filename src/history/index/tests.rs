use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;

/// Nobody waits this long.
const LONG: Duration = Duration::from_mins(1);

fn entry(path: &str) -> Entry {
    Entry { path: path.into(), stamp: Stamp { size: 1, written: 2, changed: -3, inode: i64::MIN } }
}

fn other(why: &str) -> Content {
    Content::Other(why.to_owned())
}

/// The index after it replaced `old` and was read, and its text.
fn again(index: &Index, old: &str) -> (Index, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.jsonl");
    fs::write(&path, old).unwrap();
    index.save(&path, &File::open(&path).unwrap()).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    (Index::load(&File::open(&path).unwrap()).unwrap(), text)
}

#[test]
fn what_was_kept_is_recalled_while_the_stamp_is_the_same() {
    let mut index = Index::default();
    index.keep(&entry("/a"), &other("one\n\"two\" \u{e9}"));
    index.keep(&entry("/b"), &other("b"));
    index.keep(&entry("/c"), &Content::Damaged("never kept".into()));
    let (mut index, text) = again(&index, "");
    assert_eq!(index.recall(&entry("/a")), Some(other("one\n\"two\" \u{e9}")));
    let mut touched = entry("/b");
    touched.stamp.changed += 1;
    assert_eq!(index.recall(&touched), None);
    assert_eq!(index.recall(&entry("/c")), None);
    let (mut index, text) = again(&index, &text);
    assert_eq!(text.lines().count(), 2);
    assert_eq!(index.recall(&entry("/b")), None, "what has changed and was not kept is forgotten");
    assert_eq!(index.recall(&entry("/a")), Some(other("one\n\"two\" \u{e9}")));
}

#[test]
fn a_file_that_is_given_twice_is_kept_once() {
    let mut index = Index::default();
    index.keep(&entry("/a"), &other("a"));
    index.keep(&entry("/a"), &other("a"));
    let (mut index, text) = again(&index, "");
    assert_eq!(index.recall(&entry("/a")), Some(other("a")));
    assert_eq!(index.recall(&entry("/a")), None);
    index.keep(&entry("/a"), &other("a"));
    assert_eq!(again(&Index { changed: true, ..index }, &text).0.known.len(), 1);
}

#[test]
fn what_does_not_fit_is_left_out() {
    let mut index = Index { size: LARGEST - HEAD - 200, ..Index::default() };
    index.keep(&entry("/long"), &other(&"x".repeat(300)));
    assert!(index.next.is_empty() && !index.changed);
    index.keep(&entry("/a"), &other("a"));
    assert_eq!(index.next.len(), 1, "a shorter one fits");
}

#[test]
fn a_lock_is_held_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.jsonl");
    let held = Lock::acquire(&path, LONG).unwrap();
    let why = Lock::acquire(&path, Duration::from_millis(20)).unwrap_err();
    assert!(why.contains("another process holds the index"), "{why}");
    drop(held);
    // The thread that was left behind may have it for a moment.
    Lock::acquire(&path, LONG).unwrap();
}

#[test]
fn who_waited_for_a_lock_gets_the_file_that_has_the_name_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.jsonl");
    let held = Lock::acquire(&path, LONG).unwrap();
    let (sender, receiver) = mpsc::channel();
    let waiting = path.clone();
    let waiter = thread::spawn(move || {
        sender.send(()).unwrap();
        io::read_to_string(Lock::acquire(&waiting, LONG).unwrap().file()).unwrap()
    });
    receiver.recv().unwrap();
    atomic::write(&path, |out| out.write_all(b"new")).unwrap();
    drop(held);
    assert_eq!(waiter.join().unwrap(), "new");
}
