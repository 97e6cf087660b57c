//! The running server's side: a Unix socket that only the operator's user can open.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use engine::{
    Server,
    command::{AdminContext, Audience, Control, Outcome, Who},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
    sync::{Mutex, Semaphore},
};

use super::request::{Answer, Request};
use crate::data_folder;

/// The longest request.
const REQUEST_BYTES_MAX: u64 = 64 * 1024;
/// How long a connection may say nothing.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How many requests may be under way at once; more wait.
const REQUESTS_MAX: u32 = 1_000;
/// How long a stop waits for requests that are under way.
const FINISH_MAX: Duration = Duration::from_secs(2);
/// The pause after an accept that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The socket; removed when dropped.
#[derive(Debug)]
pub(crate) struct AdminSocket {
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
    /// As many places as requests may be under way, which is many.
    places: Arc<Semaphore>,
}

impl AdminSocket {
    /// Takes no more requests, and lets those under way be answered.
    pub(crate) async fn finish(self) {
        self.task.abort();
        let all = self.places.acquire_many(REQUESTS_MAX);
        // Who needs longer hears that the connection ended.
        let _ = tokio::time::timeout(FINISH_MAX, all).await;
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        self.task.abort();
        // A missing socket is what we want.
        let _ = fs::remove_file(&self.path);
    }
}

/// Listens in the data folder, which this process has locked: a socket that is there already was
/// left by a crash.
///
/// # Errors
///
/// What the system says; a path of over about 100 bytes is one reason.
pub(crate) fn listen(
    data: &Path,
    server: Arc<Server>,
    control: Arc<dyn Control>,
) -> io::Result<AdminSocket> {
    let path = data_folder::socket(data);
    if let Err(error) = fs::remove_file(&path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    let cx = AdminContext::new(server, Who::Operator, Some(control));
    let places = Arc::new(Semaphore::new(REQUESTS_MAX as usize));
    let shared = Arc::clone(&places);
    let task = tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(serve(stream, cx.clone(), Arc::clone(&shared)));
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin socket cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
    Ok(AdminSocket { path, task, places })
}

/// Answers one connection's requests, a line each.
async fn serve(stream: UnixStream, cx: AdminContext, places: Arc<Semaphore>) {
    let (input, output) = stream.into_split();
    let output = Arc::new(Listener(Mutex::new(output)));
    let mut input = BufReader::new(input);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut input).take(REQUEST_BYTES_MAX);
        let read = tokio::time::timeout(IDLE_MAX, bounded.read_until(b'\n', &mut line)).await;
        if !matches!(read, Ok(Ok(count)) if count > 0) {
            return;
        }
        let request = serde_json::from_slice::<Request>(&line);
        let is_live = request.as_ref().is_ok_and(Request::is_live);
        // Held until the answer is sent. What is live has no end of its own.
        let _place = match is_live {
            true => None,
            false => places.acquire().await.ok(),
        };
        let answer = match request {
            Ok(request) if is_live => {
                let cx = cx.clone().with_audience(output.clone());
                tokio::select! {
                    answer = request.run(cx) => answer,
                    // Whoever asked has seen enough.
                    _ = input.fill_buf() => return,
                }
            }
            Ok(request) => request.run(cx.clone()).await,
            Err(error) => Answer::Error(format!("the request is not understood: {error}")),
        };
        if !output.send(&answer).await {
            return;
        }
    }
}

/// Who asked, and hears what comes of it.
struct Listener(Mutex<OwnedWriteHalf>);

impl Listener {
    /// Sends a line; `false` when nobody is there any more.
    async fn send(&self, answer: &Answer) -> bool {
        let Ok(mut bytes) = serde_json::to_vec(answer) else {
            return false;
        };
        bytes.push(b'\n');
        self.0.lock().await.write_all(&bytes).await.is_ok()
    }
}

impl Audience for Listener {
    fn hear(&self, said: Outcome) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(async move { self.send(&Answer::said(said)).await })
    }
}
