//! A server on loopback that answers every request with the same bytes, as fast as it can: what is measured is the
//! client.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Starts the server on a thread of its own: its address.
pub(crate) fn start(content_type: &str, body: &str) -> String {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n", body.len());
    let answer: Arc<[u8]> = [head.as_bytes(), body.as_bytes()].concat().into();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((socket, _)) = listener.accept().await {
                socket.set_nodelay(true).unwrap();
                tokio::spawn(serve(socket, Arc::clone(&answer)));
            }
        });
    });
    format!("http://{address}")
}

async fn serve(mut socket: TcpStream, answer: Arc<[u8]>) {
    let mut read = Vec::with_capacity(4096);
    loop {
        let ready = loop {
            if let Some(length) = request(&read) {
                break length;
            }
            if socket.read_buf(&mut read).await.is_ok_and(|n| n > 0) {
                continue;
            }
            return;
        };
        read.drain(..ready);
        if socket.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// The length of the first request, once it is all there.
fn request(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&read[..head]).ok()?.to_ascii_lowercase();
    let length = text.split("content-length: ").nth(1)?.split("\r\n").next()?.parse::<usize>().ok()?;
    (read.len() >= head + length).then_some(head + length)
}
