//! Tests of the configuration: what is read, and what an operator reads when it is wrong.

use std::{path::Path, time::Duration};

use engine::module::Key;

use super::*;
use crate::config::load::Config;

/// Three features, one of which refuses anything but `open` and `closed`.
struct Three;

impl Features for Three {
    fn names(&self) -> Vec<&'static str> {
        vec!["archive", "carbons", "registration"]
    }

    fn keys(&self, name: &str) -> Vec<Key> {
        match name {
            "registration" => vec![Key::main(&"closed", "Who makes accounts.")],
            _ => Vec::new(),
        }
    }

    fn check(&self, name: &str, value: &serde_json::Value) -> Result<(), String> {
        match (name, value.as_str()) {
            ("registration", Some("open" | "closed")) => Ok(()),
            ("registration", _) => Err("it is \"open\" or \"closed\"".to_owned()),
            _ => Ok(()),
        }
    }
}

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("couplet.toml"), &Three).unwrap()
}

#[track_caller]
fn refused(text: &str, sentences: &[&str]) {
    let error = Config::parse(text, Path::new("couplet.toml"), &Three).unwrap_err();
    let said = error.to_string();
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said, sentences, "{text}");
}

#[test]
fn the_example_of_the_manual_works_as_written() {
    let config = parse(
        r#"
        data = "./data"
        admins = ["admin@localhost"]
        workers = "auto"
        [listen]
        c2s = ["127.0.0.1:42222"]
        c2s_tls = ["127.0.0.1:42223"]
        [c2s]
        require_tls = false
        unauthenticated_timeout = "10 seconds"
        stanza_bytes_max = 262144
        [host."localhost"]
        registration = "open"
        archive = "never"
        [host."anon.localhost"]
        authentication = "anonymous"
        "#,
    );
    assert_eq!(config.general.data, Path::new("./data"));
    assert_eq!(config.listen.c2s, ["127.0.0.1:42222".parse().unwrap()]);
    assert!(!config.c2s.require_tls);
    assert_eq!(
        config.c2s.unauthenticated_timeout.0,
        Duration::from_secs(10)
    );
    let hosts: Vec<_> = config
        .hosts
        .iter()
        .map(|(domain, host)| {
            (
                domain.as_str(),
                host.has_accounts(),
                host.features.get("archive"),
            )
        })
        .collect();
    assert_eq!(
        hosts,
        [
            ("anon.localhost", false, None),
            ("localhost", true, Some(&"never".into()))
        ]
    );
}

#[test]
fn a_listener_left_out_keeps_its_default_and_an_empty_list_turns_it_off() {
    let config = parse("[listen]\nc2s_tls = []");
    assert_eq!(config.listen.c2s, ["*:5222".parse().unwrap()]);
    assert_eq!(config.listen.c2s_tls, []);
}

#[test]
fn without_hosts_there_is_localhost() {
    let config = parse("");
    assert_eq!(
        config
            .hosts
            .keys()
            .map(jid::Domain::as_str)
            .collect::<Vec<_>>(),
        ["localhost"]
    );
}

#[test]
fn defaults_hold_for_hosts_that_say_nothing_else() {
    let config = parse(
        r#"
        [defaults]
        archive = "roster"
        registration = "open"
        carbons = { one = 1, two = 2 }
        [host."a.example"]
        [host."b.example"]
        archive = "never"
        registration = "closed"
        carbons = { two = 3 }
        "#,
    );
    let of = |name: &str| {
        config
            .hosts
            .get(&jid::Domain::parse(name).unwrap())
            .unwrap()
    };
    assert_eq!(of("a.example").features["archive"], "roster");
    assert_eq!(of("a.example").features["registration"], "open");
    assert_eq!(of("b.example").features["archive"], "never");
    assert_eq!(of("b.example").features["registration"], "closed");
    assert_eq!(
        of("b.example").features["carbons"],
        serde_json::json!({ "one": 1, "two": 3 })
    );
}

#[test]
fn limits_are_read_by_the_engine() {
    let config = parse("[limits]\nroster_items_max = 7\nexempt = [\"10.0.0.0/8\"]");
    assert_eq!(config.limits.roster_items_max, 7);
    assert!(config.limits.is_exempt([10, 1, 2, 3].into()));
    assert!(!config.limits.is_exempt([127, 0, 0, 1].into()));
}

#[test]
fn unknown_keys_are_named_with_the_likeliest_one() {
    refused(
        "daat = \"x\"",
        &["couplet.toml:1: unknown key \"daat\"; did you mean \"data\"?"],
    );
    refused(
        "[c2s]\n\nrequre_tls = true",
        &["couplet.toml:3: unknown key \"requre_tls\" in [c2s]; did you mean \"require_tls\"?"],
    );
    refused(
        "[lisen]",
        &["couplet.toml:1: unknown key \"lisen\"; did you mean \"listen\"?"],
    );
    refused(
        "[limits]\nrooster_items_max = 1",
        &[
            "couplet.toml:2: unknown key \"rooster_items_max\" in [limits]; did you mean \"roster_items_max\"?",
        ],
    );
    refused(
        "[host.\"a.example\"]\nregistraton = \"open\"",
        &[
            "couplet.toml:2: unknown key \"registraton\" in [host.\"a.example\"]; did you mean \"registration\"?",
        ],
    );
    refused(
        "[listen]\nzzz = 1",
        &["couplet.toml:2: unknown key \"zzz\" in [listen]; known are c2s, c2s_tls, metrics"],
    );
}

#[test]
fn wrong_values_are_named_with_what_to_write() {
    refused(
        "workers = \"many\"",
        &[
            "couplet.toml:1: workers must be \"auto\" or a number from 1 to 1024, not the text \"many\"",
        ],
    );
    refused(
        "data = 7",
        &["couplet.toml:1: data must be a path in quotes, not the number 7"],
    );
    refused(
        "admins = [\"nobody\"]",
        &[
            "couplet.toml:1: admins must be a list of accounts, each an address such as \"admin@example.org\", not a list of the text \"nobody\"",
        ],
    );
    refused(
        "durability = \"some\"",
        &["couplet.toml:1: durability must be \"full\" or \"process\", not the text \"some\""],
    );
    refused(
        "[listen]\nc2s = \"127.0.0.1:5222\"",
        &[
            "couplet.toml:2: listen.c2s must be a list of addresses to listen on, in brackets, not the text \"127.0.0.1:5222\"",
        ],
    );
    refused(
        "[c2s]\nrequire_tls = \"no\"",
        &[
            "couplet.toml:2: c2s.require_tls must be true or false, without quotes, not the text \"no\"",
        ],
    );
    refused(
        "[c2s]\nunauthenticated_timeout = 10",
        &[
            "couplet.toml:2: c2s.unauthenticated_timeout must be a period in quotes such as \"10 seconds\", \"5 minutes\" or \"1 day\", not the number 10",
        ],
    );
    refused(
        "[c2s]\nstanza_bytes_max = 100",
        &["couplet.toml:2: c2s.stanza_bytes_max must be from 10000 to 67108864, not 100"],
    );
    refused(
        "[scram]\nhashes = [\"MD5\"]",
        &[
            "couplet.toml:2: scram.hashes must be a list of hashes, each one of \"SHA-1\", \"SHA-256\", \"SHA-512\", not a list of the text \"MD5\"",
        ],
    );
    refused(
        "[limits]\nroster_items_max = -1",
        &[
            "couplet.toml:2: limits.roster_items_max must be a whole number from 0 on, not the number -1",
        ],
    );
    refused(
        "[host.localhost]\nregistration = \"maybe\"",
        &[
            "couplet.toml:2: host.\"localhost\".registration cannot be the text \"maybe\": it is \"open\" or \"closed\"",
        ],
    );
    refused(
        "listen = 5222",
        &["couplet.toml:1: listen must be a table: write [listen] on its own line"],
    );
    refused(
        "[host.\"no host\"]",
        &[
            "couplet.toml:1: \"no host\" is not a host: write [host.\"example.org\"] with a domain in quotes",
        ],
    );
}

#[test]
fn every_mistake_is_told_at_once_in_the_order_of_the_file() {
    refused(
        "data = 1\n[c2s]\nrequire_tls = 2\n[listn]",
        &[
            "couplet.toml:1: data must be a path in quotes, not the number 1",
            "couplet.toml:3: c2s.require_tls must be true or false, without quotes, not the number 2",
            "couplet.toml:4: unknown key \"listn\"; did you mean \"listen\"?",
        ],
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let error = Config::parse("data = \"x\"\n[c2s\n", Path::new("f"), &Three).unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("f:2: this is not valid TOML: "), "{said}");
}

#[test]
fn periods_and_sizes_are_read_with_their_units() {
    for (text, seconds) in [
        ("1 second", 1),
        ("10 seconds", 10),
        ("5 minutes", 300),
        ("1 day", 86_400),
        ("2 weeks", 1_209_600),
    ] {
        let config = parse(&format!("[c2s]\nidle_timeout = \"{text}\""));
        assert_eq!(
            config.c2s.idle_timeout.0,
            Duration::from_secs(seconds),
            "{text}"
        );
    }
    for (text, bytes) in [
        ("\"256 KiB\"", 262_144),
        ("1_000_000", 1_000_000),
        ("\"1 MB\"", 1_000_000),
    ] {
        let config = parse(&format!("[c2s]\nstanza_bytes_max = {text}"));
        assert_eq!(config.c2s.stanza_bytes_max.0, bytes, "{text}");
    }
}

#[test]
fn what_config_default_prints_is_read_back_as_the_defaults() {
    let defaults = parse("");
    for commented in [true, false] {
        let text = write_manual(&defaults, &Three, commented);
        let again = parse(&text);
        assert_eq!(again.general, defaults.general);
        assert_eq!(again.listen, defaults.listen);
        assert_eq!(again.c2s, defaults.c2s);
        assert_eq!(again.tls, defaults.tls);
        assert_eq!(again.scram, defaults.scram);
        assert_eq!(again.log, defaults.log);
        assert_eq!(again.limits, defaults.limits);
        assert_eq!(text.contains('#'), commented);
    }
}

#[test]
fn every_key_of_the_manual_is_documented() {
    let text = write_manual(&parse(""), &Three, true);
    let before_hosts = text.split("[host.").next().unwrap();
    let lines: Vec<&str> = before_hosts.lines().collect();
    for pair in lines.windows(2) {
        let is_key = pair[1].contains(" = ") && !pair[1].starts_with('#');
        assert!(
            !is_key || pair[0].starts_with("# "),
            "{} has no documentation",
            pair[1]
        );
    }
    assert!(text.contains("roster_items_max = 5000"));
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Some(Path::new("/nowhere/couplet.toml")), &Three).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the configuration file /nowhere/couplet.toml: No such file or directory (os error 2); check the path given with --config"
    );
}

#[test]
fn the_keys_of_features_are_shown_where_they_can_be_written() {
    let text = write_manual(&parse(""), &Three, true);
    assert!(
        text.contains("# carbons = false\n# Who makes accounts.\n# registration = \"closed\"\n"),
        "{text}"
    );
}

#[test]
fn the_page_has_every_key_with_its_default() {
    let page = write_page(&Three);
    for part in [
        "## At the top\n",
        "- `data = \"./couplet-data\"`  \n  Where everything that must survive is kept.",
        "## `[limits]`\n",
        "- `vcard_bytes_max = 131072`  \n",
        "- `certificates`, without a default  \n",
        "### `carbons`\n\n`false` turns it off. It has no other keys.\n",
        "### `registration`\n\n`false` turns it off.\n\n- `registration = \"closed\"`  \n  Who makes accounts.\n",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(
        page.lines().all(|line| line.chars().count() <= 120),
        "{page}"
    );
}
