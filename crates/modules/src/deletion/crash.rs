//! A deletion that a crash cuts short anywhere is as if it had never begun, or is finished by the next server.

use std::time::Duration;

use jid::BareJid;
use testkit::world::{Bench, LinkId, PASSWORD, World};

#[test]
fn a_deletion_cut_short_anywhere_is_finished_or_never_was() {
    let mut outcomes = [0, 0];
    for turns in 0.. {
        let mut play = Play::new(turns);
        let is_over = play.delete_until(turns);
        play.kill();
        let is_gone = play.is_gone();
        outcomes[usize::from(is_gone)] += 1;
        play.check(is_gone, turns);
        if is_over {
            break;
        }
    }
    let [before, after] = outcomes;
    assert!(before > 1 && after > 5, "{before} before, {after} after");
}

struct Play(World);

impl Play {
    /// Romeo and Juliet see each other; Romeo has asked Mercutio.
    fn new(turns: u64) -> Self {
        let mut play =
            Self(World::new(turns, Bench::of_host("example", crate::ALL, []).unwrap()).unwrap());
        for name in ["romeo", "juliet", "mercutio"] {
            let (server, jid) = (play.0.server().clone(), jid(name));
            let made = async move { server.create_account(&jid, PASSWORD, false).await };
            play.0.run(made).unwrap().unwrap();
        }
        let (romeo, juliet) = (play.online("romeo"), play.online("juliet"));
        play.says(romeo, "<presence to='juliet@example' type='subscribe'/>");
        play.says(juliet, "<presence to='romeo@example' type='subscribed'/>");
        play.says(juliet, "<presence to='romeo@example' type='subscribe'/>");
        play.says(romeo, "<presence to='juliet@example' type='subscribed'/>");
        play.says(romeo, "<presence to='mercutio@example' type='subscribe'/>");
        play
    }

    fn online(&mut self, name: &str) -> LinkId {
        self.0.online(name, "example").unwrap()
    }

    fn says(&mut self, link: LinkId, text: &str) {
        self.0.send(link, text.as_bytes());
        self.0.settle().unwrap();
    }

    /// Deletes Romeo's account, for so many turns. Whether all was done.
    fn delete_until(&mut self, turns: u64) -> bool {
        let (server, jid) = (self.0.server().clone(), jid("romeo"));
        let deleting = server.clone();
        server.environment().spawn(Box::pin(async move {
            // Its outcome is what is looked at afterwards.
            let _ = deleting.delete_account(&jid, false).await;
        }));
        (0..turns).any(|_| !self.0.turn())
    }

    /// The next server has time to finish.
    fn kill(&mut self) {
        self.0.restart(true).unwrap();
        self.0.wait(Duration::from_secs(15 * 60)).unwrap();
    }

    fn is_gone(&mut self) -> bool {
        let (server, jid) = (self.0.server().clone(), jid("romeo"));
        let record = self
            .0
            .run(async move { server.account_record(&jid).await })
            .unwrap()
            .unwrap();
        match record {
            None => true,
            Some(record) => {
                assert!(record.may_sign_in(), "it is not left half deleted");
                false
            }
        }
    }

    fn check(&mut self, is_gone: bool, turns: u64) {
        let juliet = self.online("juliet");
        self.0.received(juliet);
        self.says(
            juliet,
            "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>",
        );
        let roster = String::from_utf8(self.0.received(juliet)).unwrap();
        let expected = match is_gone {
            true => "jid='romeo@example' subscription='none'/",
            false => "jid='romeo@example' subscription='both'/",
        };
        assert!(roster.contains(expected), "{turns} turns: {roster}");
        let mercutio = self.online("mercutio");
        let came = String::from_utf8(self.0.received(mercutio)).unwrap();
        let is_asked = came.contains("type='subscribe'");
        assert_eq!(is_asked, !is_gone, "{turns} turns: {came}");
    }
}

fn jid(name: &str) -> BareJid {
    BareJid::parse(&format!("{name}@example")).unwrap()
}
