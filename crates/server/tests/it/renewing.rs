//! Certificates that change while the server runs, and certificates that should.

use std::{fs, os::unix::fs::PermissionsExt};

use rcgen::{CertificateParams, KeyPair};

use super::{
    metrics::{self, samples},
    process::Place,
};

/// A day in 1970 counts from 0.
const DAY_SECONDS: i64 = 24 * 60 * 60;

const EXPIRY: &str = "couplet_certificate_expiry_timestamp_seconds{host=\"example.org\"}";

/// Writes a certificate for example.org that is valid until then, in seconds since 1970.
fn certify(place: &Place, until: i64) {
    let mut params = CertificateParams::new(vec!["example.org".to_owned()]).unwrap();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch;
    params.not_after = epoch + std::time::Duration::from_secs(until.unsigned_abs());
    let key = KeyPair::generate().unwrap();
    fs::create_dir_all(place.path("certs")).unwrap();
    let chain = params.self_signed(&key).unwrap().pem();
    let key_file = place.path("certs/example.org.key");
    fs::write(&key_file, key.serialize_pem()).unwrap();
    fs::set_permissions(key_file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(place.path("certs/example.org.crt"), chain).unwrap();
}

/// Now, in seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "certificates expire in real time"
)]
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}

/// A place whose host must not go without TLS, or may.
fn place(require_tls: bool) -> (Place, u16) {
    metrics::place(&format!(
        "c2s.require_tls = {require_tls}\n[host.\"example.org\"]"
    ))
}

#[test]
fn a_renewed_certificate_is_taken_and_a_spoilt_one_refused() {
    for require_tls in [true, false] {
        let (place, port) = place(require_tls);
        let far = now() / DAY_SECONDS * DAY_SECONDS + 100 * DAY_SECONDS;
        certify(&place, far);
        let server = place.serve();
        assert_eq!(samples(port)[EXPIRY] as i64, far);
        certify(&place, far + DAY_SECONDS);
        server.signal("-HUP");
        server.logs("were read anew");
        assert_eq!(samples(port)[EXPIRY] as i64, far + DAY_SECONDS);

        // A key that does not fit, then a file that is none.
        let key = place.path("certs/example.org.key");
        fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        server.signal("-HUP");
        let line = server.logs("reload failed");
        assert!(line.contains("example.org"), "{line}");
        let output = place.run(&["reload"], "");
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("example.org"), "{said}");
        fs::write(
            place.path("certs/example.org.crt"),
            "-----BEGIN CERTIFICATE-----\nAA",
        )
        .unwrap();
        server.signal("-HUP");
        let line = server.logs("reload failed");
        assert!(line.contains("is not a valid PEM file"), "{line}");
        assert_eq!(
            samples(port)[EXPIRY] as i64,
            far + DAY_SECONDS,
            "the old one stays"
        );

        certify(&place, far + 2 * DAY_SECONDS);
        place.done(&["reload"], "");
        assert_eq!(samples(port)[EXPIRY] as i64, far + 2 * DAY_SECONDS);
    }
}

#[test]
fn a_certificate_that_expires_soon_is_spoken_of() {
    let (place, _) = place(true);
    certify(&place, now() + 3 * DAY_SECONDS + 60);
    let server = place.serve();
    let line = server.logs("the certificate expires soon");
    assert!(
        line.contains("\"WARN\"") && line.contains("\"days\":3"),
        "{line}"
    );
    let said = place.done(&["check"], "");
    assert!(
        said.contains("warning (certificates): the certificate of example.org in certs/example.org.crt expires in 3 days."),
        "{said}"
    );
    certify(&place, now() - DAY_SECONDS);
    server.signal("-HUP");
    server.logs("the certificate has expired");
}
