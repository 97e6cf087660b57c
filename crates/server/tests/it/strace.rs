//! `durability = "full"`: nothing that a message changed is told before it is on the disk.
//!
//! The server runs under `strace`. For each message the trace has, in this order: the write of a database page or a log
//! frame with its text, the end of an `fsync` or `fdatasync`, and only then a write to a socket that tells of it: its
//! delivery, the sender's `<a/>`, or the answer to a ping sent after it. Plain text, so that the trace can be read.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use super::{
    client::{Client, SM},
    process::{COUPLET, Place, Serving},
};

const MESSAGES: usize = 20;

#[test]
fn nothing_is_told_before_it_is_on_the_disk() {
    if !strace_works() {
        println!("skipped: strace is not installed or may not trace");
        return;
    }
    let place = Place::new();
    place.configure("durability = \"full\"\nc2s.require_tls = false");
    for name in ["romeo", "juliet", "nurse"] {
        let jid = format!("{name}@localhost");
        place.done(
            &["user", "add", &jid, "--password-stdin"],
            &format!("{name}\n"),
        );
    }
    let trace = place.path("trace");
    let server = serve_traced(&place, &trace);
    converse(place.port);
    stop(&place, server);

    let calls = fs::read(&trace).unwrap();
    let calls = String::from_utf8_lossy(&calls);
    let calls: Vec<&str> = calls.lines().collect();
    for number in 0..MESSAGES {
        check(&calls, number);
    }
}

/// Each message goes to somebody who is there or to somebody who is not, with a ping behind it, and is acknowledged
/// before the next one.
fn converse(port: u16) {
    let mut juliet = Client::sign_in(port, "juliet", "balcony");
    juliet.become_available();
    let mut romeo = Client::sign_in(port, "romeo", "orchard");
    romeo.enable_acks();
    for number in 0..MESSAGES {
        let to = recipient(number);
        romeo.send(&format!(
            "<message to='{to}@localhost' type='chat' id='m{number:03}'><body>{}</body></message>\
             <iq type='get' to='localhost' id='{}'><ping xmlns='urn:xmpp:ping'/></iq><r xmlns='{SM}'/>",
            marker(number),
            ping(number)
        ));
        let handled = (2 * (number + 1)).to_string();
        let is_ack = |element: xml::Element<'_>| {
            element.is("a", SM) && element.attr("h").as_deref() == Some(&handled)
        };
        romeo.receive_until(is_ack).expect("an ack");
        if to == "juliet" {
            juliet.expect("message", &format!("m{number:03}"));
        }
    }
}

fn recipient(number: usize) -> &'static str {
    if number.is_multiple_of(2) {
        "juliet"
    } else {
        "nurse"
    }
}

fn marker(number: usize) -> String {
    format!("marker-{number:03}-of-the-trace")
}

fn ping(number: usize) -> String {
    format!("ping-{number:03}-of-the-trace")
}

/// The order of the calls about one message.
#[track_caller]
fn check(calls: &[&str], number: usize) {
    let marker = marker(number);
    let stored = find(calls, 0, |call| is_to_file(call) && call.contains(&marker))
        .unwrap_or_else(|| panic!("message {number} is never written to a file"));
    let synced = find(calls, stored, is_sync_end)
        .unwrap_or_else(|| panic!("message {number} is never synced"));
    let told = |what: &str| find(calls, 0, |call| is_to_socket(call) && call.contains(what));
    let ack = format!("<a xmlns='{SM}' h='{}'/>", 2 * (number + 1));
    let ack = [ack.replace('\'', "\\\""), ack];
    let acked = ack.iter().find_map(|ack| told(ack));
    let mut tellings = vec![("an <a/>", acked), ("a ping's answer", told(&ping(number)))];
    if recipient(number) == "juliet" {
        tellings.push(("a delivery", told(&marker)));
    }
    for (what, at) in tellings {
        let at = at.unwrap_or_else(|| panic!("{what} of message {number} is not in the trace"));
        assert!(
            at > synced,
            "{what} of message {number} was written in call {at}, before the sync in call {synced}:\n{}",
            calls[at]
        );
    }
}

fn find(calls: &[&str], from: usize, wanted: impl Fn(&str) -> bool) -> Option<usize> {
    (from..calls.len()).find(|at| wanted(calls[*at]))
}

fn is_to_file(call: &str) -> bool {
    call.contains("write") && call.contains(".sqlite")
}

fn is_to_socket(call: &str) -> bool {
    call.contains("<socket:") || call.contains("<TCP:")
}

/// Where the call ends: a line of its own, or the second half of one that another thread interrupted.
fn is_sync_end(call: &str) -> bool {
    call.contains("sync") && call.ends_with("= 0")
}

fn strace_works() -> bool {
    Command::new("strace")
        .args(["-f", "true"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn serve_traced(place: &Place, trace: &Path) -> Serving {
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-y", "-s", "100000", "-o"])
        .arg(trace)
        .args([
            "-e",
            "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync",
        ])
        .arg(COUPLET);
    place.start(strace, &["serve"])
}

/// Stops the server in good order, and waits for strace, which ends with it.
fn stop(place: &Place, mut server: Serving) {
    let pid = place.done(&["pid"], "");
    let stopped = Command::new("kill").args(["-TERM", pid.trim()]).status();
    assert!(stopped.unwrap().success());
    server.child.wait().unwrap();
}
