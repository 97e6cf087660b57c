//! The crash model: a small server around the mailboxes runs random operations; after every single effect the disk as
//! it is then is loaded by another server, and what it finds is held against what the outside world was promised.
//!
//! `server.rs` is the server (with `sending.rs`, `sessions.rs` and `writing.rs`), `truth.rs` what the clients saw and were promised, `check.rs` the comparison. A failing
//! run names its seed, and runs the same again.

mod check;
mod sending;
mod server;
mod sessions;
mod truth;
mod writing;

use server::Server;

/// Steps of one run.
const STEPS: u32 = 100;

#[test]
fn a_crash_at_any_step_loses_nothing_acknowledged_and_doubles_nothing() {
    for seed in 0..14 {
        run(seed, 1);
    }
}

#[test]
fn the_same_holds_when_an_account_has_several_sessions() {
    for seed in 100..114 {
        run(seed, 3);
    }
}

fn run(seed: u64, sessions_max: usize) {
    let mut random = Random(seed);
    let mut server = Server::start(seed, sessions_max);
    for _ in 0..STEPS {
        server.step(&mut random);
        if random.below(40) == 0 {
            server = server.crash();
        }
    }
    server.come_to_rest();
}

/// SplitMix64: a run is its seed.
pub(crate) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == 0
    }
}
