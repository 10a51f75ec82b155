//! The threads on which TLS is spoken: a handshake takes a millisecond of the machine, and a thousand of them, or the
//! encryption of a large database, leave the daemon's loop alone. They are there from the first use of TLS on.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

static RUNTIME: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    // Half of the processors: the loop has work too.
    let count = std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2));
    let built = Builder::new_multi_thread().worker_threads(count).thread_name("tls").enable_all().build();
    built
        .inspect_err(
            |error| tracing::warn!(target: "stream_ssl", "no threads, so the loop encrypts ({error})"),
        )
        .ok()
});

/// Runs a task there. What it makes of sockets is to be made in it, so that these threads watch them.
pub fn spawn<F>(task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    match &*RUNTIME {
        Some(runtime) => runtime.spawn(task),
        None => tokio::spawn(task),
    }
}
