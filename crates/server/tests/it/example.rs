//! The example of the book, and mistakes in a configuration that only a whole start shows.

use std::fs;

use super::{client::Client, process::Place};

/// The file that the book shows, but for its ports.
fn example(port: u16) -> String {
    format!(
        r#"data = "./data"
admins = ["admin@localhost"]
workers = "auto"
[listen]
c2s = ["127.0.0.1:{port}"]
c2s_tls = ["127.0.0.1:0"]
[c2s]
require_tls = false
unauthenticated_timeout = "10 seconds"
stanza_bytes_max = 262144
[host."localhost"]
registration = "open"                 # closed (default) | open
archive = "never"                     # always (default) | roster | never
[host."anon.localhost"]
authentication = "anonymous"          # accounts (default) | anonymous
"#
    )
}

#[test]
fn the_example_works_as_written() {
    let place = Place::new();
    fs::write(place.path("couplet.toml"), example(place.port)).unwrap();
    place.done(
        &["user", "add", "juliet@localhost", "--password-stdin"],
        "juliet\n",
    );
    let server = place.serve();
    assert!(
        server.log.contains("c2s.require_tls is off"),
        "plain text is said aloud: {}",
        server.log
    );
    place.done(
        &["user", "add", "romeo@localhost", "--password-stdin"],
        "romeo\n",
    );
    let mut juliet = Client::sign_in(place.port, "juliet", "balcony");
    juliet.become_available();
    let mut romeo = Client::sign_in(place.port, "romeo", "orchard");
    romeo.send("<message to='juliet@localhost' id='m' type='chat'><body>hi</body></message>");
    juliet.expect("message", "m");
    assert_eq!(
        place.done(&["session", "list"], "").lines().count(),
        2,
        "both are there"
    );
}

#[test]
fn values_of_the_wrong_type_are_named_with_what_to_write() {
    check("workers = true", "workers must be");
    check("[c2s]\nrequire_tls = \"no\"", "c2s.require_tls");
    check(
        "[c2s]\nunauthenticated_timeout = \"soon\"",
        "c2s.unauthenticated_timeout",
    );
    check(
        "[limits]\nroster_items_max = \"many\"",
        "limits.roster_items_max",
    );
    check("[host.localhost]\narchive = \"sometimes\"", "archive");
    check("durability = \"half\"", "durability");
}

/// A start with `more` in the file says one sentence about its line, which has `part`.
#[track_caller]
fn check(more: &str, part: &str) {
    let place = Place::new();
    place.configure(more);
    let output = place.run(&["serve"], "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{more}: {said}");
    assert!(
        said.starts_with("couplet: couplet.toml:") && said.contains(part),
        "{more}: {said}"
    );
    assert_eq!(said.lines().count(), 1, "{more}: {said}");
    assert!(!place.path("data").exists(), "{more}: nothing was begun");
}
