//! Clients that chat while connections break and the server dies: nothing acknowledged is lost, nothing comes twice.

use engine::Sabotage;
use testkit::{
    no_loss::{Chat, Crowd, Failure, Fates, Promises, Scale, Stop, chat},
    world::Bench,
};

/// A small world of its own for each moment of it.
const FEW: Scale = Scale {
    accounts: 2,
    messages: 24,
    has_multicast: false,
};

/// One more account, so that a message can go to several others at once.
const SEVERAL: Scale = Scale {
    accounts: 3,
    messages: 24,
    has_multicast: true,
};

/// The world of the test over sockets.
const MANY: Scale = Scale {
    accounts: 20,
    messages: 1_000,
    has_multicast: true,
};

/// So many seeds of the small world die at every moment.
const SEEDS_OF_FEW: u64 = 2;
/// And so many of the big one have deaths, restarts and cuts by chance.
const SEEDS_OF_MANY: u64 = 3;
/// A fault must be found within so many seeds.
const SABOTAGE_SEEDS: u64 = 6;

/// Whether the server has an archive to read.
const HAS_ARCHIVE: bool = true;
/// Whether sessions can be resumed after the server was killed.
const SURVIVES_DEATH: bool = true;

fn bench(accounts: usize, sabotage: Sabotage) -> Bench {
    let teams = Crowd::teams(accounts).enumerate();
    let teams: serde_json::Map<String, serde_json::Value> = teams
        .map(|(number, names)| (format!("team{number}"), names.into()))
        .collect();
    let modules = [
        ("groups".to_owned(), teams.into()),
        ("archive".to_owned(), "always".into()),
    ];
    let mut bench = Bench::of_host("example", modules::ALL, modules).expect("a domain");
    bench.settings.sabotage = sabotage;
    bench
}

fn play(seed: u64, scale: Scale, fates: Fates, sabotage: Sabotage) -> Result<Chat, Failure> {
    let promises = Promises {
        domain: "example".to_owned(),
        has_archive: HAS_ARCHIVE,
        survives_death: SURVIVES_DEATH,
    };
    chat(
        seed,
        scale,
        &promises,
        bench(scale.accounts, sabotage),
        fates,
    )
}

/// One seed, if only that one is to be played.
fn only_seed() -> Option<u64> {
    std::env::var("SEED").ok()?.parse().ok()
}

fn seeds(count: u64) -> std::ops::RangeInclusive<u64> {
    only_seed().map_or(1..=count, |seed| seed..=seed)
}

#[test]
fn nothing_is_lost_among_cuts_deaths_and_restarts() {
    for seed in seeds(SEEDS_OF_MANY) {
        let fates = Fates {
            kills: 4,
            restarts: 3,
            has_cuts: true,
            ..Fates::default()
        };
        match play(seed, MANY, fates, Sabotage::None) {
            Ok(chat) => println!("seed {seed}\n{}", chat.figures),
            Err(failure) => panic!("{failure}\nrun it again with SEED={seed}"),
        }
    }
}

#[test]
fn no_moment_to_die_loses_or_doubles_anything() {
    for seed in seeds(SEEDS_OF_FEW) {
        dies_well(seed, FEW, Fates::default());
    }
}

#[test]
fn what_a_death_left_behind_outlives_a_stop_and_another_death() {
    for seed in seeds(1) {
        for again in [Stop::Restart, Stop::Death] {
            let fates = Fates {
                again: Some(again),
                ..Fates::default()
            };
            dies_well(seed, FEW, fates);
        }
    }
}

/// Sessions are not resumed then: clients are told how far they had come, and send the rest on new ones.
#[test]
fn no_moment_to_lose_power_loses_or_doubles_anything() {
    for seed in seeds(1) {
        let fates = Fates {
            is_power_cut: true,
            ..Fates::default()
        };
        dies_well(seed, FEW, fates);
    }
}

#[test]
fn no_moment_to_die_splits_a_message_to_several() {
    for seed in seeds(1) {
        dies_well(seed, SEVERAL, Fates::default());
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "it is what a test fails by")]
fn dies_well(seed: u64, scale: Scale, fates: Fates) {
    match die_at_every_moment(seed, scale, fates, Sabotage::None) {
        Ok(deaths) => println!("seed {seed}, {fates:?}: {deaths} deaths"),
        Err(failure) => panic!("{failure}\nrun it again with SEED={seed}"),
    }
}

/// The same chat again and again, with a death after each commit, each acknowledgement and each write in turn.
fn die_at_every_moment(
    seed: u64,
    scale: Scale,
    fates: Fates,
    sabotage: Sabotage,
) -> Result<usize, Failure> {
    let alive = play(seed, scale, Fates::default(), sabotage)?;
    let mut deaths = 0;
    for moment in alive.ended.since(&alive.begun) {
        let fates = Fates {
            death: Some(moment),
            ..fates
        };
        play(seed, scale, fates, sabotage)?;
        deaths += 1;
    }
    Ok(deaths)
}

#[test]
fn every_fault_that_shows_at_a_death_is_found() {
    for sabotage in Sabotage::AT_DEATH {
        let found = (1..=SABOTAGE_SEEDS)
            .find_map(|seed| die_at_every_moment(seed, FEW, Fates::default(), sabotage).err());
        match found {
            Some(failure) => println!("{sabotage:?}: {failure}"),
            None => panic!("{sabotage:?} was not found within {SABOTAGE_SEEDS} seeds"),
        }
    }
}
