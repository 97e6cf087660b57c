//! Accounts by in-band registration, [XEP-0077](https://xmpp.org/extensions/xep-0077.html) 2.4.

use anyhow::{Context as _, Result};
use xml::escape_text;

use super::Client;
use crate::target::Target;

impl Client {
    /// Makes the account at `place`, on a connection of its own.
    ///
    /// # Errors
    ///
    /// When the server does not want to; that the account exists already is a reason too.
    pub(crate) async fn register(target: &Target, place: u32) -> Result<()> {
        let username = target.accounts.username(place);
        let made = async {
            let mut client = Self::stream(target).await?;
            client.next_named("features").await?;
            let mut password = Vec::new();
            escape_text(target.accounts.password(), &mut password);
            let iq = format!(
                "<iq type='set' id='register' to='{}'><query xmlns='jabber:iq:register'>\
                 <username>{username}</username><password>{}</password></query></iq>",
                target.host,
                String::from_utf8_lossy(&password)
            );
            client.ask("register", &iq).await?;
            client.close().await
        };
        made.await.with_context(|| {
            let account = target.accounts.address(place);
            format!("the server does not make {account}")
        })
    }
}
