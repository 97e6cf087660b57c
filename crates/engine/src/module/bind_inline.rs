//! What is done along with binding a resource by [XEP-0386](https://xmpp.org/extensions/xep-0386.html), Bind 2: in the
//! very run that connects the session, so that nothing comes to it before.

use std::{future::Future, pin::Pin, sync::Arc};

use jid::BareJid;
use xml::{Element, Fragment};

use super::Module;
use crate::{account::Account, pipeline::Context, server::Server, session::SessionId};

/// An element in `<bind/>`, parsed once.
pub trait BindElement: Sized + 'static {
    /// Its name.
    const ELEMENT: &'static str;
    /// Its namespace, which is also what tells clients that it can be asked for.
    const NS: &'static str;

    /// Reads the element; what makes no sense is as if it were not there.
    fn parse(element: &Element<'_>) -> Option<Self>;
}

/// Does something for a session that asks for it as it binds.
pub trait BindInline<P: BindElement> {
    /// Does it, and says what the client is told in `<bound/>`. Never waits.
    fn bind_inline(
        &self,
        element: P,
        session: SessionId,
        account: &mut Account,
        cx: &Context<'_>,
    ) -> Option<Fragment>;
}

/// Tells a session something as it binds, asked or not.
pub trait AtBind: Module {
    /// What has to be read for that.
    type Read: Send + 'static;

    /// Reads it, before there is a session. What happens to the account meanwhile, the account knows.
    fn before_bind(
        &self,
        account: &BareJid,
        server: &Arc<Server>,
    ) -> impl Future<Output = Self::Read> + Send;

    /// What the client is told in `<bound/>`. Never waits.
    fn at_bind(
        &self,
        read: &Self::Read,
        session: SessionId,
        account: &mut Account,
        cx: &Context<'_>,
    ) -> Option<Fragment>;
}

type Handle = Box<
    dyn Fn(&Element<'_>, SessionId, &mut Account, &Context<'_>) -> Option<Fragment> + Send + Sync,
>;
/// What is said once there is a session.
pub(crate) type Telling =
    Box<dyn Fn(SessionId, &mut Account, &Context<'_>) -> Option<Fragment> + Send>;
pub(crate) type AtBindFn = Box<
    dyn Fn(BareJid, Arc<Server>) -> Pin<Box<dyn Future<Output = Telling> + Send>> + Send + Sync,
>;

/// Who takes elements of one name.
pub(crate) struct BindHandler {
    pub(crate) name: &'static str,
    pub(crate) ns: &'static str,
    pub(crate) handle: Handle,
}
