//! Scanning, to be counted: `scan CASE ROUNDS` does one case so many times.
//!
//! `cargo xtask perf-check` runs it under callgrind and compares what a round costs with the committed figures. It
//! prints nothing and measures nothing by itself.

mod shapes;

use std::{env, hint::black_box, process::ExitCode};

use shapes::{BIG_BYTES, MESSAGE, SHAPES, big, mix};
use xml::{Event, Framing, Limits, Scanner, Scratch, ns};

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [case, rounds] => rounds.parse().is_ok_and(|rounds| run(case, rounds)),
        _ => false,
    };
    if done {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "usage: scan message|mix|cutting|'whole SHAPE'|'bytewise SHAPE'|'filling SHAPE' ROUNDS"
    );
    ExitCode::FAILURE
}

/// One case, so many times; `false` when there is no such case.
fn run(case: &str, rounds: u32) -> bool {
    let (case, shape) = case.split_once(' ').unwrap_or((case, "text"));
    if !SHAPES.iter().any(|(name, _)| *name == shape) {
        return false;
    }
    let (messages, piece, limits) = match case {
        "message" => (vec![MESSAGE.to_owned()], usize::MAX, Limits::default()),
        "mix" => (mix(), usize::MAX, Limits::default()),
        "whole" => (vec![big(shape)], usize::MAX, roomy()),
        "bytewise" | "cutting" => (vec![big(shape)], 1, roomy()),
        // The limit is just what the stanza takes, so that there is no room for a tape besides it.
        "filling" => (vec![big(shape)], 1, Limits::default()),
        _ => return false,
    };
    if case == "cutting" {
        for _ in 0..rounds {
            messages
                .iter()
                .for_each(|message| cut(message, piece, |input| *black_box(input) = &[]));
        }
        return true;
    }
    let mut scanner = Scanner::new(Framing::Stream, ns::CLIENT, limits);
    let mut scratch = Scratch::default();
    scan(HEADER, piece, &mut scanner, &mut scratch);
    for _ in 0..rounds {
        for message in &messages {
            let children = scan(message, piece, &mut scanner, &mut scratch);
            assert_eq!(children, 1, "each message is one child");
        }
    }
    true
}

fn roomy() -> Limits {
    Limits {
        element_bytes_max: 4 * BIG_BYTES,
        ..Limits::default()
    }
}

/// Gives `text` to the scanner piece by piece; how many children it found.
fn scan(text: &str, piece: usize, scanner: &mut Scanner, scratch: &mut Scratch) -> u32 {
    let mut children = 0;
    cut(text, piece, |input| {
        loop {
            match scanner.receive(input, scratch) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    children += u32::from(matches!(event, Event::Child(_)));
                    black_box(event);
                }
                Err(fault) => unreachable!("the cases are well-formed: {fault}"),
            }
        }
    });
    children
}

/// Cuts `text` into pieces.
fn cut<'a>(text: &'a str, piece: usize, mut take: impl FnMut(&mut &'a [u8])) {
    for mut input in text.as_bytes().chunks(piece) {
        take(&mut input);
    }
}
