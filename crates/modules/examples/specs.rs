//! Prints which specifications are implemented, one declaration a line: module, specification, version
//! and what is left out, separated by tabs. `cargo xtask specs` makes the page `SPECS.md` of it.

use engine::module::Spec;
use modules::ALL;

/// What is no feature: streams, sessions, addresses, presence and messages, by the crate that has it.
const BENEATH: &[(&str, Spec)] = &[
    (
        "stream",
        Spec::new("RFC 6120", "").except("federation between servers"),
    ),
    ("engine", Spec::new("RFC 6121", "")),
    (
        "stream",
        Spec::new("RFC 7395", "").except("the WebSocket transport; the framing is there"),
    ),
    ("transport", Spec::new("RFC 7590", "")),
    ("jid", Spec::new("RFC 7622", "")),
    ("sasl", Spec::new("RFC 4616", "")),
    ("sasl", Spec::new("RFC 5802", "")),
    ("sasl", Spec::new("RFC 5929", "").except("tls-unique")),
    ("sasl", Spec::new("RFC 7677", "")),
    ("sasl", Spec::new("RFC 9266", "")),
    ("stanza", Spec::new("XEP-0004", "2.13.2")),
    ("stanza", Spec::new("XEP-0059", "1.0")),
    ("stanza", Spec::new("XEP-0068", "1.3.0")),
    ("stanza", Spec::new("XEP-0082", "1.1.1")),
    (
        "stanza",
        Spec::new("XEP-0122", "1.0.2").except("regular expressions are passed on, not checked"),
    ),
    ("engine", Spec::new("XEP-0160", "1.0.1")),
    ("engine", Spec::new("XEP-0175", "1.2")),
    ("engine", Spec::new("XEP-0178", "1.2").except("federation")),
    ("engine", Spec::new("XEP-0198", "1.6.3")),
    ("engine", Spec::new("XEP-0203", "2.0")),
    ("stanza", Spec::new("XEP-0297", "1.0")),
    ("engine", Spec::new("XEP-0334", "1.0.0")),
    (
        "transport",
        Spec::new("XEP-0368", "1.1.0").except("federation"),
    ),
    ("engine", Spec::new("XEP-0386", "1.1.0")),
    ("stream", Spec::new("XEP-0388", "1.0.4")),
    ("stream", Spec::new("XEP-0440", "1.0.0")),
    ("sasl", Spec::new("XEP-0474", "0.5.0")),
    ("stream", Spec::new("XEP-0478", "0.2.0")),
    ("engine", Spec::new("XEP-0506", "0.1.0")),
    ("stream", Spec::new("XEP-0509", "0.2.0")),
    ("sasl", Spec::new("XEP-0515", "0.1.0")),
];

fn main() {
    for (holder, spec) in BENEATH {
        print(holder, spec);
    }
    for entry in ALL {
        for spec in entry.specs {
            print(entry.name, spec);
        }
    }
}

fn print(holder: &str, spec: &Spec) {
    println!("{holder}\t{}\t{}\t{}", spec.name, spec.version, spec.except);
}
