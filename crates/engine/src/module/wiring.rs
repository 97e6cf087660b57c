//! What a module says it touches, and where that goes.

use std::sync::Arc;

use stanza::form::Form;
use xml::Fragment;

use super::{
    AnswerIq, HandleIq, Module, On, Payload, Screen,
    iq::{Handler, IqTable, To},
};
use crate::{
    disco::{Disco, Item},
    host::Host,
    pipeline::{Pipeline, Stage, events::Event},
    session::marks::SessionMark,
};

/// At which moment of a stream a feature shows in `<stream:features/>`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AtStream {
    /// Before sign-in.
    BeforeSignIn,
    /// After sign-in, before binding.
    AfterSignIn,
}

pub(crate) type FeatureFn = Box<dyn Fn(&Host) -> Option<Fragment> + Send + Sync>;

/// What the modules of one host made together.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) pipeline: Pipeline,
    pub(crate) iq: IqTable,
    pub(crate) disco: Disco,
    pub(crate) features: Vec<(AtStream, FeatureFn)>,
    pub(crate) marks: Vec<&'static str>,
}

/// Registers one module. Handed to [`Module::wire`].
pub struct Wiring<'a, M> {
    module: Arc<M>,
    parts: &'a mut Parts,
}

impl<'a, M: Module> Wiring<'a, M> {
    pub(crate) fn new(module: M, parts: &'a mut Parts) -> Self {
        Self {
            module: Arc::new(module),
            parts,
        }
    }

    /// The module's own configuration decides what is wired.
    #[must_use]
    pub fn module(&self) -> &M {
        &self.module
    }

    /// The host and its accounts have this feature, XEP-0030.
    pub fn disco_feature(&mut self, feature: &'static str) -> &mut Self {
        self.parts.disco.add_host_feature(feature);
        self
    }

    /// Accounts have this feature: it shows in the disco of a bare JID, and of the host.
    pub fn disco_account_feature(&mut self, feature: &'static str) -> &mut Self {
        self.parts.disco.add_account_feature(feature);
        self
    }

    /// A data set that the host shows with its features, XEP-0128.
    pub fn disco_form(&mut self, form: Form) -> &mut Self {
        self.parts.disco.add_host_form(form);
        self
    }

    /// An item of the host: a service for its users, XEP-0030.
    pub fn disco_item(&mut self, item: Item) -> &mut Self {
        self.parts.disco.add_host_item(item);
        self
    }

    /// A feature of the stream, computed when the stream offers it.
    pub fn stream_feature(
        &mut self,
        when: AtStream,
        feature: impl Fn(&M, &Host) -> Option<Fragment> + Send + Sync + 'static,
    ) -> &mut Self {
        let module = self.module.clone();
        self.parts
            .features
            .push((when, Box::new(move |host| feature(&module, host))));
        self
    }

    /// Answers requests with payload `P` at once.
    pub fn iq<P: Payload>(&mut self, to: To) -> &mut Self
    where
        M: AnswerIq<P>,
    {
        let module = self.module.clone();
        let answer = Handler::Answer(Box::new(move |element, cx| {
            let payload = P::parse(element)?;
            module.answer_iq(payload, cx)
        }));
        self.parts.iq.add(to, P::METHOD, P::ELEMENT, P::NS, answer);
        self
    }

    /// Answers requests with payload `P` after waiting for something.
    pub fn iq_waiting<P: Payload + Send>(&mut self, to: To) -> &mut Self
    where
        M: HandleIq<P>,
    {
        let module = self.module.clone();
        let handle = Handler::Handle(Box::new(move |element, job| {
            let payload = P::parse(element)?;
            let module = module.clone();
            Ok(Box::pin(
                async move { module.handle_iq(payload, job).await },
            ))
        }));
        self.parts.iq.add(to, P::METHOD, P::ELEMENT, P::NS, handle);
        self
    }

    /// Listens to `E` at a stage.
    pub fn on<E: Event>(&mut self, stage: Stage) -> &mut Self
    where
        M: On<E>,
    {
        let module = self.module.clone();
        E::handlers_mut(&mut self.parts.pipeline).listen(
            stage,
            Box::new(move |event, account, cx| module.on(event, account, cx)),
        );
        self
    }

    /// Screens `E`: may stop it.
    pub fn screen<E: Event>(&mut self) -> &mut Self
    where
        M: Screen<E>,
    {
        let module = self.module.clone();
        E::handlers_mut(&mut self.parts.pipeline).add_screen(Box::new(
            move |event, account, cx| module.screen(event, account, cx),
        ));
        self
    }

    /// Declares a mark this feature sets on sessions.
    pub fn session_mark<T: SessionMark>(&mut self) -> &mut Self {
        self.parts.marks.push(T::NAME);
        self
    }
}
