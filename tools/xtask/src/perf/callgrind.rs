//! Counting with valgrind's callgrind: how many instructions a program ran, and how often it asked for memory.
//!
//! Both come from one profile. Instructions of the cryptographic primitives are left out: they are another's, and which
//! of their variants runs depends on the processor.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context, Result};

use crate::{process, workspace::Workspace};

/// How the symbols begin whose instructions do not count.
const CRYPTO: [&str; 2] = ["ring_core_", "ring::"];

/// The ways to ask for memory.
const ALLOCATORS: [&str; 5] = [
    "malloc",
    "calloc",
    "realloc",
    "posix_memalign",
    "aligned_alloc",
];

/// What one run did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counts {
    pub(super) instructions: u64,
    pub(super) allocations: u64,
}

/// Runs `program ARGUMENT ROUNDS`.
///
/// # Errors
///
/// When it fails, or valgrind does.
pub(super) fn count(
    workspace: &Workspace,
    program: &Path,
    argument: &str,
    rounds: u32,
    folder: &Path,
) -> Result<Counts> {
    fs::create_dir_all(folder)?;
    let profile = folder.join(format!("{argument}.callgrind"));
    let mut command = workspace.command("valgrind");
    command
        .args([
            "--tool=callgrind",
            "--compress-strings=no",
            "--compress-pos=no",
        ])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args([argument, &rounds.to_string()]);
    process::output(&mut command)?;
    let text = fs::read_to_string(&profile)
        .with_context(|| format!("valgrind wrote no {}", profile.display()))?;
    Ok(read(&text))
}

/// What besides our code the number of instructions depends on: the C library and valgrind.
///
/// # Errors
///
/// When one of them does not say its version.
pub(super) fn environment() -> Result<String> {
    let first_line = |program: &str| -> Result<String> {
        let said = process::output(std::process::Command::new(program).arg("--version"))?;
        Ok(said.lines().next().unwrap_or_default().to_owned())
    };
    let libc = first_line("ldd")?;
    let libc = libc.rsplit(' ').next().unwrap_or_default();
    Ok(format!("glibc-{libc} {}", first_line("valgrind")?))
}

/// Adds up a profile in callgrind's format: lines of what a function did itself, and of the calls it made, each
/// followed by a line of what the callee did, which is counted there.
fn read(profile: &str) -> Counts {
    let mut counts = Counts::default();
    let mut counted: HashMap<&str, bool> = HashMap::new();
    let mut counts_here = true;
    let mut callee = "";
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("fn=") {
            counts_here = *counted.entry(name).or_insert_with(|| !is_crypto(name));
        } else if let Some(name) = line.strip_prefix("cfn=") {
            callee = name;
        } else if let Some(calls) = line.strip_prefix("calls=") {
            if ALLOCATORS.contains(&callee) {
                counts.allocations += first_number(calls).unwrap_or(0);
            }
            lines.next();
        } else if line.starts_with(|first: char| first.is_ascii_digit())
            && let Some((_, own)) = line.split_once(' ')
            && counts_here
        {
            counts.instructions += first_number(own).unwrap_or(0);
        }
    }
    counts
}

fn is_crypto(name: &str) -> bool {
    CRYPTO.iter().any(|prefix| name.starts_with(prefix))
}

fn first_number(text: &str) -> Option<u64> {
    text.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_instructions_and_calls_for_memory_are_counted_once() {
        let profile = "\
# callgrind format
positions: line
events: Ir
summary: 1000

fn=server
10 7
12 5
cob=libc.so.6
cfi=malloc.c
cfn=malloc
calls=3 3281
12 300
cfn=other
calls=9 1
13 900

fn=malloc
3281 40
";
        assert_eq!(
            read(profile),
            Counts {
                instructions: 52,
                allocations: 3
            }
        );
    }

    #[test]
    fn the_primitives_of_the_cipher_do_not_count() {
        let profile = "fn=ring_core_0_17_14__sha256_block_data_order\n1 1000\nfn=server\n1 2\n";
        assert_eq!(read(profile).instructions, 2);
    }
}
