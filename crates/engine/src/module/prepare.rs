//! What features have to know of their host before its first account is read, because their stages may not wait.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use store::StoreError;

use super::Module;
use crate::{host::Host, server::Server};

/// A feature that keeps something of its host in memory.
pub trait Prepare: Module {
    /// Reads it. This is done before the first account of the host is read, and anew after a reload of the
    /// configuration; a command that changes it does so too. It must not wait for an account.
    ///
    /// # Errors
    ///
    /// What the store says; then accounts can't be read either, until it works.
    fn prepare(
        &self,
        host: &Arc<Host>,
        server: &Arc<Server>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

type Preparing = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

pub(crate) type PrepareFn = Box<dyn Fn(Arc<Host>, Arc<Server>) -> Preparing + Send + Sync>;

/// How far a host is.
#[derive(Default)]
pub(crate) struct Preparation {
    is_done: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_running: bool,
    waiting: Vec<Waker>,
}

impl Preparation {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for whoever prepares now; `true` when the caller has to.
    fn poll_turn(&self, cx: &Context<'_>) -> Poll<bool> {
        let mut state = self.state();
        if self.is_done.load(Ordering::Acquire) {
            return Poll::Ready(false);
        }
        if state.is_running {
            state.waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        state.is_running = true;
        Poll::Ready(true)
    }
}

/// Somebody prepares the host. Whatever comes of it, the next has a turn.
struct Turn<'a>(&'a Preparation);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.state();
            state.is_running = false;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Server {
    /// Waits until the features of a host know what they have to.
    pub(crate) async fn prepare(self: &Arc<Self>, host: &Arc<Host>) -> Result<(), StoreError> {
        let preparation = host.preparation();
        if host.prepares().is_empty() || preparation.is_done.load(Ordering::Acquire) {
            return Ok(());
        }
        if !std::future::poll_fn(|cx| preparation.poll_turn(cx)).await {
            return Ok(());
        }
        let _turn = Turn(preparation);
        for prepare in host.prepares() {
            prepare(host.clone(), self.clone()).await?;
        }
        preparation.is_done.store(true, Ordering::Release);
        Ok(())
    }

    /// After a start: prepares every host. Where the store fails, the next account that is needed tries again.
    pub(crate) fn prepare_hosts(self: &Arc<Self>) {
        for host in self.hosts() {
            if !host.prepares().is_empty() {
                let server = self.clone();
                let preparing = async move { server.prepare_or_complain(&host).await };
                self.environment().spawn(Box::pin(preparing));
            }
        }
    }

    /// After a reload the same, and those who are there have the contacts that features provide now.
    pub(crate) fn prepare_anew(self: &Arc<Self>, before: &BTreeMap<String, Arc<Host>>) {
        for host in self.hosts() {
            let old = before.get(host.domain().as_str());
            let has_circles = host.has_circles() || old.is_some_and(|old| old.has_circles());
            if host.prepares().is_empty() && !has_circles {
                continue;
            }
            let server = self.clone();
            self.environment().spawn(Box::pin(async move {
                server.prepare_or_complain(&host).await;
                if has_circles {
                    server.circles_changed(&host, None).await;
                }
            }));
        }
    }

    async fn prepare_or_complain(self: &Arc<Self>, host: &Arc<Host>) {
        if let Err(error) = self.prepare(host).await {
            tracing::error!(host = %host.domain(), %error, "what features know of a host can't be read");
        }
    }
}
