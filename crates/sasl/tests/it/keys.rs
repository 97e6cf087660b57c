//! Keys as they are stored.

use sasl::{Hash, KeysError, ScramKeys};

use crate::fixture::{few, keys, password};

#[test]
fn keys_survive_their_stored_text() {
    for hash in Hash::ALL {
        let text = keys(hash).encode();
        let again = ScramKeys::decode(&text).expect("our own text");
        assert_eq!(again.encode(), text);
        assert_eq!((again.hash(), again.iterations()), (hash, few()));
    }
}

#[test]
fn the_stored_text_is_that_of_rfc_5803() {
    // The keys of user `user` in RFC 7677 §3, as other servers store them.
    let salt = [
        91, 109, 153, 104, 157, 18, 53, 142, 236, 160, 75, 20, 18, 54, 250, 129,
    ];
    let iterations = 4096.try_into().expect("not zero");
    let keys = ScramKeys::derive(Hash::Sha256, &password("pencil"), &salt, iterations);
    assert_eq!(
        keys.encode(),
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
         WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    );
}

#[test]
fn broken_text_is_no_keys() {
    let text = keys(Hash::Sha1).encode();
    for broken in [
        "",
        "x",
        "SCRAM-SHA-1",
        "SCRAM-SHA-1$2",
        "SCRAM-SHA-1$2:AA=$AA==:AA==",
    ] {
        assert!(ScramKeys::decode(broken).is_err(), "{broken}");
    }
    check(&text.replace("SHA-1", "MD5"), KeysError::UnknownHash);
    check(&text.replace("SCRAM-", ""), KeysError::UnknownHash);
    check(&text.replace("SHA-1", "SHA-256"), KeysError::Broken);
    check(&text.replace("$2:", "$0:"), KeysError::Broken);
    check(&text.replace("$2:", "$-2:"), KeysError::Broken);
    check(&text.replace("$2:", "$10000001:"), KeysError::Broken);
    check(&format!("{text}:AAAA"), KeysError::Broken);
    check(&text.replace('=', ""), KeysError::Broken);
}

#[test]
fn each_salt_gives_other_keys() {
    let derive = |salt: &[u8]| ScramKeys::derive(Hash::Sha512, &password("x"), salt, few());
    assert_ne!(derive(&[1; 16]).encode(), derive(&[2; 16]).encode());
}

#[track_caller]
fn check(text: &str, error: KeysError) {
    assert_eq!(ScramKeys::decode(text).map(|_| ()), Err(error), "{text}");
}
