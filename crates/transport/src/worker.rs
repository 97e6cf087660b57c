//! Workers: one thread with one current-thread runtime each.
//!
//! A connection stays on the worker it was given to. This file and `transport.rs` are all that
//! would change for another flavour of runtime.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    thread::{self, JoinHandle},
};

use tokio::{
    runtime::{Builder, Handle},
    sync::{Notify, mpsc},
};

use crate::{
    clock,
    connection::{Arrival, Driver},
    drive::{Drive, MakeConnection},
    inbox::Inbox,
    load::Load,
    timer,
    tls::TlsAcceptor,
    wake,
};

thread_local! {
    /// The tasks of this worker's connections, to wake them all when it stops.
    static LIVE: RefCell<BTreeMap<u64, Waker>> = const { RefCell::new(BTreeMap::new()) };
}

/// What a worker's connections share.
#[derive(Debug)]
pub(crate) struct WorkerShared {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) tls: Arc<TlsAcceptor>,
    pub(crate) load: Load,
    /// Connections on their way to the worker or on it.
    connections: AtomicUsize,
    stopping: AtomicBool,
    /// Told whenever a connection ended while stopping.
    ended: Notify,
}

impl WorkerShared {
    /// Whether connections are to be closed.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

enum Order {
    Take(Box<Arrival>),
    /// Wake every connection so that it sees that we are stopping.
    Rouse,
    /// End the thread, whatever still runs.
    End,
}

/// A handle to one worker.
#[derive(Debug)]
pub(crate) struct Worker {
    shared: Arc<WorkerShared>,
    orders: mpsc::UnboundedSender<Order>,
    runtime: Handle,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Worker {
    /// Starts worker `number`.
    pub(crate) fn start<M: MakeConnection>(
        number: usize,
        maker: Arc<M>,
        tls: Arc<TlsAcceptor>,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .thread_name(format!("compute-{number}"))
            .on_thread_park(wake::deliver)
            .build()?;
        let handle = runtime.handle().clone();
        let shared = Arc::new(WorkerShared {
            inbox: Inbox::new(number),
            tls,
            load: Load::default(),
            connections: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            ended: Notify::new(),
        });
        let (orders, received) = mpsc::unbounded_channel();
        let for_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || {
                let _guard = EndsProcess;
                wake::become_worker(number);
                runtime.block_on(run(received, maker, for_thread));
                runtime.shutdown_background();
            })?;
        Ok(Self {
            shared,
            orders,
            runtime: handle,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// How many connections it has, or will have in a moment.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// What it has done.
    pub(crate) fn load(&self) -> &Load {
        &self.shared.load
    }

    /// Gives it a connection.
    pub(crate) fn take(&self, arrival: Arrival) {
        self.shared.connections.fetch_add(1, Ordering::Relaxed);
        if self.orders.send(Order::Take(Box::new(arrival))).is_err() {
            self.shared.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Where tasks and CPU-heavy jobs can be put.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Tells every connection to close.
    pub(crate) fn stop_connections(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // A worker that is gone has no connections to tell.
        let _ = self.orders.send(Order::Rouse);
    }

    /// Completes when no connection is left; only after [`stop_connections`](Self::stop_connections).
    pub(crate) async fn drained(&self) {
        loop {
            let ended = self.shared.ended.notified();
            if self.connections() == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Ends the thread, whatever still runs on it, and waits for it.
    pub(crate) fn end(&self) {
        // It may have ended already.
        let _ = self.orders.send(Order::End);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// The worker's own task.
async fn run<M: MakeConnection>(
    mut orders: mpsc::UnboundedReceiver<Order>,
    maker: Arc<M>,
    shared: Arc<WorkerShared>,
) {
    tokio::spawn(timer::run());
    tokio::spawn(wake::run(Arc::clone(&shared.inbox)));
    while let Some(order) = orders.recv().await {
        match order {
            Order::Take(arrival) => take(*arrival, &*maker, &shared),
            Order::Rouse => LIVE.with_borrow(|live| live.values().for_each(Waker::wake_by_ref)),
            Order::End => return,
        }
    }
}

fn take<M: MakeConnection>(arrival: Arrival, maker: &M, shared: &Arc<WorkerShared>) {
    let ticket = Ticket {
        shared: Arc::clone(shared),
        id: arrival.peer.id,
    };
    let now = clock::now();
    let drive = maker.make(&arrival.peer, now);
    let id = arrival.peer.id;
    match Driver::new(arrival, drive, Arc::clone(shared), now) {
        Ok(driver) => {
            tokio::spawn(Driven {
                driver,
                ticket,
                registered: false,
            });
        }
        Err(error) => tracing::debug!(connection = id, %error, "connection not taken over"),
    }
}

/// A connection's task: the driver, registered while it runs.
struct Driven<D: Drive> {
    driver: Driver<D>,
    ticket: Ticket,
    registered: bool,
}

impl<D: Drive> Future for Driven<D> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if !this.registered {
            this.registered = true;
            LIVE.with_borrow_mut(|live| live.insert(this.ticket.id, cx.waker().clone()));
        }
        Pin::new(&mut this.driver).poll(cx)
    }
}

/// A connection's place in its worker's count and register.
struct Ticket {
    shared: Arc<WorkerShared>,
    id: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // The register is gone when the thread is being torn down.
        let task = LIVE.try_with(|live| live.borrow_mut().remove(&self.id));
        drop(task);
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
        if self.shared.is_stopping() {
            self.shared.ended.notify_waiters();
        }
    }
}

/// A lost worker would leave its connections hanging: the process ends instead.
struct EndsProcess;

impl Drop for EndsProcess {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("a worker thread was lost; the process ends");
            std::process::abort();
        }
    }
}
