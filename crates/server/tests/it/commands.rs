//! Commands with the server up and down.

use super::{client::Client, process::Place};

#[test]
fn accounts_are_managed_alike_with_the_server_up_and_down() {
    for up in [false, true] {
        let place = Place::new();
        let server = up.then(|| place.serve());
        let add = ["user", "add", "juliet@localhost", "--password-stdin"];
        assert_eq!(
            place.done(&add, "capulet\n"),
            "The account juliet@localhost was made.\n"
        );
        place.fails(
            &add,
            1,
            "the account juliet@localhost exists already; \"user passwd\" sets its password",
        );
        let passwd = ["user", "passwd", "juliet@localhost", "--password-stdin"];
        place.done(&passwd, "montague\n");
        assert!(
            place
                .done(&["user", "list"], "")
                .contains("juliet@localhost\n")
        );
        assert!(
            place
                .done(&["--json", "user", "list"], "")
                .contains("\"jid\":\"juliet@localhost\"")
        );
        place.done(&["user", "delete", "juliet@localhost"], "");
        assert!(!place.done(&["user", "list"], "").contains("juliet"));
        place.fails(
            &["user", "delete", "juliet@localhost"],
            1,
            "there is no account juliet@localhost",
        );
        drop(server);
    }
}

#[test]
fn addresses_that_are_not_served_are_named() {
    let place = Place::new();
    place.configure("[host.\"anon.localhost\"]\nauthentication = \"anonymous\"\n[host.localhost]");
    let add = |jid| ["user", "add", jid, "--password-stdin"];
    place.fails(
        &add("juliet"),
        1,
        "\"juliet\" is not an address such as juliet@example.org",
    );
    place.fails(
        &add("juliet@example.org"),
        1,
        "the host example.org is not served here; add [host.\"example.org\"] to the configuration. Served are anon.localhost, localhost",
    );
    place.fails(
        &add("juliet@anon.localhost"),
        1,
        "the host anon.localhost has no accounts: people sign in to it anonymously",
    );
}

#[test]
fn a_mistake_is_answered_with_what_was_probably_meant() {
    let place = Place::new();
    place.configure("[host.localhost]");
    place.done(
        &["user", "add", "juliet@localhost", "--password-stdin"],
        "capulet\n",
    );
    place.fails(
        &["user", "info", "juilet@localhost"],
        1,
        "there is no account juilet@localhost; did you mean juliet@localhost? See \"user list\"",
    );
    place.fails(
        &["user", "info", "juliet@locahlost"],
        1,
        "the host locahlost is not served here; add [host.\"locahlost\"] to the configuration. Did you mean localhost? Served are localhost",
    );
    let output = place.run(&["user", "inof", "juliet@localhost"], "");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("'info'"), "{said}");
}

#[test]
fn accounts_are_shut_opened_and_given_roles() {
    let place = Place::new();
    let server = place.serve();
    let user = |word| ["user", word, "juliet@localhost"];
    place.done(
        &["user", "add", "juliet@localhost", "--password-stdin"],
        "capulet\n",
    );
    place.done(&user("disable"), "");
    assert!(place.done(&user("info"), "").contains("disabled"));
    assert!(
        place
            .done(&["user", "list"], "")
            .contains("juliet@localhost  (disabled)")
    );
    place.done(&user("enable"), "");
    place.done(&["user", "role", "juliet@localhost", "admin"], "");
    let info = place.done(&user("info"), "");
    assert!(
        info.contains("may sign in") && info.contains("admin"),
        "{info}"
    );
    let output = place.run(&["user", "role", "juliet@localhost", "king"], "");
    assert_eq!(output.status.code(), Some(2), "no such role");
    assert_eq!(
        place.done(&user("kick"), ""),
        "0 sessions of juliet@localhost ended.\n"
    );
    place.fails(
        &["session", "show", "juliet@localhost/balcony"],
        1,
        "there is no session juliet@localhost/balcony; \"session list\" shows them",
    );
    place.fails(
        &["session", "close", "juliet@localhost/balcony"],
        1,
        "there is no session juliet@localhost/balcony; \"session list\" shows them",
    );
    assert!(
        place
            .done(&["host", "list"], "")
            .starts_with("localhost  accounts")
    );
    let shown = place.done(&["host", "show", "localhost"], "");
    assert!(shown.contains("feature   urn:xmpp:ping"), "{shown}");
    assert!(
        place
            .done(&["--json", "stats"], "")
            .contains("\"sessions\":0")
    );
    drop(server);
}

#[test]
fn passwords_come_from_a_terminal_or_standard_input_only() {
    let place = Place::new();
    place.fails(
        &["user", "add", "juliet@localhost"],
        1,
        "there is no terminal to ask for the password; give it on standard input with --password-stdin",
    );
    let output = place.run(&["user", "add", "juliet@localhost", "capulet"], "");
    assert_eq!(output.status.code(), Some(2), "no password as an argument");
    let output = place.run(
        &["user", "add", "juliet@localhost", "--password-stdin"],
        "\n",
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_needs_a_running_server_says_so() {
    let place = Place::new();
    for command in [&["pid"][..], &["reload"], &["session", "list"], &["uptime"]] {
        place.fails(command, 5, "no server is running on the data folder data");
    }
    let server = place.serve();
    assert_eq!(place.done(&["pid"], ""), format!("{}\n", server.child.id()));
    assert_eq!(place.done(&["session", "list"], ""), "");
    let uptime = place.done(&["uptime"], "");
    assert!(
        uptime.starts_with("The server has been running for "),
        "{uptime}"
    );
}

#[test]
fn reload_takes_a_new_host_and_refuses_a_broken_file_whole() {
    let place = Place::new();
    let _server = place.serve();
    let list = ["user", "list", "new.localhost"];
    place.fails(
        &list,
        1,
        "the host new.localhost is not served here; add [host.\"new.localhost\"] to the configuration. Served are localhost",
    );
    place.configure("[host.localhost]\n[host.\"new.localhost\"]");
    place.done(&["reload"], "");
    assert_eq!(place.done(&list, ""), "");
    place.configure("[host.localhost]\nnonsense = 1");
    let output = place.run(&["reload"], "");
    assert_eq!(
        output.status.code(),
        Some(3),
        "the asking process reads it too"
    );
}

#[test]
fn who_is_no_operator_any_more_gives_no_commands() {
    let place = Place::new();
    place.configure("admins = [\"juliet@localhost\"]\nc2s.require_tls = false");
    let add = ["user", "add", "juliet@localhost", "--password-stdin"];
    place.done(&add, "juliet\n");
    let _server = place.serve();
    let mut client = Client::sign_in(place.port, "juliet", "balcony");
    let mut ask = |id: &str| {
        client.send(&format!(
            "<iq type='set' id='{id}' to='localhost'><command xmlns='http://jabber.org/protocol/commands' node='pid'/></iq>"
        ));
        let is_answer = |element: xml::Element<'_>| element.attr("id").as_deref() == Some(id);
        let answer = client.receive_until(is_answer).unwrap();
        answer.root().as_str().to_owned()
    };
    let answer = ask("c1");
    assert!(answer.contains("status='completed'"), "{answer}");
    place.configure("c2s.require_tls = false");
    place.done(&["reload"], "");
    let answer = ask("c2");
    assert!(answer.contains("<forbidden "), "{answer}");
}

#[test]
fn check_config_says_that_it_is_good_and_touches_nothing() {
    let place = Place::new();
    assert_eq!(
        place.done(&["check", "config"], ""),
        "The configuration is good (couplet.toml).\n"
    );
    assert!(!place.path("data").exists());
}

#[test]
fn config_default_is_a_configuration() {
    let place = Place::new();
    let text = place.done(&["config", "default"], "");
    assert!(text.contains("# Whether clients must begin TLS before they sign in."));
    std::fs::write(place.path("default.toml"), text).unwrap();
    place.done(&["--config", "default.toml", "check", "config"], "");
    let shown = place.done(&["config", "show"], "");
    assert!(
        shown.contains(&format!("c2s = [\"127.0.0.1:{}\"]", place.port)),
        "{shown}"
    );
}
