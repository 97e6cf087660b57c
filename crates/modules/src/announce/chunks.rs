//! Many accounts are told a chunk at a time, and what was said is on disk when the command is done.

use std::sync::Arc;

use engine::command::{AdminContext, Control, Who};
use jid::BareJid;
use serde_json::json;
use testkit::world::{Bench, PASSWORD, World};

/// More than two chunks.
const ACCOUNTS: usize = 600;

#[test]
fn whoever_is_away_finds_an_announcement_after_a_crash_too() {
    let mut world = World::new(1, Bench::of_host("example", crate::ALL, []).unwrap()).unwrap();
    let server = world.server().clone();
    let made = async move {
        for number in 0..ACCOUNTS {
            let jid = BareJid::parse(&format!("u{number}@example")).unwrap();
            server.create_account(&jid, PASSWORD, false).await.unwrap();
        }
    };
    world.run(made).unwrap();
    let server = world.server().clone();
    let told = async move {
        let announce = server.commands().find(|one| one.path == "announce");
        let arguments = json!({ "text": "The gates close at ten", "to": "all" });
        let cx = AdminContext::new(server.clone(), Who::Operator, Some(Arc::new(NoProcess)));
        let arguments = arguments.as_object().unwrap().clone();
        announce.unwrap().run(arguments, cx).await.unwrap().text
    };
    assert_eq!(world.run(told).unwrap(), "600 accounts were told.\n");
    world.restart(true).unwrap();
    for number in [0, 255, 256, 599] {
        let came = first_words_to(&mut world, number);
        assert_eq!(came.matches("The gates close at ten").count(), 1, "{came}");
    }
}

/// What somebody finds who comes back.
fn first_words_to(world: &mut World, number: usize) -> String {
    let link = world.online(&format!("u{number}"), "example").unwrap();
    String::from_utf8(world.received(link)).unwrap()
}

/// The command asks whether a server runs, and nothing of it.
struct NoProcess;

impl Control for NoProcess {
    fn reload(&self) -> Result<(), String> {
        Err("there is no process".to_owned())
    }

    fn pid(&self) -> u32 {
        0
    }
}
