//! Rosters and mutual subscriptions, [RFC 6121](https://www.rfc-editor.org/rfc/rfc6121) sections 2 and 3, as far as
//! a scenario needs them to exist before it begins.

use std::{collections::BTreeMap, io::Write as _};

use anyhow::{Context as _, Result};
use xml::{Ns, Tree};

use super::Client;

/// The roster's namespace.
pub(crate) const NS_ROSTER: &str = "jabber:iq:roster";

impl Client {
    /// Asks for the roster: each contact with the state of its subscription. From then on the client is interested.
    pub(crate) async fn roster(&mut self) -> Result<BTreeMap<String, String>> {
        let id = self.next_id();
        let iq = format!("<iq type='get' id='{id}'><query xmlns='{NS_ROSTER}'/></iq>");
        let answer = self.ask(&id, &iq).await?;
        Ok(items(&answer))
    }

    /// Puts somebody into the roster, without a subscription.
    pub(crate) async fn add_contact(&mut self, address: &str) -> Result<()> {
        let id = self.next_id();
        let iq = format!(
            "<iq type='set' id='{id}'><query xmlns='{NS_ROSTER}'><item jid='{address}'/></query></iq>"
        );
        self.ask(&id, &iq).await?;
        Ok(())
    }

    /// Asks for a subscription to `address`, without waiting for what comes of it.
    pub(crate) async fn subscribe(&mut self, address: &str) -> Result<()> {
        write!(self.out, "<presence type='subscribe' to='{address}'/>")?;
        self.flush().await
    }

    /// Grants every subscription that is asked for and asks for one in return, until so many of all contacts are
    /// mutual: those of the roster that are, and those that become so, as roster pushes say.
    ///
    /// # Errors
    ///
    /// When the stream ends before.
    pub(crate) async fn until_mutual(
        &mut self,
        mut states: BTreeMap<String, String>,
        wanted: usize,
    ) -> Result<()> {
        let count = |states: &BTreeMap<String, String>| {
            states.values().filter(|state| *state == "both").count()
        };
        while count(&states) < wanted {
            let element = self.next().await?;
            let root = element.root();
            if root.is("presence", Ns::Content) && root.attr("type").as_deref() == Some("subscribe")
            {
                let from = root.attr("from").context("a request without a sender")?;
                write!(self.out, "<presence type='subscribed' to='{from}'/>")?;
                self.subscribe(&from).await?;
            }
            if root.is("iq", Ns::Content) && root.attr("type").as_deref() == Some("set") {
                states.extend(items(&element));
                if let Some(id) = root.attr("id") {
                    write!(self.out, "<iq type='result' id='{id}'/>")?;
                }
            }
        }
        self.flush().await
    }
}

fn items(iq: &Tree) -> BTreeMap<String, String> {
    let Some(query) = iq.root().child("query", NS_ROSTER) else {
        return BTreeMap::new();
    };
    query
        .children()
        .filter_map(|item| {
            let address = item.attr("jid")?.into_owned();
            let state = item.attr("subscription").unwrap_or("none".into());
            Some((address, state.into_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_without_a_state_has_none() {
        let iq = "<iq><query xmlns='jabber:iq:roster'><item jid='a@b' subscription='both'/>\
                  <item jid='c@d'/></query></iq>";
        let found = items(&Tree::parse(iq).unwrap());
        assert_eq!(found.get("a@b").map(String::as_str), Some("both"));
        assert_eq!(found.get("c@d").map(String::as_str), Some("none"));
        assert!(items(&Tree::parse("<iq/>").unwrap()).is_empty());
    }
}
