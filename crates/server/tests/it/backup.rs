//! `couplet backup`, made while messages are written, and restored elsewhere.

use std::{fs, os::unix::fs::PermissionsExt, sync::mpsc, thread};

use super::{
    client::{Client, SM},
    process::Place,
};

/// How many messages are acknowledged before the backup begins.
const BEFORE: usize = 200;
/// And how many are sent at most: what waits for an account is bounded.
const ALL: usize = 900;

#[test]
fn a_backup_made_under_load_has_every_message_acknowledged_before() {
    let place = Place::new();
    place.configure("c2s.require_tls = false");
    for name in ["romeo", "juliet"] {
        let account = format!("{name}@localhost");
        place.done(
            &["user", "add", &account, "--password-stdin"],
            &format!("{name}\n"),
        );
    }
    let server = place.serve();
    let (acked, on_the_way) = mpsc::channel();
    let mut romeo = Client::sign_in(place.port, "romeo", "orchard");
    romeo.enable_acks();
    let writing = thread::spawn(move || {
        for number in 0..ALL {
            romeo.send(&format!(
                "<message to='juliet@localhost' type='chat'><body>{number}</body></message><r xmlns='{SM}'/>"
            ));
            let covered = romeo.receive_until(|element| element.is("a", SM));
            assert_eq!(
                covered.unwrap().root().attr("h").as_deref(),
                Some(&*(number + 1).to_string())
            );
            acked.send(number + 1).unwrap();
        }
    });
    let before = on_the_way.iter().find(|count| *count >= BEFORE).unwrap();
    let folder = place.path("backup");
    let said = place.done(&["backup", "backup"], "");
    assert!(
        said.starts_with("The store (") && said.ends_with(" were copied to backup.\n"),
        "{said}"
    );
    writing.join().unwrap();
    drop(server);

    let restored = Place::new();
    fs::rename(folder.join("data"), restored.path("data")).unwrap();
    restored.configure("c2s.require_tls = false");
    let _server = restored.serve();
    let mut juliet = Client::sign_in(restored.port, "juliet", "balcony");
    juliet
        .send("<presence/><message to='juliet@localhost' type='chat'><body>last</body></message>");
    let mut bodies = Vec::new();
    loop {
        let tree = juliet.receive_until(|element| element.name() == "message");
        let tree = tree.unwrap();
        let body = tree.root().child_text("body", xml::Ns::Content);
        match body.as_deref() {
            Some("last") => break,
            Some(body) => bodies.push(body.to_owned()),
            None => {}
        }
    }
    // A beginning of what was sent, in order, and no less than what was acknowledged before.
    let sent: Vec<String> = (0..bodies.len()).map(|number| number.to_string()).collect();
    assert_eq!(bodies, sent);
    assert!(bodies.len() >= before, "{} of {before}", bodies.len());
}

#[test]
fn configuration_certificates_and_data_are_in_it_and_nothing_of_the_process() {
    let place = Place::new();
    fs::create_dir_all(place.path("certs/below")).unwrap();
    fs::write(place.path("certs/below/notes.txt"), "mine").unwrap();
    let _server = place.serve();
    place.done(&["backup", "backup"], "");
    let has = |name: &str| place.path("backup").join(name).exists();
    for name in [
        "couplet.toml",
        "certs/below/notes.txt",
        "backup.json",
        "data/store.sqlite",
        "data/accounts.secret",
        "data/admin-password",
        "data/self-signed/localhost.key",
    ] {
        assert!(has(name), "{name}");
    }
    for name in [
        "data/couplet.pid",
        "data/couplet.sock",
        "data/store.lock",
        "data/store.sqlite-wal",
        "data/tokens.key",
    ] {
        assert!(!has(name), "{name}");
    }
    let mode = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("data/tokens.key"), 0o600);
    assert_eq!(mode("backup"), 0o700);
    assert_eq!(mode("backup/data/store.sqlite"), 0o600);
    assert_eq!(mode("backup/data/self-signed/localhost.key"), 0o600);
    let origin = fs::read_to_string(place.path("backup/backup.json")).unwrap();
    assert!(origin.contains("\"data\": \"data\""), "{origin}");
    assert!(!place.path("backup.partial").exists());
}

#[test]
fn a_backup_works_without_a_server_and_tells_what_it_did() {
    let place = Place::new();
    place.fails(
        &["backup", "backup"],
        1,
        "there is no store in the data folder data; name the server's configuration with --config",
    );
    place.done(
        &["user", "add", "juliet@localhost", "--password-stdin"],
        "capulet\n",
    );
    let said = place.done(&["--json", "backup", "backup"], "");
    assert!(
        said.starts_with("{\"files\":2,\"folder\":\"backup\",\"store_bytes\":"),
        "{said}"
    );
    place.fails(
        &["backup", "backup"],
        1,
        "backup is there already; name a new folder",
    );
    place.fails(
        &["backup", "data/backup"],
        1,
        "data/backup is inside of what is copied; name a folder elsewhere",
    );
    fs::create_dir(place.path("empty")).unwrap();
    place.done(&["backup", "empty"], "");
    fs::create_dir(place.path("next.partial")).unwrap();
    place.fails(
        &["backup", "next"],
        1,
        "next.partial is there: another backup is being made or was interrupted; remove it if none is",
    );
}

#[test]
fn a_backup_that_fails_leaves_nothing_behind() {
    let place = Place::new();
    place.done(
        &["user", "add", "juliet@localhost", "--password-stdin"],
        "capulet\n",
    );
    fs::write(
        place.path("data/store.sqlite"),
        "this is no store".repeat(100),
    )
    .unwrap();
    // It may hold all of the store.
    let _ = fs::remove_file(place.path("data/store.sqlite-wal"));
    let output = place.run(&["backup", "backup"], "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("cannot make the backup in backup: the store is damaged"),
        "{said}"
    );
    assert!(!place.path("backup").exists() && !place.path("backup.partial").exists());
}
