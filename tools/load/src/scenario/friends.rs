//! Rosters that have to exist before a scenario begins. Making them twice does no harm.

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::{task::spawn_local, time::timeout};

use super::gather;
use crate::{
    client::{Client, SessionOptions},
    target::Target,
};

/// How long all subscriptions may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Accounts in a circle, each with its neighbours on both sides as contacts, and some contacts who never come.
#[derive(Args, Clone, Debug)]
pub(super) struct Circle {
    /// Mutual contacts of each account, among the others that take part; an even number.
    #[arg(long, default_value_t = 0)]
    online_contacts: u32,
    /// Contacts of each account that are not there.
    #[arg(long, default_value_t = 0)]
    offline_contacts: u32,
}

impl Circle {
    /// How many contacts each account has.
    pub(super) fn contacts(&self) -> u32 {
        self.online_contacts + self.offline_contacts
    }

    /// How many accounts take part when so many sign in.
    pub(super) fn accounts(&self, sessions: u32) -> u32 {
        sessions + self.offline_contacts
    }

    /// Who asks whom for a subscription: every pair once.
    fn pairs(&self, sessions: u32) -> Vec<(u32, u32)> {
        let mut pairs = Vec::new();
        for one in 0..sessions {
            for distance in 1..=self.online_contacts / 2 {
                pairs.push((one, (one + distance) % sessions));
            }
        }
        pairs
    }
}

/// Gives `sessions` accounts the contacts that `circle` says.
///
/// # Errors
///
/// When a server does not do its part.
pub(super) async fn make_friends(
    target: &Rc<Target>,
    circle: &Circle,
    sessions: u32,
) -> Result<()> {
    let mut wanted = circle.pairs(sessions);
    wanted.sort_unstable();
    subscribe(target, sessions, &wanted).await?;
    let (for_each, absent) = (Rc::clone(target), circle.offline_contacts);
    let make = move |place| {
        let target = Rc::clone(&for_each);
        async move {
            let mut client = Client::session(&target, place, &SessionOptions::default()).await?;
            let known = client.roster().await?;
            for contact in sessions..sessions + absent {
                let address = target.accounts.address(contact);
                if !known.contains_key(&address) {
                    client.add_contact(&address).await?;
                }
            }
            client.close().await
        }
    };
    if absent > 0 {
        gather(sessions, 16, make).await?;
    }
    Ok(())
}

/// Makes these pairs of accounts mutual contacts, with all of the accounts signed in.
///
/// # Errors
///
/// When a server does not do its part.
pub(super) async fn subscribe(
    target: &Rc<Target>,
    sessions: u32,
    pairs: &[(u32, u32)],
) -> Result<()> {
    let for_each = Rc::clone(target);
    let sign_in = move |place| {
        let target = Rc::clone(&for_each);
        async move {
            let mut client = Client::session(&target, place, &SessionOptions::default()).await?;
            let known = client.roster().await?;
            Ok((client, known))
        }
    };
    let clients = gather(sessions, 16, sign_in).await?;
    let mut wanted: BTreeMap<u32, usize> = BTreeMap::new();
    for (one, other) in pairs {
        *wanted.entry(*one).or_default() += 1;
        *wanted.entry(*other).or_default() += 1;
    }
    let mut running = Vec::new();
    for (place, (mut client, known)) in (0..).zip(clients) {
        let asks: Vec<String> = pairs
            .iter()
            .filter(|(one, _)| *one == place)
            .map(|(_, other)| target.accounts.address(*other))
            .filter(|address| known.get(address).is_none_or(|state| state != "both"))
            .collect();
        let count = wanted.get(&place).copied().unwrap_or(0);
        running.push(spawn_local(async move {
            for address in asks {
                client.subscribe(&address).await?;
            }
            client.until_mutual(known, count).await?;
            anyhow::Ok(client)
        }));
    }
    let all = async {
        let mut clients = Vec::new();
        for one in running {
            clients.push(one.await.context("a session broke off")??);
        }
        for client in clients {
            client.close().await?;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, all)
        .await
        .context("subscriptions take too long")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_in_a_circle_has_as_many_contacts() {
        let circle = Circle {
            online_contacts: 4,
            offline_contacts: 3,
        };
        let pairs = circle.pairs(7);
        for one in 0..7 {
            let count = pairs.iter().filter(|(a, b)| *a == one || *b == one);
            assert_eq!(count.count(), 4);
        }
        assert_eq!((circle.contacts(), circle.accounts(7)), (7, 10));
    }
}
