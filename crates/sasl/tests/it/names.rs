//! Names on the wire: mechanisms, failures, and messages as text.

use sasl::limits::MESSAGE_BYTES_MAX;
use sasl::{Hash, Mechanism, Nonce, SaslFailure, wire};

#[test]
fn mechanisms_have_their_registered_names() {
    for mechanism in Mechanism::ALL {
        assert_eq!(Mechanism::from_name(mechanism.name()), Some(mechanism));
        let named_plus = mechanism.name().ends_with("-PLUS");
        assert_eq!(mechanism.is_plus(), named_plus);
        assert_eq!(mechanism.is_token(), mechanism.name().starts_with("HT-"));
        if let Some(hash) = mechanism.hash() {
            let name = mechanism.name().trim_end_matches("-PLUS");
            assert_eq!(name, format!("SCRAM-{}", hash.name()));
        }
    }
    assert_eq!(Mechanism::from_name("scram-sha-1"), None);
    assert_eq!(Mechanism::from_name("DIGEST-MD5"), None);
    assert_eq!(Hash::from_name("SHA-512"), Some(Hash::Sha512));
    assert_eq!(Hash::from_name("MD5"), None);
}

#[test]
fn failures_have_the_names_of_rfc_6120() {
    let names = SaslFailure::ALL.map(SaslFailure::condition);
    assert_eq!(
        names,
        [
            "aborted",
            "account-disabled",
            "credentials-expired",
            "encryption-required",
            "incorrect-encoding",
            "invalid-authzid",
            "invalid-mechanism",
            "malformed-request",
            "mechanism-too-weak",
            "not-authorized",
            "temporary-auth-failure",
        ]
    );
}

#[test]
fn messages_are_base64_with_a_sign_for_nothing() {
    assert_eq!(wire::encode(b""), "=");
    assert_eq!(wire::encode(b"abc"), "YWJj");
    assert_eq!(wire::decode("="), Ok(Vec::new()));
    assert_eq!(wire::decode(""), Ok(Vec::new()));
    assert_eq!(wire::decode("YWJj"), Ok(b"abc".to_vec()));
    assert_eq!(wire::decode_initial(""), Ok(None));
    assert_eq!(wire::decode_initial("="), Ok(Some(Vec::new())));
    assert_eq!(wire::decode_initial("YWJj"), Ok(Some(b"abc".to_vec())));
    for broken in ["YWJ", "YW Jj", "YWJj\n", "!", "==", "YWJj=", "YWI", "YW-_"] {
        assert_eq!(
            wire::decode(broken),
            Err(SaslFailure::IncorrectEncoding),
            "{broken:?}"
        );
    }
    let longest = wire::encode(&vec![0; MESSAGE_BYTES_MAX]);
    assert_eq!(
        wire::decode(&longest).map(|message| message.len()),
        Ok(MESSAGE_BYTES_MAX)
    );
    let too_long = "A".repeat(longest.len() + 4);
    assert_eq!(wire::decode(&too_long), Err(SaslFailure::MalformedRequest));
}

#[test]
fn nonces_are_made_of_bytes_or_checked_text() {
    assert_ne!(Nonce::from_bytes(&[1; 18]), Nonce::from_bytes(&[2; 18]));
    for bad in ["", "a,b", "a b", "é", "\u{7f}"] {
        assert_eq!(Nonce::from_text(bad), None, "{bad:?}");
    }
}
