//! The HTTP side: sockets that can be counted and reset, and bodies that are played from a script.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Response, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Sleep;

use super::requests::Request;
use super::script::{Opening, Script, Step};
use super::state::State;

/// Accepts connections for ever; they end with the returned future.
pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(connection(stream, Arc::clone(&state)));
    }
}

/// Serves one connection. That it ends in an error is what some faults are for.
async fn connection(stream: TcpStream, state: Arc<State>) {
    let reset = Arc::new(AtomicBool::new(false));
    let socket = Socket::new(stream, &state.connections, Arc::clone(&reset));
    let service = service_fn(move |request| answer(request, Arc::clone(&state), Arc::clone(&reset)));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

async fn answer(
    request: http::Request<Incoming>,
    state: Arc<State>,
    reset: Arc<AtomicBool>,
) -> Result<Response<Playing>, Broken> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    let (path, query) = path_and_query(&head.uri);
    let script = state.respond(Request { method: head.method, path, query, headers: head.headers, body });
    match script.opening {
        Opening::Now => {}
        Opening::After(pause) => tokio::time::sleep(pause).await,
        Opening::Reset => {
            reset.store(true, Ordering::Relaxed);
            return Err(Broken);
        }
    }
    let mut response = Response::new(Playing::new(Arc::clone(&script), state, reset));
    *response.status_mut() = script.status;
    response.headers_mut().clone_from(&script.headers);
    Ok(response)
}

fn path_and_query(uri: &Uri) -> (String, String) {
    (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned())
}

/// Why a connection is given up: a fault asks for it, or the client is gone.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulator breaks the connection")
    }
}

impl std::error::Error for Broken {}

/// A body that a script is played into.
pub(super) struct Playing {
    script: Arc<Script>,
    next: usize,
    sleep: Option<Pin<Box<Sleep>>>,
    flushed: bool,
    state: Arc<State>,
    reset: Arc<AtomicBool>,
}

impl Playing {
    fn new(script: Arc<Script>, state: Arc<State>, reset: Arc<AtomicBool>) -> Self {
        Self { script, next: 0, sleep: None, flushed: false, state, reset }
    }

    /// Whether what was sent so far had the time to leave hyper's buffer, which an error would discard.
    fn flushed(&mut self, context: &Context<'_>) -> bool {
        if !self.flushed {
            self.flushed = true;
            context.waker().wake_by_ref();
            return false;
        }
        true
    }
}

impl Body for Playing {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        loop {
            if let Some(sleep) = &mut this.sleep {
                ready!(sleep.as_mut().poll(context));
                this.sleep = None;
            }
            match this.script.steps.get(this.next) {
                None => return Poll::Ready(None),
                Some(Step::Send(bytes)) => {
                    let frame = Frame::data(bytes.clone());
                    this.next = this.next.saturating_add(1);
                    return Poll::Ready(Some(Ok(frame)));
                }
                Some(Step::Pause(pause)) => {
                    this.sleep = Some(Box::pin(tokio::time::sleep(*pause)));
                    this.next = this.next.saturating_add(1);
                }
                Some(Step::Stall) => return Poll::Pending,
                Some(step @ (Step::Cut | Step::Reset)) => {
                    let resets = matches!(step, Step::Reset);
                    if !this.flushed(context) {
                        return Poll::Pending;
                    }
                    this.reset.store(resets, Ordering::Relaxed);
                    this.next = usize::MAX;
                    return Poll::Ready(Some(Err(Broken)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.next >= self.script.steps.len()
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        if !self.is_end_stream() {
            self.state.abandoned.send_modify(|count| *count = count.saturating_add(1));
        }
    }
}

/// A connection that is counted while it is open.
struct Socket {
    stream: TcpStream,
    open: watch::Sender<usize>,
    reset: Arc<AtomicBool>,
}

impl Socket {
    fn new(stream: TcpStream, open: &watch::Sender<usize>, reset: Arc<AtomicBool>) -> Self {
        // Without it a small chunk can wait for an acknowledgement that the client delays by 40 ms. It fails where the
        // connection is gone already, which the first read will tell.
        let _ = stream.set_nodelay(true);
        open.send_modify(|count| *count = count.saturating_add(1));
        Self { stream, open: open.clone(), reset }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
        self.open.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    /// A connection that is to be reset is not ended in good order first.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_does_not_delay_and_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let open = watch::Sender::new(0);
        let socket = Socket::new(accepted.unwrap().0, &open, Arc::default());
        assert!(socket.stream.nodelay().unwrap());
        assert_eq!(*open.borrow(), 1);
        drop((socket, client));
        assert_eq!(*open.borrow(), 0);
    }
}
