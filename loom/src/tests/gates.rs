//! The gates of batches, read without a lock while a writer settles them.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use loom::{future::block_on, thread};

use crate::{
    gate::{Gate, Seq},
    model,
    watermark::{Fates, Watermark},
};

impl AsMut<Self> for Fates {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

type Mark = Watermark<Fates>;

/// What the store's writer does with a group: fates under the lock, wakes without it.
fn settle(mark: &Mark, last: u64, failed: &[(u64, u64)]) {
    let failed = failed.iter().map(|(first, last)| (Seq(*first), Seq(*last)));
    let woken = mark.settle(&mut mark.lock(), Seq(last), failed);
    woken.into_iter().for_each(Waker::wake);
}

fn wait(mark: &Mark, seq: Seq) -> Gate {
    let mut ticket = None;
    block_on(poll_fn(|cx: &mut Context<'_>| {
        match mark.wait(seq, &mut ticket, cx.waker()) {
            Gate::Pending => Poll::Pending,
            known => Poll::Ready(known),
        }
    }))
}

#[test]
fn a_failed_batch_never_reads_as_durable() {
    model(|| {
        let mark = Arc::new(Mark::default());
        let writer = thread::spawn({
            let mark = mark.clone();
            move || {
                settle(&mark, 1, &[]);
                settle(&mark, 3, &[(2, 2)]);
            }
        });
        assert_ne!(mark.gate(Seq(2)), Gate::Durable);
        assert_ne!(mark.gate(Seq(3)), Gate::Failed);
        writer.join().expect("the writer ends");
        let fates = [1, 2, 3, 4].map(|seq| mark.gate(Seq(seq)));
        assert_eq!(
            fates,
            [Gate::Durable, Gate::Failed, Gate::Durable, Gate::Pending]
        );
    });
}

#[test]
fn a_gate_changes_once_and_those_before_it_have_changed() {
    model(|| {
        let mark = Arc::new(Mark::default());
        let writer = thread::spawn({
            let mark = mark.clone();
            move || {
                settle(&mark, 1, &[(1, 1)]);
                settle(&mark, 2, &[]);
            }
        });
        let later = mark.gate(Seq(2));
        let earlier = mark.gate(Seq(1));
        if later != Gate::Pending {
            assert_eq!(earlier, Gate::Failed);
            assert_eq!(mark.gate(Seq(2)), later);
        }
        writer.join().expect("the writer ends");
    });
}

#[test]
fn who_waits_is_woken() {
    model(|| {
        let mark = Arc::new(Mark::default());
        let writer = thread::spawn({
            let mark = mark.clone();
            move || settle(&mark, 2, &[(2, 2)])
        });
        let other = thread::spawn({
            let mark = mark.clone();
            move || assert_eq!(wait(&mark, Seq(1)), Gate::Durable)
        });
        assert_eq!(wait(&mark, Seq(2)), Gate::Failed);
        other.join().expect("the other is woken too");
        writer.join().expect("the writer ends");
    });
}

#[test]
fn who_gives_up_waiting_leaves_the_others_alone() {
    model(|| {
        let mark = Arc::new(Mark::default());
        let writer = thread::spawn({
            let mark = mark.clone();
            move || settle(&mark, 1, &[])
        });
        let mut ticket = None;
        let _gate = mark.wait(Seq(1), &mut ticket, Waker::noop());
        if let Some(ticket) = ticket {
            mark.forget_waiter(Seq(1), ticket);
        }
        assert_eq!(wait(&mark, Seq(1)), Gate::Durable);
        writer.join().expect("the writer ends");
    });
}
