//! An hour with 200 virtual users, seed after seed, and with fewer in two homes; and faults that it must find.

use std::time::{Duration, Instant};

use engine::Sabotage;
use testkit::{
    simulation::{self, Scale},
    world::{Bench, WayFault},
};

const HOUR: Scale = Scale {
    users: 200,
    contacts: 3,
    steps: 600,
    time: Duration::from_secs(3600),
    homes: 1,
    way_fault: WayFault::None,
};

/// Two homes, which go down now and then, one or both. With fewer users who know each other better more of them meet
/// what a home left unfinished.
const TWO_HOMES: Scale = Scale {
    users: 40,
    homes: 2,
    ..HOUR
};

/// Fewer users, more of everything else: a fault shows sooner.
const BUSY: Scale = Scale {
    users: 24,
    contacts: 3,
    steps: 400,
    time: Duration::from_secs(3600),
    homes: 1,
    way_fault: WayFault::None,
};

/// At least so many seeds are played, and more while there is time.
const SEEDS_MIN: u64 = 10;

/// How long seeds are played in all. It bounds the suite, and no result depends on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A fault must be found within so many seeds.
const SABOTAGE_SEEDS: u64 = 20;

fn bench(sabotage: Sabotage) -> Bench {
    // Some users want one all the same, and read it in the end.
    let modules = [("archive".to_owned(), "never".into())];
    let mut bench = Bench::of_host("example", modules::ALL, modules).expect("a domain");
    bench.settings.limits.outbox_bytes_max = 128 * 1024;
    bench.settings.sabotage = sabotage;
    bench
}

#[test]
fn an_hour_of_chat_breaks_no_promise() {
    if let Err(problem) = play(HOUR) {
        panic!("{problem}");
    }
}

#[test]
fn an_hour_of_chat_between_two_homes_breaks_no_promise() {
    if let Err(problem) = play(TWO_HOMES) {
        panic!("{problem}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "only how many seeds are played depends on the clock"
)]
fn play(scale: Scale) -> Result<(), String> {
    let first: u64 = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    let only = std::env::var("SEED").is_ok();
    let started = Instant::now();
    let mut seeds = 0;
    loop {
        let seed = first + seeds;
        match simulation::run(seed, scale, bench(Sabotage::None)) {
            Ok(report) => println!("seed {seed}: {report:?}"),
            Err(failure) => return Err(format!("{failure}\nrun it again with SEED={seed}")),
        }
        seeds += 1;
        if only || (seeds >= SEEDS_MIN && started.elapsed() > PATIENCE) {
            break;
        }
    }
    println!("{seeds} seeds passed");
    Ok(())
}

#[test]
fn every_fault_put_in_on_purpose_is_found() {
    for sabotage in Sabotage::ALL {
        let found = (1..=SABOTAGE_SEEDS)
            .find_map(|seed| simulation::run(seed, BUSY, bench(sabotage)).err());
        match found {
            Some(failure) => println!("{sabotage:?}: {failure}"),
            None => panic!("{sabotage:?} was not found within {SABOTAGE_SEEDS} seeds"),
        }
    }
}

#[test]
fn every_fault_of_the_way_between_homes_is_found() {
    for way_fault in WayFault::ALL {
        let scale = Scale {
            homes: 2,
            way_fault,
            ..BUSY
        };
        let found = (1..=SABOTAGE_SEEDS)
            .find_map(|seed| simulation::run(seed, scale, bench(Sabotage::None)).err());
        match found {
            Some(failure) => println!("{way_fault:?}: {failure}"),
            None => panic!("{way_fault:?} was not found within {SABOTAGE_SEEDS} seeds"),
        }
    }
}
