//! Bounces of messages that the account sent long ago, or before it was read: whether its archive has the message is a
//! question to the store, which no stage waits for. The client is given the error at once, and the archive as soon as
//! that is known, at the position that is next then.

use std::sync::Arc;

use jid::{BareJid, Jid};
use mailbox::{
    Archiving, Class, NewEntry, Owed, classify, limits::BOUNCES_LOOKED_FOR_MAX, was_sent,
};
use stanza::{Stanza, Timestamp};
use store::{Owner, StoreError};

use super::{Account, AccountError, archiving::archives};
use crate::{envelope::Envelope, pipeline::Context, server::Server};

/// An error came that the account's archive takes if it has the message that it answers.
pub(super) fn look_for_original(account: &mut Account, cx: &Context<'_>, envelope: &Envelope) {
    let (error, from) = (envelope.stanza(), envelope.from());
    let Some(message_id) = error.id().filter(|_| error.kind().is_error()) else {
        return;
    };
    if account.is_anonymous()
        || account.bounces_looked_for >= BOUNCES_LOOKED_FOR_MAX
        || classify(error, Archiving::On) != Class::Archive
        || !archives(account, cx, from)
    {
        return;
    }
    account.bounces_looked_for += 1;
    let bounce = Bounce {
        account: account.jid().clone(),
        message_id: message_id.to_owned(),
        to: envelope.to().clone(),
        peer: from.bare(),
        error: Arc::clone(error),
        at: cx.timestamp(),
    };
    let server = Arc::clone(cx.server());
    cx.server().environment().spawn(Box::pin(async move {
        let was_sent = bounce.was_sent(&server).await.unwrap_or_else(|error| {
            tracing::error!(account = %bounce.account, %error, "an archive can't be read; a bounce is not archived");
            false
        });
        let done = server.change_account(&bounce.account, |account, cx| {
            account.bounces_looked_for = account.bounces_looked_for.saturating_sub(1);
            if was_sent {
                bounce.record(account, cx);
            }
        });
        match done.await {
            Ok(()) | Err(AccountError::Missing(_)) => {}
            Err(error) => {
                tracing::error!(account = %bounce.account, %error, "a bounce was not archived");
            }
        }
    }));
}

/// An error that may answer a message of the account.
struct Bounce {
    account: BareJid,
    message_id: String,
    to: Jid,
    peer: BareJid,
    error: Arc<Stanza>,
    at: Timestamp,
}

impl Bounce {
    async fn was_sent(&self, server: &Server) -> Result<bool, StoreError> {
        let owner = Owner::Account(self.account.clone());
        was_sent(server.store(), &owner, self.peer.as_str(), &self.message_id).await
    }

    fn record(&self, account: &mut Account, cx: &Context<'_>) {
        let message = self.error.as_ref().clone().with_to(Some(self.to.clone()));
        let new = NewEntry {
            message: &message,
            class: Class::Archive,
            at: self.at,
            peer: &self.peer,
            owed: Owed::Nobody,
            body: None,
            inbound: None,
        };
        if let Err(refused) = account.mailbox.record(&new, &mut cx.batch()) {
            tracing::error!(account = %account.jid(), %refused, "a bounce was not archived");
        }
    }
}
