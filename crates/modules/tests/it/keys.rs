//! Every key that a feature reads is described, and what is described is true: the operator's book is made of it.

use engine::module::Key;
use modules::ALL;
use serde_json::{Value, json};

#[test]
fn every_key_that_a_feature_reads_is_described() {
    for entry in ALL {
        let described: Vec<&str> = entry.keys().iter().map(|key| key.name).collect();
        let advice =
            "declare its configuration with `engine::config!`, and give `keys()` in its `Module`";
        match entry.key_names() {
            Some(read) => assert_eq!(described, read, "{}: {advice}", entry.name),
            None => assert!(!described.is_empty(), "{}: {advice}", entry.name),
        }
    }
}

#[test]
fn every_default_can_be_written_down() {
    for entry in ALL {
        for key in entry.keys() {
            let written = written(&key);
            assert_eq!(entry.check(&written), Ok(()), "{}: {written}", entry.name);
            assert!(key.about.ends_with('.'), "{}: {}", entry.name, key.about);
        }
    }
}

/// The default as it would stand under the feature's name.
fn written(key: &Key) -> Value {
    match (key.name, &key.default) {
        ("", default) => default.clone(),
        (_, Value::Null) => json!({}),
        (name, default) => json!({ name: default }),
    }
}
