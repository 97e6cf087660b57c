//! Upgrade tasks: keys made of what a client salted are those of its password.

use sasl::client::salted;
use sasl::{Hash, SaslFailure, ScramKeys, ScramUpgrade};

use crate::fixture::{PASSWORD, few, password};

const SALT: &[u8] = b"sixteen bytes !!";

#[test]
fn what_a_client_salts_gives_the_keys_of_its_password() {
    for hash in Hash::ALL {
        let task = ScramUpgrade::new(hash, SALT, few());
        assert_eq!(task.salt(), "c2l4dGVlbiBieXRlcyAhIQ==");
        let answer = salted(hash, &password(PASSWORD), SALT, task.iterations());
        let keys = task.finish(&answer).expect("it is salted");
        let derived = ScramKeys::derive(hash, &password(PASSWORD), SALT, few());
        assert_eq!(keys.encode(), derived.encode());
    }
}

#[test]
fn tasks_have_the_names_of_mechanisms_without_channel_binding() {
    for hash in Hash::ALL {
        let name = ScramUpgrade::task_name(hash);
        assert_eq!(name, format!("UPGR-SCRAM-{}", hash.name()));
        assert_eq!(ScramUpgrade::from_task_name(name), Some(hash));
    }
    for foreign in ["", "UPGR-SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "UPGR-PLAIN"] {
        assert_eq!(ScramUpgrade::from_task_name(foreign), None, "{foreign}");
    }
}

#[test]
fn an_answer_of_another_length_is_refused() {
    check(&"A".repeat(43), SaslFailure::IncorrectEncoding);
    check("!", SaslFailure::IncorrectEncoding);
    check("", SaslFailure::MalformedRequest);
    check("AAAA", SaslFailure::MalformedRequest);
    check(&"A".repeat(44), SaslFailure::MalformedRequest);
    check(&"A".repeat(88), SaslFailure::MalformedRequest);

    #[track_caller]
    fn check(answer: &str, expected: SaslFailure) {
        let task = ScramUpgrade::new(Hash::Sha256, SALT, few());
        let outcome = task.finish(answer).map(|_| ());
        assert_eq!(outcome, Err(expected), "{answer}");
    }
}
