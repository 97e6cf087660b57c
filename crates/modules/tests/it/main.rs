//! Plays every transcript of the features and of the engine: in one process, in virtual time, on both
//! framings, each with three orders of the handlers inside their stages, with all accounts in one home and in two.

mod bench;
mod homes;
mod keys;
mod no_loss;
mod simulation;

use std::{
    fs,
    path::{Path, PathBuf},
};

use testkit::{
    transcript::{Action, Outcome, Script, play},
    world::InProcess,
};
use xml::Framing;

/// A command is done in the home where it is given, and reaches no account that lives in another.
const GIVEN_IN_ONE_HOME: &str = "a command reaches the accounts of the home where it is given";

/// What a feature knows of a whole host, it knows of the accounts of one home.
const IN_ONE_HOME: &str = "the feature knows the accounts of a host that live in its own home";

/// What may have come is looked for where it is sent again.
const SENT_AGAIN_IN_ONE_HOME: &str = "a home asks its own mailboxes whether a message came before";

/// What plays in one home only, and why.
const ONE_HOME: &[(&str, &str)] = &[
    (
        "sessions/server_asks.xmpp",
        "how often the server asks depends on how many come at once",
    ),
    ("adhoc/tests/add_user_corrected.xmpp", GIVEN_IN_ONE_HOME),
    ("adhoc/tests/counts.xmpp", GIVEN_IN_ONE_HOME),
    ("adhoc/tests/delete_users.xmpp", GIVEN_IN_ONE_HOME),
    ("adhoc/tests/disable_and_enable.xmpp", GIVEN_IN_ONE_HOME),
    ("adhoc/tests/end_sessions.xmpp", GIVEN_IN_ONE_HOME),
    ("adhoc/tests/higher_role.xmpp", GIVEN_IN_ONE_HOME),
    ("adhoc/tests/role.xmpp", GIVEN_IN_ONE_HOME),
    ("adhoc/tests/session_show.xmpp", GIVEN_IN_ONE_HOME),
    ("csi/tests/session_show.xmpp", GIVEN_IN_ONE_HOME),
    ("adhoc/tests/statistics.xmpp", GIVEN_IN_ONE_HOME),
    ("adhoc/tests/user_info.xmpp", GIVEN_IN_ONE_HOME),
    ("announce/tests/online.xmpp", GIVEN_IN_ONE_HOME),
    ("clients/tests/commands.xmpp", GIVEN_IN_ONE_HOME),
    ("features/announce_by_chat.xmpp", GIVEN_IN_ONE_HOME),
    ("groups/tests/commands.xmpp", IN_ONE_HOME),
    ("groups/tests/everybody.xmpp", IN_ONE_HOME),
    ("groups/tests/open_request.xmpp", IN_ONE_HOME),
    ("groups/tests/own_subscription.xmpp", IN_ONE_HOME),
    ("groups/tests/several_groups.xmpp", IN_ONE_HOME),
    ("groups/tests/survives_restart.xmpp", IN_ONE_HOME),
    ("motd/tests/commands.xmpp", GIVEN_IN_ONE_HOME),
    ("motd/tests/reload.xmpp", IN_ONE_HOME),
    ("reports/tests/listed.xmpp", GIVEN_IN_ONE_HOME),
    ("reports/tests/removed.xmpp", GIVEN_IN_ONE_HOME),
    (
        "sm/kill.xmpp",
        "how often the server asks depends on how many come at once",
    ),
    ("sm/kill_multicast.xmpp", SENT_AGAIN_IN_ONE_HOME),
    ("sm/kill_multicast_late.xmpp", SENT_AGAIN_IN_ONE_HOME),
    (
        "sm/kill_contact_elsewhere.xmpp",
        "how often the server asks depends on how many come at once",
    ),
    (
        "sm/restart_without_sm.xmpp",
        "presence for a home that is down is not kept",
    ),
    (
        "sm/too_many_of_all.xmpp",
        "each home counts the sessions that wait in it",
    ),
    ("user_search/tests/all.xmpp", IN_ONE_HOME),
    ("user_search/tests/bounded.xmpp", IN_ONE_HOME),
    ("user_search/tests/data_form.xmpp", IN_ONE_HOME),
    ("user_search/tests/opt_in.xmpp", IN_ONE_HOME),
    ("user_search/tests/own_domain.xmpp", IN_ONE_HOME),
    ("user_search/tests/pages.xmpp", IN_ONE_HOME),
];

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
        // Of a bare transport it is not known who will sign in there, and so not where.
        let is_for_homes = !ONE_HOME.iter().any(|(file, _)| name.ends_with(file))
            && !script
                .steps
                .iter()
                .any(|step| matches!(step.action, Action::Stream(..)));
        for framing in [Framing::Stream, Framing::Document] {
            for (seed, homes) in SEEDS.into_iter().flat_map(|seed| [(seed, 1), (seed, 2)]) {
                if homes > 1 && !is_for_homes {
                    continue;
                }
                let mut actors =
                    InProcess::new(seed, framing, modules::ALL, bench::configure).with_homes(homes);
                match play(&script, &mut actors) {
                    Ok(Outcome::Passed) => plays += 1,
                    Ok(Outcome::Skipped(_)) => {}
                    Err(failure) => failures.push(format!(
                        "{framing:?}, seed {seed}, {homes} homes: {failure}"
                    )),
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
