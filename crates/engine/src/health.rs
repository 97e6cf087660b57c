//! Whether the server does its work: asked by what restarts it if it does not.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use store::{Batch, Collection, Map, Owner, StoreError, Version};

use crate::server::Server;

/// When the store was last asked whether it takes what it is given.
const HEALTH: Collection<Map<(), i64>> = Collection::new("engine.health", Version(1));

impl Server {
    /// Writes a value, waits until it is durable, and reads it back. Gives how long that took.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn try_store(self: &Arc<Self>) -> Result<Duration, StoreError> {
        let begun = self.environment().now();
        let now = self.environment().timestamp().as_micros();
        let mut batch = Batch::default();
        batch.put(HEALTH, &Owner::Server, &(), &now);
        let seq = self.store().submit(batch);
        self.store().settled(seq).await?;
        self.store().get(HEALTH, &Owner::Server, &()).await?;
        Ok(self.environment().now().saturating_duration_since(begun))
    }

    /// What `future` gives, unless it takes longer than `patience`.
    pub async fn within<T>(
        &self,
        patience: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let environment = self.environment();
        let mut late = environment.sleep_until(environment.now() + patience);
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => late.as_mut().poll(cx).map(|()| None),
        })
        .await
    }
}
