//! One connected socket, whatever its kind, and the listening ones it may come of.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::target::{Active, Passive};
use super::tls::{Tls, TlsSocket};

/// Handshakes that one listener has under way; further peers wait in its backlog until one ends, which takes at most
/// [`super::tls::HANDSHAKE_TIME_MAX`].
const HANDSHAKES_MAX: usize = 256;
/// Pause after accept(2) failed, for example because there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connected socket.
#[derive(Debug)]
pub enum Stream {
    /// Of the Unix domain.
    Unix(UnixStream),
    /// Of TCP.
    Tcp(TcpStream),
    /// Of TCP, with TLS.
    Tls(Box<TlsSocket>),
}

/// Connects once.
///
/// # Errors
/// What the system said, or `EPROTO` and `ENOPROTOOPT` as [`Tls::connect`] gives them.
pub async fn connect(target: &Active, tls: &Tls) -> io::Result<Stream> {
    match target {
        Active::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        Active::Tcp(address) => TcpStream::connect(address).await.map(plain),
        Active::Tls(address) => {
            tls.check()?;
            let stream = quick(TcpStream::connect(address).await?);
            Ok(Stream::Tls(Box::new(tls.connect(stream, address.ip()).await?)))
        }
    }
}

/// Requests are small and wait for answers.
fn quick(stream: TcpStream) -> TcpStream {
    let _ = stream.set_nodelay(true);
    stream
}

fn plain(stream: TcpStream) -> Stream {
    Stream::Tcp(quick(stream))
}

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    /// Of the Unix domain.
    Unix(UnixListener),
    /// Of TCP.
    Tcp(TcpListener),
    /// Of TCP, with TLS.
    Tls(TcpListener),
}

impl Listener {
    /// Starts listening.
    ///
    /// # Errors
    /// What bind(2) or listen(2) returned.
    pub async fn bind(at: &Passive) -> io::Result<Self> {
        match at {
            Passive::Unix(path) => bind_unix(path).map(Self::Unix),
            Passive::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Passive::Tls(address) => TcpListener::bind(address).await.map(Self::Tls),
        }
    }

    /// Whether what comes of it speaks TLS.
    pub fn is_tls(&self) -> bool {
        match self {
            Self::Unix(_) | Self::Tcp(_) => false,
            Self::Tls(_) => true,
        }
    }

    /// The port, for TCP.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Unix(_) => None,
            Self::Tcp(listener) | Self::Tls(listener) => {
                listener.local_addr().ok().map(|address| address.port())
            }
        }
    }

    /// Waits for one peer, and for its handshake if it is to speak TLS.
    ///
    /// # Errors
    /// What accept(2) returned, or as [`Tls::accept`].
    pub async fn accept(&self, tls: &Tls) -> io::Result<Stream> {
        match self {
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
            Self::Tcp(listener) => listener.accept().await.map(|(stream, _)| plain(stream)),
            Self::Tls(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Stream::Tls(Box::new(tls.accept(quick(stream)).await?)))
            }
        }
    }

    /// Gives every peer to `take`, those of TLS after their handshakes, which do not wait for each other; until `take`
    /// says false. The runtime that this is polled in watches the sockets.
    pub async fn accept_all<F>(mut self, tls: Tls, take: impl Fn(Stream) -> F + Clone + Send + 'static)
    where
        F: Future<Output = bool> + Send,
    {
        let places = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        if let Self::Tls(listener) = self {
            match listener.into_std().and_then(TcpListener::from_std) {
                Ok(listener) => self = Self::Tls(listener),
                Err(error) => return tracing::error!(target: "stream", "a listener is lost ({error})"),
            }
        }
        loop {
            let accepted = match &self {
                Self::Unix(_) | Self::Tcp(_) => self.accept(&tls).await,
                Self::Tls(listener) => {
                    let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                    match listener.accept().await {
                        Ok((stream, _)) => {
                            let (tls, take) = (tls.clone(), take.clone());
                            tokio::spawn(async move {
                                let greeted = tls.accept(quick(stream)).await;
                                drop(place);
                                if let Ok(stream) = greeted {
                                    take(Stream::Tls(Box::new(stream))).await;
                                }
                            });
                            continue;
                        }
                        Err(error) => Err(error),
                    }
                }
            };
            match accepted {
                Ok(stream) => {
                    if !take(stream).await {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(target: "stream", "accept failed: {}", super::os_error(&error));
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Listens at `path` with mode 0750, as upstream does, in place of a stale socket.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o750))?;
    Ok(listener)
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
