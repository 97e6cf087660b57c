//! What a server offers, by service discovery, [XEP-0030](https://xmpp.org/extensions/xep-0030.html).

use anyhow::Result;
use xml::Tree;

use super::{Client, SessionOptions};
use crate::{scenario::NotOffered, target::Target};

const NS_INFO: &str = "http://jabber.org/protocol/disco#info";
const NS_ITEMS: &str = "http://jabber.org/protocol/disco#items";

impl Client {
    /// Asks the host and the account at place 0 whether one of them has this feature.
    ///
    /// # Errors
    ///
    /// [`NotOffered`], or what keeps it from asking.
    pub(crate) async fn require(target: &Target, feature: &str) -> Result<()> {
        let mut client = Self::session(target, 0, &SessionOptions::default()).await?;
        let account = target.accounts.address(0);
        let is_offered = client.offers(&target.host, feature).await
            || client.offers(&account, feature).await
            || client.service(target, feature).await.is_some();
        client.close().await?;
        match is_offered {
            true => Ok(()),
            false => Err(NotOffered(feature.to_owned()).into()),
        }
    }

    /// The address of the host's first service with this feature.
    pub(crate) async fn service(&mut self, target: &Target, feature: &str) -> Option<String> {
        let items = self.query(&target.host, NS_ITEMS).await.ok()?;
        let items = items.root().child("query", NS_ITEMS)?;
        let addresses: Vec<String> = items
            .children()
            .filter_map(|item| Some(item.attr("jid")?.into_owned()))
            .collect();
        for address in addresses {
            if self.offers(&address, feature).await {
                return Some(address);
            }
        }
        None
    }

    async fn offers(&mut self, address: &str, feature: &str) -> bool {
        // An entity that answers with an error offers nothing.
        let Ok(info) = self.query(address, NS_INFO).await else {
            return false;
        };
        info.root().child("query", NS_INFO).is_some_and(|query| {
            query.children().any(|child| {
                child.is("feature", NS_INFO) && child.attr("var").as_deref() == Some(feature)
            })
        })
    }

    async fn query(&mut self, address: &str, ns: &str) -> Result<Tree> {
        let id = self.next_id();
        let iq = format!("<iq type='get' id='{id}' to='{address}'><query xmlns='{ns}'/></iq>");
        self.ask(&id, &iq).await
    }
}
