//! A connection whose client has to say in time which version of HTTP it speaks.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// The bytes by which HTTP/2 is told from HTTP/1.1 (RFC 9113, section 3.4).
const PREFACE: usize = 24;

/// A stream that fails when its first bytes do not come in time. What follows has limits of its own, but the server only knows which
/// when it has seen these, and waits for them however long they take.
#[derive(Debug)]
pub(crate) struct Prompt<S> {
    inner: S,
    /// The bytes that are still to come, and until when.
    waiting: Option<(usize, Pin<Box<Sleep>>)>,
}

impl<S> Prompt<S> {
    pub(super) fn new(inner: S, limit: Duration) -> Self {
        Self { inner, waiting: Some((PREFACE, Box::pin(tokio::time::sleep(limit)))) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let Some((missing, deadline)) = &mut self.waiting else { return polled };
        match polled {
            Poll::Pending => deadline.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            Poll::Ready(read) => {
                *missing = missing.saturating_sub(buffer.filled().len() - before);
                if *missing == 0 {
                    self.waiting = None;
                }
                Poll::Ready(read)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_only_begins_to_speak_is_let_go() {
        for begun in ["", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
            let (mut client, server) = duplex(64);
            client.write_all(begun.as_bytes()).await.unwrap();
            let mut server = Prompt::new(server, LIMIT);
            let mut heard = Vec::new();
            let ended = server.read_to_end(&mut heard).await;
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert_eq!(heard, begun.as_bytes());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_spoken_may_be_silent() {
        let (mut client, server) = duplex(64);
        client.write_all(&[b'x'; PREFACE]).await.unwrap();
        let mut server = Prompt::new(server, LIMIT);
        let mut heard = [0; PREFACE + 1];
        let ((), read) = tokio::join!(
            async {
                tokio::time::sleep(LIMIT * 2).await;
                client.write_all(b"y").await.unwrap();
            },
            server.read_exact(&mut heard)
        );
        assert_eq!(read.unwrap(), PREFACE + 1);
    }
}
