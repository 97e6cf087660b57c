//! `rxml` judges: over generated and mutated streams it accepts what we accept, refuses what we refuse, and reads
//! the same elements, in every split. Where it does not, `differences.rs` says why we are right.
//!
//! `document.rs` makes the streams, `judge.rs` asks `rxml`.

mod differences;
mod document;
mod judge;

use std::collections::BTreeMap;

use differences::{DIFFERENCES, On};
use document::{Choices, document};
use judge::{Outcome, judge};
use proptest::{
    collection::vec,
    prelude::any,
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};
use xml::{Framing, Limits, Scanner, ns};

use crate::events::{Cut, all_cuts, client, events};

/// How many documents are made, and how many of them are read in every split.
const DOCUMENTS: u32 = 12_000;
const EVERY_SPLIT: u32 = 1_500;

/// The limits of every third scanner, low enough for generated documents to meet them.
const LOW: Limits = Limits {
    element_bytes_max: 160,
    depth_max: 3,
    attributes_max: 4,
    declarations_max: 1,
    name_bytes_max: 36,
    header_bytes_max: 260,
};

#[test]
fn rxml_agrees_but_for_the_differences() {
    let mut reached = BTreeMap::new();
    let mut met = vec![0_u32; DIFFERENCES.len()];
    let mut count = 0;
    run(DOCUMENTS, 1, |bytes| {
        count += 1;
        let ours = if count <= EVERY_SPLIT {
            all_cuts(bytes, &client)
        } else {
            some_cuts(bytes, &client)
        };
        note(&ours, &mut reached);
        let ours = Outcome::new(ours);
        let Some(theirs) = disagreement(bytes, &ours, &mut met) else {
            return Ok(());
        };
        let known = DIFFERENCES
            .iter()
            .position(|difference| matches!(difference.on, On::Outcome(applies) if applies(bytes, &ours, &theirs)));
        match known {
            Some(index) => met[index] += 1,
            None => return Err(format!("we say {ours:#?}\nrxml says {theirs:#?}")),
        }
        Ok(())
    });
    run(DOCUMENTS / 4, 2, |bytes| {
        let scanner = || Scanner::new(Framing::Stream, ns::CLIENT, LOW);
        note(&some_cuts(bytes, &scanner), &mut reached);
        Ok(())
    });
    for (difference, met) in DIFFERENCES.iter().zip(&met) {
        assert!(
            *met > 0,
            "a difference that is none any more: {}",
            difference.why
        );
    }
    println!("documents by how they ended: {reached:#?}");
    println!("differences met: {met:?}");
    for fault in FAULTS {
        assert!(
            reached.contains_key(fault),
            "no document reached {fault}: {reached:#?}"
        );
    }
}

/// All faults that a stream can have; [`Incomplete`](xml::Fault::Incomplete) is one of whole documents only.
const FAULTS: [&str; 27] = [
    "AfterEnd",
    "BadDeclaration",
    "BadMarkup",
    "BadName",
    "BadQualifiedName",
    "BadReference",
    "CdataEndInText",
    "Comment",
    "Doctype",
    "DuplicateAttribute",
    "EmptyPrefixBinding",
    "ForbiddenCharacter",
    "InvalidUtf8",
    "LessThanInAttribute",
    "MismatchedEndTag",
    "NameTooLong",
    "ProcessingInstruction",
    "ReservedNamespace",
    "StrayText",
    "TooDeep",
    "TooLarge",
    "TooManyAttributes",
    "TooManyDeclarations",
    "UndeclaredPrefix",
    "UnknownEntity",
    "UnsupportedEncoding",
    "(none)",
];

/// What `rxml` says when it differs from what we say, also after the rewriting that the known differences ask for.
fn disagreement(bytes: &[u8], ours: &Outcome, met: &mut [u32]) -> Option<Outcome> {
    let mut theirs = judge(bytes);
    let mut bytes = bytes.to_vec();
    for (difference, met) in DIFFERENCES.iter().zip(met) {
        if theirs == *ours {
            return None;
        }
        if let On::Document(rewrite) = difference.on {
            let rewritten = rewrite(&bytes);
            if rewritten != bytes {
                bytes = rewritten;
                theirs = judge(&bytes);
                *met += 1;
            }
        }
    }
    (theirs != *ours).then_some(theirs)
}

/// Counts how a document ended.
fn note(lines: &[String], reached: &mut BTreeMap<String, u32>) {
    let end = lines
        .last()
        .and_then(|line| line.strip_prefix("fault "))
        .and_then(|fault| fault.split(' ').next())
        .unwrap_or("(none)");
    *reached.entry(end.to_owned()).or_default() += 1;
}

/// Events, the same for a few splits.
fn some_cuts(bytes: &[u8], scanner: &dyn Fn() -> Scanner) -> Vec<String> {
    let whole = events(bytes, Cut::Whole, &mut scanner());
    for cut in [Cut::Every(1), Cut::Every(5), Cut::At(bytes.len() / 2)] {
        assert_eq!(
            events(bytes, cut, &mut scanner()),
            whole,
            "{cut:?} of {}",
            String::from_utf8_lossy(bytes)
        );
    }
    whole
}

/// Makes documents and shrinks one that fails. The same every time.
fn run(documents: u32, seed: u8, mut test: impl FnMut(&[u8]) -> Result<(), String>) {
    let config = Config {
        cases: documents,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let strategy =
        vec(any::<u16>(), 4..220).prop_map(|choices| document(&mut Choices::new(choices)));
    let test = std::cell::RefCell::new(&mut test);
    let outcome = runner.run(&strategy, |bytes| {
        (test.borrow_mut())(&bytes).map_err(|why| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            proptest::test_runner::TestCaseError::fail(format!("{text:?}: {why}"))
        })
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, _)) => panic!("{why}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}
