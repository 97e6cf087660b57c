//! Plays a transcript on a test bench.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::{show, show_all};
use super::script::PASSWORD;
use super::{
    Account, Action, Actor, Actors, Captures, Expected, Failure, Need, Pattern, Problem, Received,
    Script, Sent, SignIn, Step, Template,
};

/// The resource under which contacts are made.
const SETUP_RESOURCE: &str = "transcript-setup";

/// How a transcript ended that did not fail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// All lines went as written.
    Passed,
    /// The bench does not offer what the file needs; nothing was played.
    Skipped(Need),
}

/// Plays `script` on `actors`, which nothing was played on before.
///
/// # Errors
///
/// [`Failure`] with the first line that did not go as written.
pub fn play<A: Actors>(script: &Script, actors: &mut A) -> Result<Outcome, Failure<A::Error>> {
    let is_offered = |need: Need| match need {
        Need::Config => actors.takes(&script.config),
        other => actors.offers(other),
    };
    if let Some(missing) = script.needs.iter().find(|need| !is_offered(**need)) {
        return Ok(Outcome::Skipped(*missing));
    }
    let failed = |line, problem| Failure {
        script: script.name.clone(),
        line,
        problem,
    };
    actors
        .configure(&script.config)
        .map_err(|fault| failed(1, Problem::Bench(fault)))?;
    let mut player = Player {
        actors,
        captures: Captures::default(),
        passwords: BTreeMap::new(),
        known: BTreeSet::new(),
    };
    for Step { line, action } in &script.steps {
        player
            .step(action)
            .map_err(|problem| failed(*line, problem))?;
    }
    Ok(Outcome::Passed)
}

/// What the lines so far have led to.
struct Player<'a, A> {
    actors: &'a mut A,
    captures: Captures,
    /// Of every account that exists.
    passwords: BTreeMap<String, String>,
    /// Those who may receive something.
    known: BTreeSet<Actor>,
}

type Played<A> = Result<(), Problem<<A as Actors>::Error>>;

impl<A: Actors> Player<'_, A> {
    fn step(&mut self, action: &Action) -> Played<A> {
        match action {
            Action::Accounts(accounts) => accounts.iter().try_for_each(|one| self.account(one)),
            Action::Contacts(jids) => self.contacts(jids),
            Action::Online(sessions) => self.online(sessions),
            Action::Connected(sessions) => {
                sessions.iter().try_for_each(|one| self.sign_in(one, true))
            }
            Action::SignedIn(sessions) => {
                sessions.iter().try_for_each(|one| self.sign_in(one, false))
            }
            Action::Stream(actor, listener) => {
                self.known.insert(actor.clone());
                self.actors.open(actor, *listener).map_err(Problem::Bench)
            }
            Action::Send(actor, sent) => self.send(actor, sent),
            Action::Expect(actor, expected) => self.expect(actor, expected),
            Action::ExpectNothing => self.nothing(self.known.clone()),
            Action::Wait(time) => self.actors.wait(*time).map_err(Problem::Bench),
            Action::Server(restart) => self.actors.restart(*restart).map_err(Problem::Bench),
            Action::Disk(room) => self.actors.disk(*room).map_err(Problem::Bench),
            Action::Metric(sample, value) => {
                self.actors.settle().map_err(Problem::Bench)?;
                self.actors.metric(sample, value).map_err(Problem::Bench)
            }
            Action::Reload(toml) => self.actors.reload(toml).map_err(Problem::Bench),
            Action::Command(command) => {
                let command = command.fill(&self.captures)?;
                self.actors.command(&command).map_err(Problem::Bench)
            }
        }
    }

    fn account(&mut self, account: &Account) -> Played<A> {
        let Account { jid, password } = account;
        self.passwords.insert(jid.clone(), password.clone());
        self.actors
            .create_account(jid, password)
            .map_err(Problem::Bench)
    }

    /// The password of an account, which is made if it does not exist.
    fn password(&mut self, jid: &str) -> Result<String, Problem<A::Error>> {
        if let Some(password) = self.passwords.get(jid) {
            return Ok(password.clone());
        }
        self.account(&Account {
            jid: jid.to_owned(),
            password: PASSWORD.to_owned(),
        })?;
        Ok(PASSWORD.to_owned())
    }

    fn sign_in(&mut self, actor: &Actor, binds: bool) -> Played<A> {
        // The parser lets only sessions through.
        let full_jid = actor.full_jid().unwrap_or_default();
        let jid = full_jid.split('/').next().unwrap_or_default().to_owned();
        let sign_in = SignIn {
            actor: actor.clone(),
            password: self.password(&jid)?,
            full_jid,
            binds,
        };
        self.known.insert(actor.clone());
        self.actors.sign_in(&sign_in).map_err(Problem::Bench)
    }

    fn online(&mut self, sessions: &[Actor]) -> Played<A> {
        for session in sessions {
            self.sign_in(session, true)?;
            self.actors
                .send(session, b"<presence/>")
                .map_err(Problem::Bench)?;
        }
        self.settle()?;
        for actor in self.known.clone() {
            while let Some(received) = self.take_received(&actor)? {
                let is_end = matches!(received, Received::Closed | Received::Cut);
                if is_end && sessions.contains(&actor) {
                    return Err(Problem::Disconnected { actor });
                }
            }
        }
        Ok(())
    }

    /// Makes each pair of accounts see each other, as their users would, from sessions that go again.
    fn contacts(&mut self, jids: &[String]) -> Played<A> {
        let helper = |jid: &String| (jid.clone(), Actor::new(&format!("{jid}/{SETUP_RESOURCE}")));
        let helpers: Vec<(String, Actor)> = jids.iter().map(helper).collect();
        for (_, actor) in &helpers {
            self.sign_in(actor, true)?;
        }
        for (index, (jid, actor)) in helpers.iter().enumerate() {
            for (other_jid, other) in helpers.iter().skip(index + 1) {
                self.say(actor, "subscribe", other_jid)?;
                self.say(other, "subscribed", jid)?;
                self.say(other, "subscribe", jid)?;
                self.say(actor, "subscribed", other_jid)?;
            }
        }
        for (_, actor) in &helpers {
            self.actors.close(actor).map_err(Problem::Bench)?;
        }
        self.settle()?;
        for (_, actor) in &helpers {
            self.actors.cut(actor).map_err(Problem::Bench)?;
            self.known.remove(actor);
        }
        self.settle()?;
        for actor in self.known.clone() {
            self.put_aside(&actor)?;
        }
        Ok(())
    }

    fn say(&mut self, actor: &Actor, kind: &str, to: &str) -> Played<A> {
        let presence = format!("<presence type='{kind}' to='{to}'/>");
        self.actors
            .send(actor, presence.as_bytes())
            .map_err(Problem::Bench)?;
        self.settle()
    }

    fn send(&mut self, actor: &Actor, sent: &Sent) -> Played<A> {
        match sent {
            Sent::Text(text) => {
                let text = Template::fill(text, &self.captures)?;
                self.actors.send(actor, text.as_bytes())
            }
            Sent::Bytes(bytes) => self.actors.send(actor, bytes),
            Sent::Close => self.actors.close(actor),
            Sent::Cut => {
                self.known.remove(actor);
                self.actors.cut(actor)
            }
            Sent::StartTls => self.actors.start_tls(actor),
        }
        .map_err(Problem::Bench)
    }

    fn expect(&mut self, actor: &Actor, expected: &Expected) -> Played<A> {
        match expected {
            Expected::InOrder(patterns) => patterns
                .iter()
                .try_for_each(|pattern| self.expect_one(actor, pattern)),
            Expected::Unordered(patterns) => self.expect_unordered(actor, patterns),
            Expected::Nothing => self.nothing(BTreeSet::from([actor.clone()])),
            Expected::Anything => {
                self.settle()?;
                self.put_aside(actor)
            }
            Expected::Closed => self.expect_end(actor, "the end of the stream", |received| {
                matches!(received, Received::Closed)
            }),
            Expected::Cut => self.expect_end(actor, "the end of the transport", |received| {
                matches!(received, Received::Cut)
            }),
        }
    }

    fn expect_one(&mut self, actor: &Actor, pattern: &Pattern) -> Played<A> {
        let received = self.receive(actor, &|| pattern.to_string())?;
        let tree = match &received {
            Received::Element(tree) if !pattern.is_header() => tree,
            Received::Header(tree) if pattern.is_header() => tree,
            _ => return Err(other(actor, pattern.to_string(), &received)),
        };
        pattern
            .matches(tree, &mut self.captures)
            .map_err(|mismatch| Problem::Differs {
                actor: actor.clone(),
                expected: pattern.to_string(),
                received: show(&received),
                mismatch: Box::new(mismatch),
            })
    }

    /// Takes what comes one by one, each for the first pattern left that it fits.
    fn expect_unordered(&mut self, actor: &Actor, patterns: &[Pattern]) -> Played<A> {
        let mut left: Vec<&Pattern> = patterns.iter().collect();
        while !left.is_empty() {
            let received = self.receive(actor, &|| show_all(&left))?;
            let Received::Element(tree) = &received else {
                return Err(other(actor, show_all(&left), &received));
            };
            let captures = &mut self.captures;
            let fits = left
                .iter()
                .position(|pattern| pattern.matches(tree, captures).is_ok());
            match fits {
                Some(index) => drop(left.remove(index)),
                None => return Err(other(actor, show_all(&left), &received)),
            }
        }
        Ok(())
    }

    fn expect_end(&mut self, actor: &Actor, end: &str, is_end: fn(&Received) -> bool) -> Played<A> {
        let received = self.receive(actor, &|| end.to_owned())?;
        if is_end(&received) {
            Ok(())
        } else {
            Err(other(actor, end.to_owned(), &received))
        }
    }

    fn nothing(&mut self, of: BTreeSet<Actor>) -> Played<A> {
        self.settle()?;
        for actor in of {
            // That a transport goes is no stanza, and how soon it goes is the server's affair.
            match self.take_received(&actor)? {
                None | Some(Received::Cut) => {}
                Some(received) => {
                    return Err(Problem::Something {
                        received: show(&received),
                        actor,
                    });
                }
            }
        }
        Ok(())
    }

    fn put_aside(&mut self, actor: &Actor) -> Played<A> {
        while self.take_received(actor)?.is_some() {}
        Ok(())
    }

    fn receive(
        &mut self,
        actor: &Actor,
        expected: &dyn Fn() -> String,
    ) -> Result<Received, Problem<A::Error>> {
        match self.actors.receive(actor).map_err(Problem::Bench)? {
            Some(received) => Ok(received),
            None => Err(Problem::Nothing {
                actor: actor.clone(),
                expected: expected(),
            }),
        }
    }

    fn take_received(&mut self, actor: &Actor) -> Result<Option<Received>, Problem<A::Error>> {
        self.actors.take_received(actor).map_err(Problem::Bench)
    }

    fn settle(&mut self) -> Played<A> {
        self.actors.settle().map_err(Problem::Bench)
    }
}

fn other<E>(actor: &Actor, expected: String, received: &Received) -> Problem<E> {
    Problem::Other {
        actor: actor.clone(),
        expected,
        received: show(received),
    }
}

#[cfg(test)]
#[path = "player_tests.rs"]
mod tests;
