//! A network namespace with a thread that lives in it.
//!
//! Entering a namespace is a property of a thread, so whatever must happen inside (netlink, opening sockets,
//! starting processes) is sent as a job to the one thread that never leaves. The namespace has no name on the
//! host: it lives as long as this process holds it.

use super::netlink::Net;
use anyhow::{Context, Result};
use nix::mount::MsFlags;
use nix::sched::{CloneFlags, unshare};
use std::future::Future;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

type Job = Box<dyn FnOnce(Net) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// Jobs that wait for the thread; more wait at the sender.
const JOBS_MAX: usize = 64;

/// A network namespace and its thread. Clones are the same namespace; the thread ends with the last of them.
#[derive(Clone)]
pub struct Netns {
    name: Arc<str>,
    namespace: Arc<netns_rs::NetNs>,
    jobs: mpsc::Sender<Job>,
}

impl Netns {
    /// A new namespace with `lo` up. With `names`, a directory, the namespace is also bound to `names/NAME` there,
    /// where `ip netns` looks for it.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn create(name: &str, names: Option<&Path>) -> Result<Self> {
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        let (ready, is_ready) = oneshot::channel();
        let bind = names.map(|dir| dir.join(name));
        std::thread::Builder::new()
            .name(format!("ns-{name}"))
            .stack_size(512 << 10)
            .spawn(move || live(bind.as_deref(), ready, queue))
            .context("starting a thread")?;
        let namespace = is_ready.await.context("the namespace's thread ended")?;
        let namespace = namespace.with_context(|| format!("making network namespace {name}"))?;
        Ok(Self { name: name.into(), namespace: Arc::new(namespace), jobs })
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace, to move interfaces into it or to enter it.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.namespace.file().as_fd()
    }

    /// Runs a job inside and waits for what it returns.
    ///
    /// # Errors
    /// When the job panicked.
    pub async fn run<T, F>(&self, job: impl FnOnce(Net) -> F + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        self.start(job).await.await.with_context(|| format!("a job in {} failed", self.name))
    }

    /// Starts a job inside; what it returns comes later.
    pub async fn start<T, F>(&self, job: impl FnOnce(Net) -> F + Send + 'static) -> oneshot::Receiver<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let job: Job = Box::new(move |net| {
            Box::pin(async move {
                // Nobody may be waiting any more; the job was done all the same.
                let _ = answer.send(job(net).await);
            })
        });
        // When the thread has ended, the receiver says so.
        let _ = self.jobs.send(job).await;
        receiver
    }
}

/// The thread: makes the namespace, says so, and does jobs until nobody can send any.
fn live(
    bind: Option<&Path>,
    ready: oneshot::Sender<Result<netns_rs::NetNs>>,
    mut queue: mpsc::Receiver<Job>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return drop(ready.send(Err(e.into()))),
    };
    let namespace = match enter_new(bind) {
        Ok(namespace) => namespace,
        Err(e) => return drop(ready.send(Err(e))),
    };
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let net = match Net::open() {
            Ok(net) => net,
            Err(e) => return drop(ready.send(Err(e))),
        };
        let up = net.up("lo").await;
        if ready.send(up.map(|()| namespace)).is_err() {
            return;
        }
        while let Some(job) = queue.recv().await {
            tokio::task::spawn_local(job(net.clone()));
        }
    });
}

fn enter_new(bind: Option<&Path>) -> Result<netns_rs::NetNs> {
    const MINE: &str = "/proc/thread-self/ns/net";
    unshare(CloneFlags::CLONE_NEWNET).context("unshare(CLONE_NEWNET)")?;
    if let Some(path) = bind {
        std::fs::File::create(path).with_context(|| format!("creating {}", path.display()))?;
        nix::mount::mount(Some(MINE), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
            .with_context(|| format!("binding a namespace to {}", path.display()))?;
    }
    Ok(netns_rs::get_from_path(MINE)?)
}
