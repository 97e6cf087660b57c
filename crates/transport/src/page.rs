//! One page by HTTP, for programs on this machine that watch the server.
//!
//! Not a web server: one text under one path, one request per connection, and nothing a request says beyond its first
//! line matters. [RFC 9112](https://www.rfc-editor.org/rfc/rfc9112).

use std::{io, net::TcpStream, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};

use crate::{
    limits::{PAGE_PATIENCE, PAGE_REQUEST_BYTES_MAX, PAGE_REQUESTS_MAX},
    listen::{self, Bound},
};

/// What is served.
pub struct Page {
    /// Where: `/metrics`.
    pub path: &'static str,
    /// What it is.
    pub content_type: &'static str,
    /// Makes the text. May take its time: it runs on a thread of its own.
    pub make: Box<dyn Fn() -> String + Send + Sync>,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Serves a page; stops when dropped.
#[derive(Debug)]
pub struct PageServer(JoinHandle<()>);

impl Drop for PageServer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves `page` to whoever connects to `bound`, on the runtime this is called in. Past a few requests at once a
/// connection is closed unanswered.
pub fn serve_page(bound: Bound, page: Arc<Page>) -> PageServer {
    let places = Arc::new(Semaphore::new(PAGE_REQUESTS_MAX));
    PageServer(tokio::spawn(async move {
        let take = move |socket, _| {
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                return;
            };
            let page = Arc::clone(&page);
            tokio::spawn(async move {
                // Whoever asks notices by itself that there is no answer.
                let _ = timeout(PAGE_PATIENCE, answer(socket, page)).await;
                drop(place);
            });
        };
        if let Err(error) = listen::accept(bound.into_listener(), take).await {
            tracing::error!(%error, "a listener for metrics failed; it takes no more requests");
        }
    }))
}

async fn answer(socket: TcpStream, page: Arc<Page>) -> io::Result<()> {
    let mut socket = tokio::net::TcpStream::from_std(socket)?;
    let response = match read_head(&mut socket).await? {
        None => Response::refusal("431 Request Header Fields Too Large", ""),
        Some(head) => match Wanted::of(&head, page.path) {
            Wanted::Page { with_body } => {
                let content_type = page.content_type;
                let made = tokio::task::spawn_blocking(move || (page.make)()).await;
                Response {
                    status: "200 OK",
                    header: format!("Content-Type: {content_type}\r\n"),
                    body: made.map_err(io::Error::other)?,
                    with_body,
                }
            }
            Wanted::Nothing => Response::refusal("404 Not Found", ""),
            Wanted::Change => Response::refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\n"),
            Wanted::Nonsense => Response::refusal("400 Bad Request", ""),
        },
    };
    socket.write_all(response.text().as_bytes()).await?;
    socket.shutdown().await
}

/// The request up to the empty line; `None` when it is too long.
async fn read_head(socket: &mut tokio::net::TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > PAGE_REQUEST_BYTES_MAX {
            return Ok(None);
        }
        match socket.read(&mut buffer).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => head.extend_from_slice(buffer.get(..count).unwrap_or_default()),
        }
    }
    Ok(Some(head))
}

/// What a request asks for.
#[derive(Debug, Eq, PartialEq)]
enum Wanted {
    Page {
        with_body: bool,
    },
    /// Another page than ours.
    Nothing,
    /// Something other than reading.
    Change,
    Nonsense,
}

impl Wanted {
    fn of(head: &[u8], path: &str) -> Self {
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let Ok(line) = std::str::from_utf8(line) else {
            return Self::Nonsense;
        };
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Self::Nonsense;
        };
        let asked = target.split('?').next().unwrap_or_default();
        match method {
            "GET" | "HEAD" if asked != path => Self::Nothing,
            "GET" => Self::Page { with_body: true },
            "HEAD" => Self::Page { with_body: false },
            _ => Self::Change,
        }
    }
}

struct Response {
    status: &'static str,
    header: String,
    body: String,
    with_body: bool,
}

impl Response {
    fn refusal(status: &'static str, header: &str) -> Self {
        Self {
            status,
            header: format!("Content-Type: text/plain\r\n{header}"),
            body: format!("{status}\n"),
            with_body: true,
        }
    }

    fn text(&self) -> String {
        let Self {
            status,
            header,
            body,
            with_body,
        } = self;
        let length = body.len();
        let body = if *with_body { body.as_str() } else { "" };
        format!(
            "HTTP/1.1 {status}\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reading_the_page_is_possible() {
        check("GET /metrics HTTP/1.1", Wanted::Page { with_body: true });
        check(
            "GET /metrics?a=b HTTP/1.0",
            Wanted::Page { with_body: true },
        );
        check("HEAD /metrics HTTP/1.1", Wanted::Page { with_body: false });
        check("GET / HTTP/1.1", Wanted::Nothing);
        check("GET /metrics/x HTTP/1.1", Wanted::Nothing);
        check("POST /metrics HTTP/1.1", Wanted::Change);
        check("GET /metrics", Wanted::Nonsense);
        check("GET /metrics HTTP/2", Wanted::Nonsense);
        check("GET /a b HTTP/1.1", Wanted::Nonsense);
        check("", Wanted::Nonsense);
        check("<stream:stream>", Wanted::Nonsense);
    }

    #[track_caller]
    fn check(line: &str, wanted: Wanted) {
        let head = format!("{line}\r\nHost: localhost\r\n\r\n");
        assert_eq!(Wanted::of(head.as_bytes(), "/metrics"), wanted, "{line}");
    }
}
