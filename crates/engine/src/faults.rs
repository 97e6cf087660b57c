//! Panics end one thing, not the server: a future that panics is over, and says so.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use stanza::{Condition, StanzaError};

/// A handler panicked; the panic's own message is in the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Panicked;

impl Panicked {
    /// What the asker is told.
    pub(crate) fn error(self) -> StanzaError {
        StanzaError::new(Condition::InternalServerError)
    }
}

/// Runs `body`; a panic in it is an error.
pub(crate) fn caught<R>(body: impl FnOnce() -> R) -> Result<R, Panicked> {
    // What `body` borrows is dropped or replaced by the caller when this fails.
    catch_unwind(AssertUnwindSafe(body)).map_err(|_| Panicked)
}

/// A future whose panics are errors. It is not polled again after one.
pub(crate) struct Caught<F>(Option<Pin<Box<F>>>);

impl<F: Future> Caught<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Some(Box::pin(future)))
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else {
            return Poll::Ready(Err(Panicked));
        };
        match caught(|| future.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => {
                self.0 = None;
                Poll::Ready(Ok(output))
            }
            Err(panicked) => {
                self.0 = None;
                Poll::Ready(Err(panicked))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn a_panic_in_a_future_is_an_error() {
        let mut future = Caught::new(async { panic!("on purpose") });
        let mut cx = Context::from_waker(Waker::noop());
        let polled: Poll<Result<(), Panicked>> = Pin::new(&mut future).poll(&mut cx);
        assert_eq!(polled, Poll::Ready(Err(Panicked)));
    }
}
