//! Plays every transcript over TCP and TLS, each on a fresh server: on the binary that is tested, and, when asked,
//! on Prosody, to test the transcripts.
//!
//! ```text
//! cargo test -p couplet --test transcripts
//! cargo xtask interop prosody
//! TRANSCRIPT=ping cargo test -p couplet --test transcripts    # those whose path has the word
//! ```

mod couplet;
mod files;
mod ports;
mod prosody;
mod run;

use std::{collections::BTreeSet, fs};

use crate::{couplet::Couplet, prosody::Prosody, run::Verdict};

/// Where Prosody differs, and why.
const PAGE: &str = "docs/interop/prosody.md";

#[test]
fn transcripts_play_over_tls() {
    let plays = run::play_all(Couplet::new);
    println!("{}", run::summary(&plays));
    let problems: Vec<&str> = plays
        .iter()
        .filter_map(|play| match &play.verdict {
            Verdict::Failed { text, .. } => Some(text.as_str()),
            Verdict::Passed | Verdict::Skipped(_) => None,
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// Where Prosody's behaviour differs, the difference and its reason stand in `docs/interop/prosody.md`. One that does
/// not stand there may be a mistake of the transcript; one that stands there without need hides the next.
#[test]
#[ignore = "needs the prosody of the machine; see docs/interop/prosody.md"]
fn prosody_differs_only_where_we_know_why() {
    let plays = run::play_all(Prosody::new);
    let summary = run::summary(&plays);
    println!("{summary}\n");
    println!("| transcript | line | what differs |\n| --- | --- | --- |");
    for play in &plays {
        if let Verdict::Failed { line, text } = &play.verdict {
            let text = run::one_line(text);
            println!("| {} | {line} | {text} |", play.name);
        }
    }
    let page =
        fs::read_to_string(files::root().join(PAGE)).expect("the page is part of the project");
    let known = explained(&page);
    let played: BTreeSet<&str> = plays.iter().map(|play| play.name.as_str()).collect();
    let differs: BTreeSet<&str> = plays
        .iter()
        .filter(|play| play.failure().is_some())
        .map(|play| play.name.as_str())
        .collect();
    let unknown: Vec<&str> = differs.difference(&known).copied().collect();
    let needless: Vec<&str> = known
        .difference(&differs)
        .copied()
        .filter(|name| played.contains(name) || !files::root().join(name).exists())
        .collect();
    assert!(
        unknown.is_empty() && needless.is_empty(),
        "{summary}\n{PAGE} does not explain:\n{}\nand explains without need:\n{}",
        unknown.join("\n"),
        needless.join("\n")
    );
}

/// The transcripts that have a row in the page.
fn explained(page: &str) -> BTreeSet<&str> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("crates/"))
        .collect()
}
