//! The control socket of a daemon: JSON-RPC over a Unix socket, method = command, params = strings (`ovs-appctl`).
//!
//! One task a connection reads requests and hands each to the daemon's loop as a [`Command`], so that commands run
//! between two events of the core and see it whole. Bounds: [`CLIENTS_MAX`] connections, [`REQUEST_BYTES_MAX`] a request;
//! whoever breaks them, or sends what is not a request, is disconnected.

use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ovsdb::rpc::{Framer, Message};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{RwLock, Semaphore, mpsc, oneshot};

/// Connections served at a time; further ones wait.
pub const CLIENTS_MAX: usize = 64;
/// Longest request.
pub const REQUEST_BYTES_MAX: usize = 4 << 20;
/// How long a daemon that ends waits for its last answers to be on their way.
const LINGER_MAX: Duration = Duration::from_secs(1);

/// What a command may be given.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Its name.
    pub name: &'static str,
    /// Its arguments as `list-commands` shows them.
    pub usage: &'static str,
    /// Fewest arguments.
    pub min: usize,
    /// Most arguments.
    pub max: usize,
}

/// Short for a [`Spec`].
pub const fn spec(name: &'static str, usage: &'static str, min: usize, max: usize) -> Spec {
    Spec { name, usage, min, max }
}

/// A request that waits for its answer.
#[derive(Debug)]
pub struct Command {
    /// Its name, which the daemon knows.
    pub name: &'static str,
    /// Its arguments, as many as it allows.
    pub args: Vec<String>,
    reply: oneshot::Sender<Result<String, String>>,
}

impl Command {
    /// Answers. A client that went away does not hear it.
    pub fn reply(self, outcome: Result<String, String>) {
        let _ = self.reply.send(outcome);
    }
}

/// The listening socket; removed when dropped.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    /// Device and inode.
    file: Option<(u64, u64)>,
    answering: Answering,
}

impl Socket {
    /// What is to be waited for at the end.
    pub fn answering(&self) -> Answering {
        self.answering.clone()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // A process that took this one's place may have its own there.
        if file_at(&self.path) == self.file {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Device and inode of the file at `path`.
pub fn file_at(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// The requests that are being answered.
#[derive(Clone, Debug, Default)]
pub struct Answering(Arc<RwLock<()>>);

impl Answering {
    /// Waits until every request that has come is answered, for a second at most; none is taken any more. Without it
    /// the end of the process would overtake the answer to the command that asked for it.
    pub async fn settle(self) {
        // Who does not read its answer goes without.
        let _ = tokio::time::timeout(LINGER_MAX, self.0.write()).await;
    }
}

/// Listens at `path` for the commands in `specs`; `answering` is to be waited for at the end.
///
/// # Errors
/// What binding the socket returned.
pub fn listen(
    path: &Path,
    specs: Arc<[Spec]>,
    sender: mpsc::Sender<Command>,
    answering: &Answering,
) -> io::Result<Socket> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    let own = answering.clone();
    let answering = answering.clone();
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    tokio::spawn(async move {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else { continue };
            let (specs, sender, answering) = (Arc::clone(&specs), sender.clone(), answering.clone());
            tokio::spawn(async move {
                // Whatever broke the conversation, the client sees it closed.
                let _ = serve(stream, &specs, &sender, &answering).await;
                drop(place);
            });
        }
    });
    Ok(Socket { path: path.to_owned(), file: file_at(path), answering: own })
}

async fn serve(
    mut stream: UnixStream,
    specs: &[Spec],
    sender: &mpsc::Sender<Command>,
    answering: &Answering,
) -> io::Result<()> {
    let mut framer = Framer::new(REQUEST_BYTES_MAX);
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        let pushed = framer.push(&buffer[..length]);
        while let Some(message) = framer.pop() {
            let Message::Request { id, method, params } = message else { return Ok(()) };
            let _unanswered = answering.0.read().await;
            let outcome = answer(specs, &method, &params, sender).await;
            let (result, error) = match outcome {
                Ok(text) => (Value::String(text), Value::Null),
                Err(text) => (Value::Null, Value::String(text)),
            };
            let reply = json!({ "id": id, "result": result, "error": error }).to_string();
            stream.write_all(reply.as_bytes()).await?;
        }
        if let Err(error) = pushed {
            tracing::warn!(target: "unixctl", "dropping a client that sent no request: {error}");
            return Ok(());
        }
    }
}

async fn answer(
    specs: &[Spec],
    method: &str,
    params: &Value,
    sender: &mpsc::Sender<Command>,
) -> Result<String, String> {
    let Some(known) = specs.iter().find(|known| known.name == method) else {
        return Err(format!(
            "\"{method}\" is not a valid command (use \"list-commands\" to see a list of valid commands)"
        ));
    };
    let params = params.as_array().map_or(&[][..], Vec::as_slice);
    let args: Option<Vec<String>> = params.iter().map(|param| param.as_str().map(str::to_owned)).collect();
    let Some(args) = args else { return Err(format!("\"{method}\" command has non-string argument")) };
    if args.len() < known.min {
        return Err(format!("\"{method}\" command requires at least {} arguments", known.min));
    }
    if args.len() > known.max {
        return Err(format!("\"{method}\" command takes at most {} arguments", known.max));
    }
    if method == "list-commands" {
        return Ok(list(specs));
    }
    let (reply, answer) = oneshot::channel();
    let gone = || "the daemon is exiting".to_owned();
    sender.send(Command { name: known.name, args, reply }).await.map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

fn list(specs: &[Spec]) -> String {
    let mut sorted: Vec<&Spec> = specs.iter().collect();
    sorted.sort_by_key(|spec| spec.name);
    let mut text = String::from("The available commands are:\n");
    for spec in sorted {
        text.push_str(&format!("  {:<23} {}\n", spec.name, spec.usage));
    }
    text
}

/// Why a command got no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The socket cannot be reached or broke.
    #[error("cannot connect to \"{}\" ({source})", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The conversation broke off.
    #[error("{}: transaction error ({what})", path.display())]
    Transaction {
        /// The socket.
        path: PathBuf,
        /// How.
        what: String,
    },
    /// The daemon refused; its words.
    #[error("{0}")]
    Refused(String),
}

/// Sends one command to the daemon at `path` and waits for its answer.
///
/// # Errors
/// When it cannot be reached, breaks off, or refuses.
pub async fn call(path: &Path, command: &str, args: &[String]) -> Result<String, CallError> {
    let connect = |source| CallError::Connect { path: path.to_owned(), source };
    let broken = |what: String| CallError::Transaction { path: path.to_owned(), what };
    let mut stream = UnixStream::connect(path).await.map_err(connect)?;
    let request = Message::request(0, command, json!(args)).to_value().to_string();
    stream.write_all(request.as_bytes()).await.map_err(|error| broken(error.to_string()))?;
    let mut framer = Framer::new(ovsdb::rpc::MESSAGE_BYTES_MAX);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = stream.read(&mut buffer).await.map_err(|error| broken(error.to_string()))?;
        if length == 0 {
            return Err(broken("End of file".to_owned()));
        }
        framer.push(&buffer[..length]).map_err(|error| broken(error.to_string()))?;
        let Some(message) = framer.pop() else { continue };
        let reply = message.to_value();
        return match (&reply["error"], &reply["result"]) {
            (Value::String(text), _) => Err(CallError::Refused(text.clone())),
            (_, Value::String(text)) => Ok(text.clone()),
            (_, other) => Ok(other.to_string()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn commands_are_answered_and_nonsense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.ctl");
        let specs: Arc<[Spec]> = Arc::new([spec("list-commands", "", 0, 0), spec("shout", "WORD", 1, 2)]);
        let (sender, mut receiver) = mpsc::channel::<Command>(4);
        let _socket = listen(&path, specs, sender, &Answering::default()).unwrap();
        tokio::spawn(async move {
            while let Some(command) = receiver.recv().await {
                let text = command.args.join(" ").to_uppercase();
                command.reply(Ok(text));
            }
        });
        let run = async |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            match call(&path, &words[0], &words[1..]).await {
                Ok(text) => text,
                Err(error) => format!("error: {error}"),
            }
        };
        assert_eq!(run("shout hey you").await, "HEY YOU");
        assert_eq!(run("shout").await, "error: \"shout\" command requires at least 1 arguments");
        assert_eq!(run("shout a b c").await, "error: \"shout\" command takes at most 2 arguments");
        assert_eq!(
            run("nope").await,
            "error: \"nope\" is not a valid command (use \"list-commands\" to see a list of valid commands)"
        );
        assert_eq!(
            run("list-commands").await,
            "The available commands are:\n  list-commands           \n  shout                   WORD\n"
        );
        let mut garbage = UnixStream::connect(&path).await.unwrap();
        garbage.write_all(b"]]]]").await.unwrap();
        assert_eq!(garbage.read(&mut [0; 8]).await.unwrap(), 0, "closed");
        assert_eq!(run("shout still").await, "STILL");
    }

    #[test]
    fn the_answer_to_the_last_command_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.ctl");
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let daemon = runtime();
        let (sender, mut receiver) = mpsc::channel::<Command>(4);
        let specs: Arc<[Spec]> = Arc::new([spec("exit", "", 0, 0)]);
        let answering = Answering::default();
        let _socket = daemon.block_on(async { listen(&path, specs, sender, &answering) }).unwrap();
        let client = std::thread::spawn({
            let path = path.clone();
            move || runtime().block_on(call(&path, "exit", &[]))
        });
        daemon.block_on(async {
            receiver.recv().await.unwrap().reply(Ok("bye".to_owned()));
            answering.clone().settle().await;
        });
        drop(daemon);
        assert_eq!(client.join().unwrap().unwrap(), "bye");
    }
}
