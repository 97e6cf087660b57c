//! Elements of a bound stream that are no stanzas: a client says something about its session.

use stream::StreamFault;
use xml::{Element, Fragment};

use crate::{account::Account, pipeline::Context, session::SessionId};

/// A first-level element, parsed once.
pub trait StreamElement: Sized + 'static {
    /// Its name.
    const ELEMENT: &'static str;
    /// Its namespace.
    const NS: &'static str;

    /// Reads the element.
    ///
    /// # Errors
    ///
    /// The fault that ends the stream.
    fn parse(element: &Element<'_>) -> Result<Self, StreamFault>;
}

/// Takes a first-level element of a session.
pub trait AtSession<P: StreamElement> {
    /// Acts on it, in a run over the session's account, and says what is answered. Never waits.
    ///
    /// # Errors
    ///
    /// The fault that ends the stream.
    fn at_session(
        &self,
        element: P,
        session: SessionId,
        account: &mut Account,
        cx: &Context<'_>,
    ) -> Result<Option<Fragment>, StreamFault>;
}

type Handle = Box<
    dyn Fn(
            &Element<'_>,
            SessionId,
            &mut Account,
            &Context<'_>,
        ) -> Result<Option<Fragment>, StreamFault>
        + Send
        + Sync,
>;

/// Who takes elements of one name.
pub(crate) struct ElementHandler {
    pub(crate) name: &'static str,
    pub(crate) ns: &'static str,
    pub(crate) handle: Handle,
}
