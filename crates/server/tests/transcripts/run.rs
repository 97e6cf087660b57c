//! Plays all files, several at a time, and sums up.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use testkit::{
    sockets::{Sockets, Target},
    transcript::{Need, Outcome, Script, play},
};

use crate::files;

/// How many servers run at the same time.
const AT_ONCE: usize = 4;

/// How one file went.
pub(crate) struct Play {
    /// Its path from the root.
    pub(crate) name: String,
    /// How it went.
    pub(crate) verdict: Verdict,
}

/// How it went.
pub(crate) enum Verdict {
    Passed,
    Skipped(Need),
    Failed { line: usize, text: String },
}

impl Play {
    /// Why it failed, if it did.
    pub(crate) fn failure(&self) -> Option<&str> {
        match &self.verdict {
            Verdict::Failed { text, .. } => Some(text),
            Verdict::Passed | Verdict::Skipped(_) => None,
        }
    }
}

/// Plays each file on a server of its own, which `target` makes in an empty folder.
pub(crate) fn play_all<T: Target>(target: impl Fn(&Path) -> T + Sync) -> Vec<Play> {
    let files = files::transcripts();
    assert!(!files.is_empty(), "there are transcripts");
    let next = AtomicUsize::new(0);
    let plays = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let name = file.to_string_lossy().into_owned();
                    let verdict = play_one(&name, &target);
                    plays
                        .lock()
                        .expect("a panic ends the scope")
                        .insert(name, verdict);
                }
            });
        }
    });
    let plays = plays.into_inner().expect("no thread has panicked");
    plays
        .into_iter()
        .map(|(name, verdict)| {
            let verdict = match verdict {
                // Sockets know silence only by waiting. Beside others on a busy machine an answer may come later
                // than that: such a file is played once more, alone, and says so. In virtual time it has one chance.
                Verdict::Failed { text, .. } => {
                    println!("played again alone: {text}");
                    play_one(&name, &target)
                }
                other => other,
            };
            Play { name, verdict }
        })
        .collect()
}

fn play_one<T: Target>(name: &str, target: &(impl Fn(&Path) -> T + Sync)) -> Verdict {
    let text = fs::read_to_string(files::root().join(name)).expect("it was found a moment ago");
    let script = match Script::parse(name, &text) {
        Ok(script) => script,
        Err(error) => {
            return Verdict::Failed {
                line: error.line,
                text: error.to_string(),
            };
        }
    };
    // The path of a socket in it must be short.
    let folder = tempfile::Builder::new()
        .prefix("xmpp")
        .tempdir_in("/tmp")
        .expect("a folder can be made in /tmp");
    let mut sockets = Sockets::new(target(folder.path()));
    match play(&script, &mut sockets) {
        Ok(Outcome::Passed) => Verdict::Passed,
        Ok(Outcome::Skipped(need)) => Verdict::Skipped(need),
        Err(failure) => Verdict::Failed {
            line: failure.line,
            text: failure.to_string(),
        },
    }
}

/// How many passed, were skipped for what, and failed.
pub(crate) fn summary(plays: &[Play]) -> String {
    let (mut passed, mut failed) = (0, 0);
    let mut skipped: BTreeMap<Need, usize> = BTreeMap::new();
    for play in plays {
        match &play.verdict {
            Verdict::Passed => passed += 1,
            Verdict::Skipped(need) => *skipped.entry(*need).or_default() += 1,
            Verdict::Failed { .. } => failed += 1,
        }
    }
    let mut text = format!("{passed} transcripts passed, {failed} failed");
    for (need, count) in skipped {
        text.push_str(&format!(", {count} skipped that need {need:?}"));
    }
    text
}

/// A failure for a cell of a table: on one line, without the place, which stands in other cells.
pub(crate) fn one_line(failure: &str) -> String {
    let (_, what) = failure.split_once(": ").unwrap_or(("", failure));
    let words: Vec<&str> = what.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}
