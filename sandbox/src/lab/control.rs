//! How commands reach a running lab: requests over the socket in its home, a line of JSON each.

use super::capture::{self, Begun, Place, Writing};
use super::world::Lab;
use anyhow::{Context, Result, bail};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::rc::Rc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// Longest request, in octets.
const REQUEST_MAX: u64 = 64 << 10;

/// What a command asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// End.
    Down,
    /// Say what there is.
    Inspect,
    /// Give the namespaces of a node, to run something in it.
    Enter { node: String },
    /// Record frames and send them, until the connection ends.
    Capture { at: Place },
}

/// What the lab answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Error(String),
    /// The lab ends now.
    Ending,
    /// See [`super::inspect`].
    Inspected(Box<super::inspect::Inspected>),
    /// A pcapng file follows, as it grows, until the end of the connection.
    Capturing,
    /// The namespaces come with this message, in the order named here.
    Entry {
        namespaces: Vec<Namespace>,
        environment: Vec<(String, OsString)>,
        dir: PathBuf,
    },
}

/// A kind of namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespace {
    User,
    Mount,
    Process,
    Network,
}

/// Serves requests for as long as the lab lives.
pub async fn serve(listener: UnixListener, lab: Rc<Lab>, end: watch::Sender<bool>) {
    loop {
        // Out of descriptors, for example: the next one may have more luck.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (lab, end) = (lab.clone(), end.clone());
        tokio::task::spawn_local(async move {
            // The command has gone, which is its own affair.
            let _ = answer(stream, &lab, &end).await;
        });
    }
}

async fn answer(stream: UnixStream, lab: &Rc<Lab>, end: &watch::Sender<bool>) -> Result<()> {
    use tokio::io::AsyncReadExt;
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if (&mut stream).take(REQUEST_MAX).read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let (reply, descriptors) = match serde_json::from_str(&line) {
            Ok(Request::Capture { at }) => match capture::begin(lab, &at).await {
                Ok(begun) => return record(stream.into_inner(), &begun).await,
                Err(e) => (Reply::Error(format!("{e:#}")), Vec::new()),
            },
            Ok(request) => {
                handle(lab, request).await.unwrap_or_else(|e| (Reply::Error(format!("{e:#}")), Vec::new()))
            }
            Err(e) => (Reply::Error(format!("bad request: {e}")), Vec::new()),
        };
        send(stream.get_mut(), &reply, &descriptors).await?;
        if matches!(reply, Reply::Ending) {
            end.send_replace(true);
        }
    }
}

/// Sends a capture as it grows, until either end is gone.
async fn record(mut stream: UnixStream, begun: &Begun) -> Result<()> {
    use tokio::io::AsyncReadExt;
    send(&mut stream, &Reply::Capturing, &[]).await?;
    let (mut from, mut to) = stream.split();
    let mut writing = Writing::new(&begun.capture)?;
    to.write_all(&writing.stream.take()).await?;
    let frames = async {
        while let Some(octets) = writing.next(&begun.capture).await? {
            to.write_all(&octets).await?;
        }
        anyhow::Ok(())
    };
    // Who asked says no more; reading shows that he is gone, even when no frame comes.
    let mut nothing = [0];
    tokio::select! {
        result = frames => result,
        _ = from.read(&mut nothing) => Ok(()),
    }
}

async fn handle(lab: &Rc<Lab>, request: Request) -> Result<(Reply, Vec<OwnedFd>)> {
    Ok(match request {
        Request::Down => (Reply::Ending, Vec::new()),
        Request::Capture { .. } => bail!("a capture is answered otherwise"),
        Request::Inspect => (Reply::Inspected(Box::new(super::inspect::inspect(lab).await)), Vec::new()),
        Request::Enter { node } => {
            let node = lab.node(&node)?;
            let mut namespaces = vec![Namespace::User, Namespace::Mount, Namespace::Process];
            let mut descriptors = Vec::new();
            for name in ["user", "mnt", "pid"] {
                let path = format!("/proc/self/ns/{name}");
                descriptors
                    .push(OwnedFd::from(File::open(&path).with_context(|| format!("opening {path}"))?));
            }
            namespaces.push(Namespace::Network);
            descriptors.push(node.netns.fd().try_clone_to_owned().context("sharing a namespace")?);
            let environment = lab.files.environment(&node.name);
            (Reply::Entry { namespaces, environment, dir: lab.files.node(&node.name) }, descriptors)
        }
    })
}

/// Sends a line, descriptors with its first octet.
async fn send(stream: &mut UnixStream, reply: &Reply, descriptors: &[OwnedFd]) -> Result<()> {
    let mut line = serde_json::to_vec(reply).context("writing a reply")?;
    line.push(b'\n');
    if descriptors.is_empty() {
        return stream.write_all(&line).await.context("replying");
    }
    let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let sent = stream
        .async_io(Interest::WRITABLE, || {
            let rights = [ControlMessage::ScmRights(&raw)];
            let parts = [IoSlice::new(&line)];
            sendmsg::<()>(stream.as_fd().as_raw_fd(), &parts, &rights, MsgFlags::empty(), None)
                .map_err(std::io::Error::from)
        })
        .await
        .context("replying")?;
    stream.write_all(&line[sent..]).await.context("replying")
}
