//! What must look alike: unknown and disabled accounts and wrong passwords, in bytes, steps and work.

use sasl::client::Scram;
use sasl::{
    Ask, Credentials, FakeCredentials, Hash, ITERATIONS_DEFAULT, Mechanism, SaslFailure, ScramKeys,
    Step,
};

use crate::fixture::{
    PASSWORD, begin, challenge, end, few, keys, nonce, password, without_binding,
};

const SECRET: [u8; 32] = [3; 32];

#[test]
fn only_the_right_password_of_an_active_account_signs_in() {
    let wrong = Err(SaslFailure::NotAuthorized);
    let foreign = Err(SaslFailure::InvalidAuthzid);
    for hash in Hash::ALL {
        check(hash, Credentials::active(keys(hash)), PASSWORD, Ok(()));
        check(hash, Credentials::active(keys(hash)), "other", wrong);
        check(
            hash,
            Credentials::foreign_authzid(keys(hash)),
            PASSWORD,
            foreign,
        );
        check(
            hash,
            Credentials::foreign_authzid(keys(hash)),
            "other",
            wrong,
        );
        check(hash, Credentials::refused(keys(hash)), PASSWORD, wrong);
        check(hash, Credentials::refused(keys(hash)), "other", wrong);
        check(
            hash,
            Credentials::refused(fake("juliet", hash)),
            PASSWORD,
            wrong,
        );
    }
}

#[test]
fn an_unknown_account_is_challenged_as_a_known_one() {
    for hash in Hash::ALL {
        let known = challenge_of(hash, Credentials::active(keys(hash)));
        let unknown = challenge_of(hash, Credentials::refused(fake("juliet", hash)));
        assert_eq!(known.len(), unknown.len());
        let shape = |challenge: &str| {
            let mut parts: Vec<_> = challenge.split(',').map(str::to_owned).collect();
            parts.retain(|part| !part.starts_with("s="));
            parts
        };
        assert_eq!(shape(&known), shape(&unknown));
    }
}

#[test]
fn a_fake_salt_is_the_same_every_time_and_another_for_every_name_hash_and_server() {
    let salt = |secret, name, hash| {
        let keys = FakeCredentials::new(secret).for_name(name, hash, few());
        let stored = keys.encode();
        stored.split(['$', ':']).nth(2).expect("a salt").to_owned()
    };
    let first = salt(SECRET, "juliet", Hash::Sha256);
    assert_eq!(salt(SECRET, "juliet", Hash::Sha256), first);
    assert_ne!(salt(SECRET, "romeo", Hash::Sha256), first);
    assert_ne!(salt(SECRET, "juliet", Hash::Sha1), first);
    assert_ne!(salt([4; 32], "juliet", Hash::Sha256), first);
}

#[test]
fn fake_keys_ask_for_the_work_of_real_ones() {
    let fake = FakeCredentials::new(SECRET).for_name("x", Hash::Sha512, ITERATIONS_DEFAULT);
    assert_eq!(fake.iterations().get(), 10_000);
    assert_eq!(fake.hash(), Hash::Sha512);
    let real = ScramKeys::derive(Hash::Sha512, &password("x"), &[0; 16], ITERATIONS_DEFAULT);
    assert_eq!(fake.encode().len(), real.encode().len());
}

#[test]
fn a_plain_password_is_judged_as_a_proof_is() {
    let wrong = Err(SaslFailure::NotAuthorized);
    let foreign = Err(SaslFailure::InvalidAuthzid);
    let real = || keys(Hash::Sha256);
    plain(Credentials::active(real()), PASSWORD, Ok(()));
    plain(Credentials::active(real()), "other", wrong);
    plain(Credentials::foreign_authzid(real()), PASSWORD, foreign);
    plain(Credentials::foreign_authzid(real()), "other", wrong);
    plain(Credentials::refused(real()), PASSWORD, wrong);
    plain(
        Credentials::refused(fake("juliet", Hash::Sha256)),
        PASSWORD,
        wrong,
    );
}

#[test]
fn the_authzid_is_handed_on_as_it_came() {
    let mut exchange = begin(Mechanism::ScramSha1, &without_binding());
    let client = Scram::new(
        Mechanism::ScramSha1,
        "juliet",
        PASSWORD,
        &nonce("abc"),
        None,
    )
    .expect("a client")
    .authzid("a=b,c@Example.com");
    assert_eq!(client.first(), b"n,a=a=3Db=2Cc@Example.com,n=juliet,r=abc");
    let step = exchange.start(Some(&client.first()));
    let Step::Ask(Ask::Credentials { authzid, .. }) = step else {
        unreachable!("{step:?}")
    };
    assert_eq!(authzid.as_deref(), Some("a=b,c@Example.com"));
}

#[test]
fn secrets_do_not_print() {
    let keys = keys(Hash::Sha256);
    let stored = keys.encode();
    let (_, printed_keys) = stored.rsplit_once('$').expect("keys");
    let (stored_key, server_key) = printed_keys.split_once(':').expect("two of them");
    let mut exchange = begin(Mechanism::ScramSha256, &without_binding());
    challenge(
        &mut exchange,
        b"n,,n=juliet,r=abc",
        Credentials::active(keys.clone()),
    );
    for printed in [
        format!("{keys:?}"),
        format!("{exchange:?}"),
        format!("{:?}", password(PASSWORD)),
        format!("{:?}", FakeCredentials::new(SECRET)),
        format!("{:?}", crate::fixture::exporter()),
    ] {
        for secret in [PASSWORD, stored_key, server_key, "3, 3, 3", "7, 7, 7"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}

fn fake(name: &str, hash: Hash) -> ScramKeys {
    FakeCredentials::new(SECRET).for_name(name, hash, few())
}

fn mechanism(hash: Hash) -> Mechanism {
    match hash {
        Hash::Sha1 => Mechanism::ScramSha1,
        Hash::Sha256 => Mechanism::ScramSha256,
        Hash::Sha512 => Mechanism::ScramSha512,
    }
}

fn challenge_of(hash: Hash, credentials: Credentials) -> String {
    let mut exchange = begin(mechanism(hash), &without_binding());
    let challenge = challenge(&mut exchange, b"n,,n=juliet,r=abc", credentials);
    String::from_utf8(challenge).expect("SCRAM is text")
}

#[track_caller]
fn check(hash: Hash, credentials: Credentials, typed: &str, expected: Result<(), SaslFailure>) {
    let mechanism = mechanism(hash);
    let mut client = Scram::new(mechanism, "juliet", typed, &nonce("abc"), None).expect("a client");
    let mut exchange = begin(mechanism, &without_binding());
    let challenge = challenge(&mut exchange, &client.first(), credentials);
    let last = client.answer(&challenge).expect("an answer");
    let outcome = end(exchange.receive(&last)).map(|_| ());
    assert_eq!(outcome, expected, "{typed} by {mechanism}");
}

#[track_caller]
fn plain(credentials: Credentials, typed: &str, expected: Result<(), SaslFailure>) {
    let mut exchange = begin(Mechanism::Plain, &without_binding());
    let step = exchange.start(Some(&sasl::client::plain("juliet", typed)));
    let Step::Ask(Ask::VerifyPlain { password, .. }) = step else {
        unreachable!("{step:?}")
    };
    let outcome = end(exchange.verdict(credentials.verify(&password))).map(|success| {
        assert_eq!(success.username, "juliet");
        assert_eq!(success.data, None);
    });
    assert_eq!(outcome, expected, "{typed}");
}
