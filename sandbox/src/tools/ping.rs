//! Ping: echo requests from a node's own kernel, answered by another's.

use super::echo::{Books, Report};
use crate::lab::netns::Netns;
use crate::sys;
use anyhow::{Context, Result};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, recv, sendto, socket,
};
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

/// What to send, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub to: IpAddr,
    pub interval: Duration,
    /// Octets after the ICMP header.
    pub size: usize,
    /// An answer later than this counts as none.
    pub patience: Duration,
}

/// When to end.
#[derive(Clone, Debug)]
pub enum Until {
    /// This many answers in a row, or the deadline.
    InARow(u64, tokio::time::Instant),
    /// This time, whatever happens; then the last answers are waited for.
    Time(tokio::time::Instant),
    /// Somebody says so; then the last answers are waited for.
    Told(watch::Receiver<bool>),
}

/// Tells the pings of this process apart.
static IDENTIFIER: AtomicU16 = AtomicU16::new(1);

/// Pings from a node until the end that was asked for.
///
/// # Errors
/// When the node has no raw sockets. That nobody can be reached is no error, but a result.
pub async fn ping(node: &Netns, plan: Plan, until: Until) -> Result<Report> {
    node.run(move |_| async move { run(plan, until).await }).await?
}

/// Starts a ping that runs beside other things; its report comes when it has ended.
pub async fn start(node: &Netns, plan: Plan, until: Until) -> tokio::sync::oneshot::Receiver<Result<Report>> {
    node.start(move |_| run(plan, until)).await
}

/// Pings from where this process is, until the end that was asked for.
///
/// # Errors
/// When there are no raw sockets here.
pub async fn here(plan: Plan, until: Until) -> Result<Report> {
    run(plan, until).await
}

async fn run(plan: Plan, mut until: Until) -> Result<Report> {
    let socket = sys::watched(open(plan.to)?).context("waiting for a raw socket")?;
    let mut books = Books::new(IDENTIFIER.fetch_add(1, Ordering::Relaxed), plan.patience, Instant::now());
    let mut ticks = tokio::time::interval(plan.interval);
    // After a pause of the machine, one request and not all that were missed.
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let request = books.request(plan.to, plan.size, Instant::now());
                // Unreachable, for example: an unanswered request tells it.
                let _ = send(&socket, plan.to, &request);
                books.expire(Instant::now());
            }
            received = receive(&socket) => {
                books.answer(plan.to, &received?, Instant::now());
                if let Until::InARow(wanted, _) = until && books.report.in_a_row >= wanted {
                    return Ok(books.report);
                }
            }
            () = over(&mut until) => break,
        }
    }
    if !matches!(until, Until::InARow(..)) {
        last_answers(&socket, &mut books, plan.to).await?;
    }
    Ok(books.report)
}

/// Waits until every request has its answer or has waited too long.
async fn last_answers(socket: &AsyncFd<OwnedFd>, books: &mut Books, to: IpAddr) -> Result<()> {
    while let Some(end) = books.patience_ends() {
        match tokio::time::timeout_at(end.into(), receive(socket)).await {
            Ok(received) => drop(books.answer(to, &received?, Instant::now())),
            // A moment later than the last moment in which an answer would have counted.
            Err(_) => books.expire(end + Duration::from_nanos(1)),
        }
    }
    Ok(())
}

async fn over(until: &mut Until) {
    match until {
        Until::InARow(_, deadline) | Until::Time(deadline) => tokio::time::sleep_until(*deadline).await,
        // Whoever could have told is gone: that is the end as well.
        Until::Told(told) => drop(told.wait_for(|told| *told).await),
    }
}

fn open(to: IpAddr) -> Result<OwnedFd> {
    let (family, protocol) = match to {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    socket(family, SockType::Raw, flags, protocol).context("opening a raw socket")
}

fn send(socket: &AsyncFd<OwnedFd>, to: IpAddr, octets: &[u8]) -> nix::Result<usize> {
    let fd = socket.get_ref().as_raw_fd();
    match to {
        IpAddr::V4(v4) => sendto(fd, octets, &SockaddrIn::from(SocketAddrV4::new(v4, 0)), MsgFlags::empty()),
        IpAddr::V6(v6) => {
            sendto(fd, octets, &SockaddrIn6::from(SocketAddrV6::new(v6, 0, 0, 0)), MsgFlags::empty())
        }
    }
}

async fn receive(socket: &AsyncFd<OwnedFd>) -> Result<Vec<u8>> {
    let mut buffer = vec![0; 65_536];
    let received =
        socket.async_io(Interest::READABLE, |fd| Ok(recv(fd.as_raw_fd(), &mut buffer, MsgFlags::empty())?));
    match received.await {
        Ok(length) => buffer.truncate(length),
        // An ICMP error that the kernel reports here; the answer that is missing tells it too.
        Err(_) => buffer.clear(),
    }
    Ok(buffer)
}
