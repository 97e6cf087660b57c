//! `couplet check`: what it finds, what it says to do, and its exit code.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt};

use rcgen::KeyPair;

use super::process::Place;

/// What `check` says in JSON, and its exit code.
fn check(place: &Place) -> (serde_json::Value, Option<i32>) {
    let output = place.run(&["--json", "check"], "");
    let report = serde_json::from_slice(&output.stdout).expect("it reports in any case");
    (report, output.status.code())
}

/// Whether something of this severity is found about this, with `part` in what is found or advised.
fn has(report: &serde_json::Value, severity: &str, about: &str, part: &str) -> bool {
    let findings = report["findings"].as_array().expect("a list");
    findings.iter().any(|finding| {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        assert!(!text("advice").is_empty(), "{finding} says what to do");
        text("severity") == severity
            && text("about") == about
            && (text("found") + &text("advice")).contains(part)
    })
}

#[test]
fn a_place_to_try_things_out_is_fine() {
    let place = Place::new();
    let (report, code) = check(&place);
    assert_eq!(code, Some(0), "{report}");
    assert!(has(
        &report,
        "note",
        "certificates",
        "localhost has no certificate"
    ));
    assert!(!place.path("data").exists(), "nothing is touched");
    let server = place.serve();
    let (report, code) = check(&place);
    assert_eq!(code, Some(0), "{report}");
    assert!(has(&report, "note", "ports", "a server runs"));
    assert!(has(&report, "warning", "files", "admin-password"));
    drop(server);
}

#[test]
fn a_port_in_use_is_an_error_of_the_start() {
    let place = Place::new();
    let _held = TcpListener::bind(("127.0.0.1", place.port)).unwrap();
    let (report, code) = check(&place);
    assert_eq!(code, Some(4), "{report}");
    assert!(has(&report, "error", "ports", "already in use"));
}

#[test]
fn early_data_without_a_port_for_it_is_noted() {
    let place = Place::new();
    place.configure("tls.early_data = true");
    let (report, code) = check(&place);
    assert_eq!(code, Some(0), "{report}");
    assert!(has(&report, "note", "ports", "listen.c2s_tls"));
}

#[test]
fn each_mistake_in_the_configuration_is_found() {
    let place = Place::new();
    place.configure("nonsense = 1\n[c2s]\nrequre_tls = true");
    let (report, code) = check(&place);
    assert_eq!(code, Some(3), "{report}");
    assert!(has(&report, "error", "configuration", "nonsense"));
    assert!(has(&report, "error", "configuration", "requre_tls"));
}

#[test]
fn a_key_that_everybody_can_read_is_an_error() {
    let place = Place::new();
    place.configure("[host.\"example.org\"]");
    let (report, code) = check(&place);
    assert_eq!(code, Some(3), "{report}");
    assert!(has(&report, "error", "certificates", "has no certificate"));

    let key = KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["example.org".to_owned()]).unwrap();
    fs::create_dir(place.path("certs")).unwrap();
    let chain = params.self_signed(&key).unwrap().pem();
    fs::write(place.path("certs/a.crt"), chain).unwrap();
    let file = place.path("certs/a.key");
    fs::write(&file, key.serialize_pem()).unwrap();
    let allow = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    allow(0o640);
    let (report, code) = check(&place);
    assert_eq!(code, Some(0), "{report}");
    assert!(has(&report, "warning", "certificates", "self-signed"));
    allow(0o644);
    let (report, code) = check(&place);
    assert_eq!(code, Some(3), "{report}");
    assert!(has(
        &report,
        "error",
        "certificates",
        "chmod o= certs/a.key"
    ));
}
