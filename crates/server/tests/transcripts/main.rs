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

use std::fs;

use crate::{couplet::Couplet, prosody::Prosody, run::Verdict};

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
/// not stand there may be a mistake of the transcript.
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
    let known = fs::read_to_string(files::root().join("docs/interop/prosody.md"));
    let known = known.unwrap_or_default();
    let unknown: Vec<&str> = plays
        .iter()
        .filter(|play| play.failure().is_some() && !known.contains(&play.name))
        .map(|play| play.name.as_str())
        .collect();
    assert!(
        unknown.is_empty(),
        "{summary}\ndocs/interop/prosody.md does not explain:\n{}",
        unknown.join("\n")
    );
}
