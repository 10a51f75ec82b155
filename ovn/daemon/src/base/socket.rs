//! Plain sockets, and what waits to be written to a peer.
//!
//! A server with a thousand clients spends its time in system calls and in what wakes it. So a socket is watched for
//! bytes that arrive only: whether it takes more is asked by writing, and watched on a second descriptor only while
//! a peer does not read. What is sent within one round of the daemon's loop is written at its end, one system call a
//! peer; a task of its own gets only what does not fit, and what is yet to be made.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};

use nix::sys::socket::{MsgFlags, send};
use ovsdb::rpc::{Frame, Piece, Pieces, ToBeMade};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, Interest, ReadBuf};
use tokio::sync::{Semaphore, mpsc};

use crate::sys;

/// Most bytes that one reading gives.
pub(super) const CHUNK: usize = 64 << 10;
/// Most pieces of messages that one writing takes.
const SLICES_MAX: usize = 64;

/// The pieces of frames that are made at a time, so that making them leaves the machine to others.
static MAKERS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2))));

thread_local! {
    /// What was read last, until it is cut to its length: thousands of idle connections need no buffers.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into());
}

/// A connected socket without encryption.
#[derive(Debug)]
pub(super) enum Plain {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Plain {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => (&*stream).read(buffer),
            Self::Tcp(stream) => (&*stream).read(buffer),
        }
    }

    fn write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if let [only] = pieces {
            // Less work for the system than the general form.
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            return Ok(send(self.as_raw_fd(), only, flags)?);
        }
        match self {
            Self::Unix(stream) => (&*stream).write_vectored(pieces),
            Self::Tcp(stream) => (&*stream).write_vectored(pieces),
        }
    }

    /// Another descriptor of the same socket.
    fn again(&self) -> io::Result<Self> {
        match self {
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
        }
    }
}

impl AsRawFd for Plain {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Unix(stream) => stream.as_raw_fd(),
            Self::Tcp(stream) => stream.as_raw_fd(),
        }
    }
}

/// A plain socket, watched for bytes that arrive.
#[derive(Debug)]
pub(super) struct Socket(AsyncFd<Plain>);

impl Socket {
    /// Begins to watch a socket, which must not block.
    pub(super) fn new(plain: Plain) -> io::Result<Self> {
        sys::watch_for(plain, Interest::READABLE).map(Self)
    }

    /// Waits for bytes; none are the end.
    pub(super) async fn read(&self) -> io::Result<Vec<u8>> {
        loop {
            let mut ready = self.0.readable().await?;
            let read = BUFFER.with_borrow_mut(|buffer| {
                let read = ready.try_io(|socket| socket.get_ref().read(buffer));
                read.map(|read| read.map(|length| buffer[..length].to_vec()))
            });
            match read {
                Err(_would_block) => {}
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Ok(bytes)) => {
                    if !bytes.is_empty() && bytes.len() < CHUNK {
                        // There was no more; asking again would only say so.
                        ready.clear_ready();
                    }
                    return Ok(bytes);
                }
                Ok(Err(error)) => return Err(error),
            }
        }
    }
}

/// Waits for bytes of a stream; none are the end.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    poll_fn(|cx| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer))?;
            Poll::Ready(Ok(buffer.filled().to_vec()))
        })
    })
    .await
}

/// The writing side of a [`Socket`] for a task that waits until all is written.
pub(super) struct Writer {
    socket: Arc<Socket>,
    /// Watched for room while the peer does not read.
    room: Option<AsyncFd<Plain>>,
}

impl Writer {
    pub(super) fn new(socket: Arc<Socket>) -> Self {
        Self { socket, room: None }
    }
}

impl AsyncWrite for Writer {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let writer = self.get_mut();
        loop {
            let Some(room) = &writer.room else {
                match writer.socket.0.get_ref().write(pieces) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        let again = writer.socket.0.get_ref().again()?;
                        writer.room = Some(sys::watch_for(again, Interest::WRITABLE)?);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    written => return Poll::Ready(written),
                }
                continue;
            };
            let mut ready = ready!(room.poll_write_ready(cx))?;
            if let Ok(written) = ready.try_io(|room| room.get_ref().write(pieces)) {
                return Poll::Ready(written);
            }
        }
    }

    /// Everything written is with the kernel; so nothing watches for room any more.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().room = None;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Something to send.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// These bytes.
    Bytes(Arc<[u8]>),
    /// A message, whose bulk may be shared or yet to be made.
    Frame(Frame),
}

impl From<Vec<u8>> for Outgoing {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Frame> for Outgoing {
    fn from(frame: Frame) -> Self {
        Self::Frame(frame)
    }
}

impl Outgoing {
    /// Its length as far as it is made.
    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Frame(frame) => frame.byte_count(),
        }
    }

    /// Its bytes in order; nothing if some are yet to be made.
    fn made(&self) -> Option<[&[u8]; 3]> {
        match self {
            Self::Bytes(bytes) => Some([bytes, &[], &[]]),
            Self::Frame(frame) => frame.pieces(),
        }
    }
}

/// Something to send, and how many of its bytes have been written.
#[derive(Debug)]
pub(super) struct Item {
    what: Outgoing,
    written: usize,
}

/// How much waits for one peer.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    bytes: AtomicUsize,
    /// Whether somebody wants to hear when most of it is written.
    watched: AtomicBool,
}

impl Waiting {
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether at most `few` bytes wait. If not, [`Waiting::wrote`] will tell when.
    pub(super) fn has_at_most(&self, few: usize) -> bool {
        let is_few = self.bytes() <= few;
        if !is_few {
            self.watched.store(true, Ordering::Relaxed);
        }
        is_few
    }

    /// So many bytes are written. Says whether somebody wanted to hear that at most `few` are left, and they are.
    pub(super) fn wrote(&self, bytes: usize, few: usize) -> bool {
        let left = self.bytes.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        left <= few && self.watched.swap(false, Ordering::Relaxed)
    }
}

/// What waits for one peer.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Of this round.
    fresh: VecDeque<Item>,
    fresh_bytes: usize,
    /// Where the task that writes gets what did not fit.
    task: mpsc::UnboundedSender<Item>,
    /// Counts both.
    waiting: Arc<Waiting>,
    /// The socket, if it can be written to from here.
    socket: Option<Arc<Socket>>,
}

impl Outbox {
    /// An outbox, and what its task needs.
    pub(super) fn new(socket: Option<Arc<Socket>>) -> (Self, mpsc::UnboundedReceiver<Item>, Arc<Waiting>) {
        let (task, items) = mpsc::unbounded_channel();
        let waiting = Arc::new(Waiting::default());
        let (fresh, fresh_bytes) = (VecDeque::new(), 0);
        (Self { fresh, fresh_bytes, task, waiting: waiting.clone(), socket }, items, waiting)
    }

    /// Adds something. Says whether it is the first since [`Outbox::flush`].
    pub(super) fn push(&mut self, what: Outgoing) -> bool {
        let length = what.len();
        self.waiting.bytes.fetch_add(length, Ordering::Relaxed);
        self.fresh_bytes += length;
        self.fresh.push_back(Item { what, written: 0 });
        self.fresh.len() == 1
    }

    /// Another descriptor of the socket, if nothing waits for it.
    pub(super) fn duplicate(&self) -> Option<OwnedFd> {
        let socket = self.socket.as_ref().filter(|_| self.waiting.bytes() == 0)?;
        Some(match socket.0.get_ref().again().ok()? {
            Plain::Unix(stream) => stream.into(),
            Plain::Tcp(stream) => stream.into(),
        })
    }

    pub(super) fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Writes what the socket takes, and leaves the rest to the task.
    pub(super) fn flush(&mut self) {
        let is_task_idle = self.waiting.bytes() == self.fresh_bytes;
        if let Some(socket) = self.socket.as_ref().filter(|_| is_task_idle) {
            while write_some(&socket.0, &mut self.fresh, &self.waiting) {}
        }
        for item in self.fresh.drain(..) {
            // The task ends only together with the connection, whose end is an event of its own.
            let _ = self.task.send(item);
        }
        self.fresh_bytes = 0;
    }
}

/// Writes items from the front, once. Says whether there are more to write and the socket takes more.
fn write_some(socket: &AsyncFd<Plain>, items: &mut VecDeque<Item>, waiting: &Waiting) -> bool {
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let mut count = 0;
    let mut length = 0;
    for item in items.iter() {
        let Some(pieces) = item.what.made().filter(|pieces| count + pieces.len() <= SLICES_MAX) else {
            break;
        };
        for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
            slices[count] = IoSlice::new(piece);
            count += 1;
            length += piece.len();
        }
    }
    if count == 0 {
        return false;
    }
    let Ok(mut written) = socket.get_ref().write(&slices[..count]) else { return false };
    let is_all = written == length;
    while let Some(item) = items.front_mut() {
        let whole = item.what.len();
        if whole > written || item.what.made().is_none() {
            item.written = written;
            break;
        }
        written -= whole;
        // Whoever watches has asked after the last flush, which left nothing in this queue.
        waiting.bytes.fetch_sub(whole, Ordering::Relaxed);
        items.pop_front();
    }
    is_all && !items.is_empty()
}

/// Writes items until there are no more, and calls `wrote` with the length of what is done.
pub(super) async fn write_all(
    mut stream: impl AsyncWrite + Unpin,
    mut items: mpsc::UnboundedReceiver<Item>,
    mut wrote: impl AsyncFnMut(usize),
) {
    let mut batch = Vec::new();
    while items.recv_many(&mut batch, SLICES_MAX / 3).await > 0 {
        let mut rest = &batch[..];
        while let [first, others @ ..] = rest {
            let made = rest.iter().take_while(|item| item.what.made().is_some()).count();
            let (done, left) =
                if made == 0 { (std::slice::from_ref(first), others) } else { rest.split_at(made) };
            let written = if made == 0 {
                write_made(&mut stream, first).await
            } else {
                write_items(&mut stream, done).await
            };
            if written.is_err() {
                // The reader sees a broken connection too, and reports it.
                return;
            }
            wrote(done.iter().map(|item| item.what.len()).sum()).await;
            rest = left;
        }
        batch.clear();
        if items.is_empty() && stream.flush().await.is_err() {
            return;
        }
    }
}

/// Writes items that are made, as few times as the stream allows.
async fn write_items(stream: &mut (impl AsyncWrite + Unpin), items: &[Item]) -> io::Result<()> {
    let written: usize = items.iter().map(|item| item.written).sum();
    let pieces = items.iter().filter_map(|item| item.what.made()).flatten();
    let mut slices: Vec<IoSlice<'_>> = pieces.filter(|piece| !piece.is_empty()).map(IoSlice::new).collect();
    let mut slices = &mut slices[..];
    // Only the first item may have been begun.
    IoSlice::advance_slices(&mut slices, written);
    while !slices.is_empty() {
        let written = stream.write_vectored(slices).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut slices, written);
    }
    Ok(())
}

/// Makes an item while it is written.
async fn write_made(stream: &mut (impl AsyncWrite + Unpin), item: &Item) -> io::Result<()> {
    let Outgoing::Frame(frame) = &item.what else { return Ok(()) };
    let Some(ToBeMade { head, pieces, tail }) = frame.to_be_made() else { return Ok(()) };
    stream.write_all(head).await?;
    let mut index = 0;
    while let Some(piece) = make(pieces, index).await? {
        stream.write_all(&piece).await?;
        index += 1;
    }
    stream.write_all(tail).await
}

/// A piece of a frame, made on a thread of its own unless it is at hand.
async fn make(pieces: &Arc<dyn Pieces>, index: usize) -> io::Result<Option<Piece>> {
    if let Some(piece) = pieces.made(index) {
        return Ok(Some(piece));
    }
    let permit = MAKERS.acquire().await.map_err(io::Error::other)?;
    let pieces = Arc::clone(pieces);
    let piece = tokio::task::spawn_blocking(move || pieces.piece(index)).await.map_err(io::Error::other);
    drop(permit);
    piece
}
