//! What an operator does with a running server: sees whether it is well, looks at stanzas, changes the log, reloads.

use std::{
    fs,
    io::{BufRead, BufReader, Lines, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
};

use super::{
    client::Client,
    process::{COUPLET, Place},
};

/// A place with a plain listener and two accounts.
fn place() -> Place {
    let place = Place::new();
    place.configure("c2s.require_tls = false");
    for name in ["romeo", "juliet"] {
        let jid = format!("{name}@localhost");
        let input = format!("{name}\n");
        place.done(&["user", "add", &jid, "--password-stdin"], &input);
    }
    place
}

#[test]
fn a_healthcheck_tells_by_its_exit_code() {
    let place = Place::new();
    place.fails(
        &["healthcheck"],
        5,
        "no server is running on the data folder data",
    );
    assert!(!place.path("data").exists(), "asking makes nothing");
    place.configure("workers = 2");
    let _server = place.serve();
    let said = place.done(&["healthcheck"], "");
    assert!(
        said.starts_with("The server is well: ") && said.ends_with("its workers (2) answer.\n"),
        "{said}"
    );
    let data = place.done(&["--json", "healthcheck"], "");
    assert!(data.contains("\"workers\":2"), "{data}");
}

/// A `couplet watch` that runs.
struct Watching {
    child: Child,
    lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Watching {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut child = Command::new(COUPLET)
            .current_dir(place.folder.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            lines: Some(lines),
        }
    }

    fn next(&mut self) -> String {
        let lines = self.lines.as_mut().unwrap();
        lines.next().expect("more is said").unwrap()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn stanzas_of_one_address_are_shown_as_they_pass() {
    let place = place();
    let server = place.serve();
    let mut hidden = Watching::start(&place, &["watch", "juliet@localhost"]);
    assert_eq!(
        hidden.next(),
        "Stanzas of juliet@localhost as they pass; Ctrl-C ends."
    );
    let mut whole = Watching::start(
        &place,
        &["--json", "watch", "juliet@localhost/balcony", "--bodies"],
    );
    assert_eq!(whole.next(), "{\"watching\":\"juliet@localhost/balcony\"}");
    server.logs("with what users write");
    let mut juliet = Client::sign_in(place.port, "juliet", "balcony");
    juliet.become_available();
    let mut romeo = Client::sign_in(place.port, "romeo", "orchard");
    romeo.send("<presence/>");
    romeo.send("<message to='juliet@localhost' id='m' type='chat'><body>hi</body></message>");
    juliet.expect("message", "m");

    let shown = hidden.next();
    assert!(
        shown.ends_with(" juliet@localhost/balcony -> <presence from='juliet@localhost/balcony'/>"),
        "{shown}"
    );
    let shown = hidden.next();
    assert!(shown.contains(" <- <presence "), "her own, back: {shown}");
    let shown = hidden.next();
    assert!(
        shown.contains(" <- <message from='romeo@localhost/orchard' to='juliet@localhost' id='m'")
            && shown.contains("<body>…</body>"),
        "and nothing of romeo's own: {shown}"
    );
    let shown: Vec<String> = (0..3).map(|_| whole.next()).collect();
    assert!(
        shown[0].contains("\"direction\":\"received\"") && shown[2].contains("<body>hi</body>"),
        "{shown:?}"
    );
    drop((hidden, whole));
    juliet.send("<presence/>");
    juliet.receive_until(|element| element.name() == "presence");
    drop(server);
}

#[test]
fn who_looks_learns_that_the_server_has_gone() {
    let place = place();
    let mut server = place.serve();
    let mut watching = Watching::start(&place, &["watch", "localhost"]);
    watching.next();
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success(), "nobody holds it up");
    assert_eq!(watching.child.wait().unwrap().code(), Some(1));
}

#[test]
fn who_reads_no_more_has_seen_enough() {
    let place = place();
    let _server = place.serve();
    let mut watching = Watching::start(&place, &["watch", "localhost"]);
    watching.next();
    drop(watching.lines.take());
    let mut juliet = Client::sign_in(place.port, "juliet", "balcony");
    juliet.become_available();
    assert_eq!(watching.child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_can_not_be_watched_is_named() {
    let place = place();
    place.fails(
        &["watch", "juliet@localhost"],
        5,
        "no server is running on the data folder data",
    );
    let _server = place.serve();
    place.fails(
        &["watch", "juliet@locahlost"],
        1,
        "the host locahlost is not served here; add [host.\"locahlost\"] to the configuration. Did you mean localhost? Served are localhost",
    );
    place.fails(
        &["watch", "a@b@c"],
        1,
        "\"a@b@c\" is not an address such as juliet@example.org",
    );
}

#[test]
fn the_log_changes_while_the_server_runs() {
    let place = place();
    let server = place.serve();
    assert_eq!(
        place.done(&["log", "debug", "engine"], ""),
        "Logged is \"info\", as configured; in engine \"debug\".\n"
    );
    end_with_error(place.port);
    let line = server.logs("the client ended its stream with an error");
    assert!(line.contains("\"DEBUG\""), "{line}");
    place.fails(
        &["log", "debug", "transprot"],
        1,
        "no part of the server is called \"transprot\"; did you mean \"transport\"?",
    );
    assert_eq!(
        place.done(&["log", "default"], ""),
        "Logged is \"info\", as configured.\n"
    );
    let output = place.run(&["log", "loud"], "");
    assert_eq!(output.status.code(), Some(2), "no such level");
    place.configure("c2s.require_tls = false\nlog.level = \"debug\"");
    place.done(&["reload"], "");
    end_with_error(place.port);
    server.logs("the client ended its stream with an error");
}

/// A client that opens a stream and ends it with an error, which is logged at the level "debug".
fn end_with_error(port: u16) {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let text = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'><stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    socket.write_all(text.as_bytes()).unwrap();
    socket.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_reload_says_what_is_in_force_only_after_a_restart() {
    let place = place();
    let server = place.serve();
    let done = "Configuration and certificates were read anew.\n";
    assert_eq!(place.done(&["reload"], ""), done);
    let file = place.path("couplet.toml");
    let text = fs::read_to_string(&file).unwrap();
    let moved = text.replace(&format!(":{}", place.port), ":1");
    fs::write(&file, format!("workers = 3\n{moved}")).unwrap();
    let later = format!("{done}Changed, but in force only after a restart: workers, listen.c2s.\n");
    assert_eq!(place.done(&["reload"], ""), later);
    assert_eq!(place.done(&["reload"], ""), later, "it is still so");
    assert!(
        place
            .done(&["--json", "reload"], "")
            .contains("\"needs_restart\":[\"workers\",\"listen.c2s\"]")
    );
    server.signal("-HUP");
    let line = server.logs("only after a restart");
    assert!(line.contains("workers, listen.c2s"), "{line}");
    fs::write(&file, text).unwrap();
    assert_eq!(place.done(&["reload"], ""), done);
}
