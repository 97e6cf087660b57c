//! The scenarios against the relay, in one process: the tool and its floor hold each other up.

use std::{rc::Rc, time::Duration};

use clap::Parser as _;
use tokio::{
    runtime,
    task::{LocalSet, spawn_local},
    time::timeout,
};

use crate::{Cli, Command, relay::Relay, report::Report};

#[test]
fn messages_go_through_the_relay_in_order() {
    let report = run("--tls direct messages --pairs 3 --window 4 --count 500 --body 20000");
    assert_eq!((report.units, report.unit.as_str()), (500, "message"));
    let report = run("--tls none messages --pairs 2 --window 16 --count 1000");
    assert_eq!(report.units, 1000);
}

#[test]
fn messages_go_at_a_rate() {
    let report = run("--tls none messages --pairs 4 --rate 500 --seconds 0.5 --warm-up 0");
    assert!((150..=300).contains(&report.units), "{}", report.units);
}

#[test]
fn pings_come_back_from_the_relay() {
    let report = run("--tls none ping --sessions 2 --seconds 0.1 --warm-up 0");
    assert!(report.units > 0);
    assert!(report.latency_ms.is_some());
}

#[test]
fn connections_are_made_and_let_go() {
    let report = run("--tls direct login --accounts 4 --at-once 2 --seconds 0.2 --warm-up 0");
    assert!(report.units > 0);
}

#[test]
fn connections_stay() {
    let report = run("--tls direct --sources 3 idle --sessions 5 --settle 0 --seconds 0");
    assert_eq!(report.units, 5);
}

#[test]
fn what_one_says_in_a_fan_all_others_hear() {
    let report = run("--tls direct presence --contacts 5 --seconds 0.1 --warm-up 0");
    assert!(report.units >= 5 && report.units.is_multiple_of(5));
    let report = run("--tls none room --occupants 3 --window 4 --seconds 0.1 --warm-up 0");
    assert!(report.units > 0);
}

#[test]
fn bystanders_chat_while_others_come_back() {
    let report = run("--tls direct storm --sessions 30 --pairs 2 --rate 200 --quiet 0");
    assert_eq!((report.units, report.unit.as_str()), (30, "return"));
    assert!(report.latency_ms.is_some());
}

/// Runs a scenario against a relay of its own. It may not fail.
fn run(arguments: &str) -> Report {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let work = async {
        let relay = Relay::bind("127.0.0.1", 0, 0).await.unwrap();
        let place = relay.place().unwrap();
        spawn_local(relay.serve());
        let address = match arguments.contains("--tls none") {
            true => place.plain,
            false => place.tls,
        };
        let options = format!("load --to-relay --address {address} {arguments}");
        let cli = Cli::parse_from(options.split(' '));
        let Command::Scenario(scenario) = cli.command else {
            panic!("{arguments:?} is no scenario");
        };
        let target = Rc::new(cli.server.target("relay").unwrap());
        let run = timeout(Duration::from_secs(60), scenario.run(&target));
        run.await.unwrap().unwrap()
    };
    let report = LocalSet::new().block_on(&runtime, work);
    assert_eq!(report.failures, Vec::<String>::new());
    report
}
