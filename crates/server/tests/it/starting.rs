//! Starts that fail, and one that works: what is said and what is left behind.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt};

use super::process::Place;

#[test]
fn a_port_in_use_is_named_and_nothing_stays() {
    let place = Place::new();
    let _held = TcpListener::bind(("127.0.0.1", place.port)).unwrap();
    place.fails(
        &["serve"],
        4,
        &format!(
            "cannot listen on 127.0.0.1:{0}: port {0} is already in use; stop the program that uses it or choose another port (listen.c2s)",
            place.port
        ),
    );
    assert!(
        !place.path("data/store.sqlite").exists(),
        "nothing was begun"
    );
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let place = Place::new();
    let first = place.serve();
    place.fails(
        &["serve"],
        4,
        &format!(
            "another couplet (process {}) uses the data folder data; stop it, or set `data` to another folder",
            first.child.id()
        ),
    );
}

#[test]
fn a_data_folder_that_cannot_be_made_is_named() {
    let place = Place::new();
    fs::write(place.path("data"), "a file").unwrap();
    let output = place.run(&["serve"], "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4));
    assert!(
        said.starts_with("couplet: cannot write to the data folder data: "),
        "{said}"
    );
    assert!(
        said.trim_end().ends_with("or set `data` to another folder"),
        "{said}"
    );
}

#[test]
fn root_leaves_nothing_in_the_folder_of_another_user() {
    let place = Place::new();
    fs::create_dir(place.path("data")).unwrap();
    if std::os::unix::fs::chown(place.path("data"), Some(4242), None).is_err() {
        println!("only root can try this");
        return;
    }
    for command in [&["serve"][..], &["user", "list"]] {
        place.fails(
            command,
            4,
            "the data folder data belongs to the user 4242; run this as that user: sudo -u '#4242' couplet ...",
        );
    }
    assert_eq!(fs::read_dir(place.path("data")).unwrap().count(), 0);
}

#[test]
fn a_broken_certificate_is_named() {
    let place = Place::new();
    fs::create_dir(place.path("certs")).unwrap();
    fs::write(
        place.path("certs/localhost.pem"),
        "-----BEGIN CERTIFICATE-----\nAA",
    )
    .unwrap();
    let output = place.run(&["serve"], "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4));
    assert!(
        said.contains("certs/localhost.pem is not a valid PEM file: "),
        "{said}"
    );
}

#[test]
fn a_public_host_without_a_certificate_is_named_with_what_to_do() {
    let place = Place::new();
    place.configure("[host.\"example.org\"]");
    place.fails(
        &["serve"],
        4,
        "the host \"example.org\" has no certificate: put one and its key into certs, or set tls.self_signed = \"always\" to try things out",
    );
}

#[test]
fn a_wrong_configuration_is_named_by_every_command() {
    let place = Place::new();
    place.configure("[c2s]\nrequre_tls = true");
    let sentence =
        "couplet.toml:6: unknown key \"requre_tls\" in [c2s]; did you mean \"require_tls\"?";
    for command in [
        &["serve"][..],
        &["check", "config"],
        &["user", "list"],
        &["pid"],
    ] {
        place.fails(command, 3, sentence);
    }
}

#[test]
fn the_first_start_makes_an_administrator_and_tells_nobody_else() {
    let place = Place::new();
    let server = place.serve();
    let path = place.path("data/admin-password");
    let password = fs::read_to_string(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(password.trim().len(), 20);
    assert!(server.log.contains("admin-password"), "{}", server.log);
    assert!(!server.log.contains(password.trim()));
    assert_eq!(place.done(&["user", "list"], ""), "admin@localhost\n");
}

#[test]
fn a_signal_stops_it_in_good_order_and_the_next_start_works() {
    let place = Place::new();
    for _ in 0..2 {
        let mut server = place.serve();
        server.signal("-TERM");
        assert!(server.child.wait().unwrap().success());
        assert!(!place.path("data/couplet.sock").exists());
        assert!(!place.path("data/couplet.pid").exists());
    }
}

#[test]
fn a_start_after_a_kill_works() {
    let place = Place::new();
    drop(place.serve());
    assert!(place.path("data/couplet.sock").exists(), "it was killed");
    place.serve();
}
