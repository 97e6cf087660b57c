//! Plays every transcript of the features and of the engine: in one process, in virtual time, on both
//! framings, each with three orders of the handlers inside their stages.

mod bench;
mod keys;
mod simulation;

use std::{
    fs,
    path::{Path, PathBuf},
};

use testkit::{
    transcript::{Outcome, Script, play},
    world::InProcess,
};
use xml::Framing;

/// The orders each file is played in.
const SEEDS: [u64; 3] = [1, 2, 3];

#[test]
fn transcripts_play_on_both_framings_in_any_order_of_handlers() {
    let only = std::env::var("TRANSCRIPT").ok();
    let files = transcripts();
    assert!(!files.is_empty(), "there are transcripts");
    let mut failures = Vec::new();
    let mut played = 0_usize;
    for file in files {
        let name = file.to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let script = match Script::parse(&name, &text) {
            Ok(script) => script,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        let mut plays = 0;
        for framing in [Framing::Stream, Framing::Document] {
            for seed in SEEDS {
                let mut actors = InProcess::new(seed, framing, modules::ALL, bench::configure);
                match play(&script, &mut actors) {
                    Ok(Outcome::Passed) => plays += 1,
                    Ok(Outcome::Skipped(_)) => {}
                    Err(failure) => failures.push(format!("{framing:?}, seed {seed}: {failure}")),
                }
            }
        }
        played += plays;
        if plays == 0
            && !failures
                .iter()
                .any(|failure| failure.contains(&script.name))
        {
            failures.push(format!("{name} plays on no bench"));
        }
    }
    println!("{played} playings of transcripts passed");
    assert!(
        failures.is_empty(),
        "{} playings failed:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

/// All transcripts, beside the features and of the engine's rules, sorted.
fn transcripts() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for below in ["src", "tests/transcripts"] {
        collect(&root.join(below), &mut found);
    }
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("its entries can be read").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "xmpp")
        {
            found.push(path);
        }
    }
}
