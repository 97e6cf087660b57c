//! Entering a room, [XEP-0045](https://xmpp.org/extensions/xep-0045.html) 7.2 and 10.1.2.

use std::io::Write as _;

use anyhow::{Result, ensure};
use xml::Ns;

use super::Client;

impl Client {
    /// Enters a room and waits until one is in it. What the room said before is not wanted.
    ///
    /// # Errors
    ///
    /// When the room does not let one in.
    pub(crate) async fn join(&mut self, room: &str, nick: &str) -> Result<()> {
        let own = format!("{room}/{nick}");
        write!(
            self.out,
            "<presence to='{own}'><x xmlns='http://jabber.org/protocol/muc'>\
             <history maxstanzas='0'/></x></presence>"
        )?;
        loop {
            let element = self.next().await?;
            let root = element.root();
            if root.is("presence", Ns::Content) && root.attr("from").as_deref() == Some(&own) {
                ensure!(
                    root.attr("type").is_none(),
                    "the room lets nobody in: {:?}",
                    root.as_str()
                );
                return Ok(());
            }
        }
    }

    /// Takes a new room as it is; one that exists already may say no.
    pub(crate) async fn accept_room(&mut self, room: &str) -> Result<()> {
        let id = self.next_id();
        let iq = format!(
            "<iq type='set' id='{id}' to='{room}'><query xmlns='http://jabber.org/protocol/muc#owner'>\
             <x xmlns='jabber:x:data' type='submit'/></query></iq>"
        );
        let _ = self.ask(&id, &iq).await;
        Ok(())
    }
}
