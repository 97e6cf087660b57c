//! The conversation about one hash, [XEP-0480 §3](https://xmpp.org/extensions/xep-0480.html): the client is told salt and
//! iterations, and answers with the salted password.

use std::sync::Arc;

use engine::module::{SignIn, SignInTask, TaskFuture, TaskStep};
use sasl::{Hash, SaslFailure, ScramUpgrade, limits::SALT_BYTES};
use xml::{Builder, Fragment};

/// The namespace of what is said in a task.
const NS: &str = "urn:xmpp:scram-upgrade:0";

/// A task that a client has not begun, or not finished.
pub(super) struct Upgrade {
    sign_in: Arc<SignIn>,
    task: ScramUpgrade,
    is_begun: bool,
}

impl Upgrade {
    /// With a salt of its own.
    pub(super) fn task(sign_in: &Arc<SignIn>, hash: Hash) -> Box<dyn SignInTask> {
        let mut salt = [0; SALT_BYTES];
        sign_in.server.environment().fill_random(&mut salt);
        let iterations = sign_in.host.facts().scram_iterations;
        Box::new(Self {
            sign_in: sign_in.clone(),
            task: ScramUpgrade::new(hash, &salt, iterations),
            is_begun: false,
        })
    }

    async fn finish(self, data: Vec<Fragment>) -> Result<(), SaslFailure> {
        let hash = data.iter().find(|element| element.is("hash", NS));
        let hash = hash.ok_or(SaslFailure::MalformedRequest)?;
        let keys = self.task.finish(hash.tree().root().text().trim())?;
        let added = self.sign_in.server.add_keys(&self.sign_in.jid, &keys).await;
        match added {
            Ok(true) => {
                tracing::info!(account = %self.sign_in.jid, hash = keys.hash().name(), "keys were added");
                Ok(())
            }
            // Another password is in force, or another client was quicker.
            Ok(false) => Ok(()),
            Err(error) => {
                tracing::error!(%error, "keys can't be stored; the sign-in is refused for now");
                Err(SaslFailure::TemporaryAuthFailure)
            }
        }
    }
}

impl SignInTask for Upgrade {
    fn name(&self) -> &'static str {
        ScramUpgrade::task_name(self.task.hash())
    }

    fn step(mut self: Box<Self>, data: Vec<Fragment>) -> TaskFuture {
        Box::pin(async move {
            if self.is_begun {
                return match self.finish(data).await {
                    Ok(()) => TaskStep::Done(Vec::new()),
                    Err(failure) => TaskStep::Failed(failure),
                };
            }
            let salt = Builder::new("salt", NS)
                .attr("iterations", self.task.iterations().to_string())
                .text(&self.task.salt())
                .build();
            self.is_begun = true;
            TaskStep::Data(vec![salt], self)
        })
    }
}
