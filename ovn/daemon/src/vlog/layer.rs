//! The `tracing` layer that prints upstream's log lines.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::limit::{Limits, Verdict};
use super::pattern::{self, Record};
use super::state::{Destination, Level, SpecError, State};

/// The logger of this process; clones are handles to the same one.
#[derive(Clone)]
pub struct Vlog(Arc<Shared>);

struct Shared {
    program: &'static str,
    started: Instant,
    /// The most talkative level as a number, so that a message nobody wants costs one load.
    threshold: AtomicU8,
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    limits: Limits,
    sequence: u64,
    file: Option<(PathBuf, Option<File>)>,
    syslog: Option<UnixDatagram>,
}

/// Makes the logger of `program` and installs it for the whole process.
pub fn init(program: &'static str) -> Vlog {
    let syslog = UnixDatagram::unbound().ok().filter(|socket| {
        let _ = socket.set_nonblocking(true);
        socket.connect("/dev/log").is_ok()
    });
    let inner = Inner { state: State::default(), limits: Limits::default(), sequence: 0, file: None, syslog };
    let vlog = Vlog(Arc::new(Shared {
        program,
        started: Instant::now(),
        threshold: AtomicU8::new(Level::Info as u8),
        inner: Mutex::new(inner),
    }));
    // A second logger in one process (tests) keeps the first: that is no failure.
    let _ = tracing_subscriber::registry().with(VlogLayer(vlog.clone())).try_init();
    vlog
}

impl Vlog {
    /// Applies one `-v` or `vlog/set` specification.
    ///
    /// # Errors
    /// A word that is neither module, destination nor level.
    pub fn set(&self, spec: &str) -> Result<(), SpecError> {
        let mut inner = self.lock();
        inner.state.set(spec)?;
        self.0.threshold.store(inner.state.most_talkative() as u8, Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }

    /// The name of the program that logs.
    pub fn program(&self) -> &'static str {
        self.0.program
    }

    /// Starts logging to `path`, appending.
    ///
    /// # Errors
    /// What opening it returned; the path is kept, so `reopen` may succeed later.
    pub fn open_file(&self, path: &Path) -> io::Result<()> {
        let opened = open(path);
        let error = opened.as_ref().err().map(|error| io::Error::from(error.kind()));
        self.lock().file = Some((path.to_owned(), opened.ok()));
        match error {
            Some(error) => Err(error),
            None => {
                tracing::info!(target: "vlog", "opened log file {}", path.display());
                Ok(())
            }
        }
    }

    /// Opens the log file anew, after it was rotated.
    ///
    /// # Errors
    /// What opening it returned, or that none was set.
    pub fn reopen(&self) -> Result<(), String> {
        let path = self.lock().file.as_ref().map(|(path, _)| path.clone());
        let Some(path) = path else { return Err("Logging to file not configured".to_owned()) };
        self.open_file(&path).map_err(|error| error.to_string())
    }

    /// Closes the log file until it is opened again.
    pub fn close(&self) {
        if let Some((_, file)) = &mut self.lock().file {
            *file = None;
        }
    }

    /// Turns the budget of repeated warnings on or off.
    pub fn limit(&self, on: bool) {
        self.lock().limits.enable(on);
    }

    /// Reads the configuration.
    pub fn with_state<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.lock().state)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while logging leaves a usable logger behind.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, metadata: &Metadata<'_>, message: &str) {
        let level = level_of(metadata);
        let module = module_of(metadata.target());
        let mut inner = self.lock();
        inner.state.saw(module);
        let levels = inner.state.levels(module);
        if levels.iter().all(|admitted| level > *admitted) {
            return;
        }
        if level <= Level::Warn {
            match inner.limits.ask(metadata.callsite(), Instant::now()) {
                Verdict::Drop => return,
                Verdict::Log { dropped: 0 } => {}
                Verdict::Log { dropped } => {
                    let note =
                        format!("Dropped {dropped} log messages of the next kind due to excessive rate");
                    self.emit(&mut inner, module, level, &note);
                }
            }
        }
        self.emit(&mut inner, module, level, message);
    }

    fn emit(&self, inner: &mut Inner, module: &str, level: Level, message: &str) {
        inner.sequence += 1;
        let thread = std::thread::current();
        let name = thread.name().filter(|name| *name != "main").unwrap_or("");
        let record = Record {
            program: self.0.program,
            module,
            level,
            message,
            sequence: inner.sequence,
            wall_ms: crate::base::wall_ms(),
            since_start_ms: u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            pid: std::process::id(),
            thread: name,
        };
        let levels = inner.state.levels(module);
        for destination in Destination::ALL {
            if level <= levels[destination as usize] {
                let line = pattern::format(inner.state.pattern(destination), &record);
                inner.send(destination, level, &line, self.0.program);
            }
        }
    }
}

impl Inner {
    /// A destination that refuses a line loses it: logging must not stop what is logged.
    fn send(&mut self, destination: Destination, level: Level, line: &str, program: &str) {
        match destination {
            Destination::Console => {
                let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
            }
            Destination::File => {
                if let Some((_, Some(file))) = &mut self.file {
                    let _ = file.write_all(format!("{line}\n").as_bytes());
                }
            }
            Destination::Syslog => {
                if let Some(socket) = &self.syslog {
                    let _ = socket.send(format!("<{}>{program}: {line}", syslog_priority(level)).as_bytes());
                }
            }
        }
    }
}

struct VlogLayer(Vlog);

impl<S: Subscriber> Layer<S> for VlogLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        level_of(metadata) as u8 <= self.0.0.threshold.load(Ordering::Relaxed)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.0.write(event.metadata(), &text.finish());
    }
}

/// The message of an event, then its other fields as `name=value`.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn finish(mut self) -> String {
        if !self.fields.is_empty() {
            if !self.message.is_empty() {
                self.message.push(' ');
            }
            self.message.push_str(&self.fields);
        }
        self.message
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a String cannot fail.
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            let space = if self.fields.is_empty() { "" } else { " " };
            let _ = write!(self.fields, "{space}{}={value:?}", field.name());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            let space = if self.fields.is_empty() { "" } else { " " };
            let _ = write!(self.fields, "{space}{}={value}", field.name());
        }
    }
}

fn level_of(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::ERROR => Level::Err,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        _ => Level::Dbg,
    }
}

/// The vlog module of a `tracing` target: a name given in the code, or the last part of the Rust module's path.
fn module_of(target: &str) -> &str {
    target.rsplit("::").next().unwrap_or(target)
}

/// Facility daemon (3) and the severity of RFC 5424 section 6.2.1.
fn syslog_priority(level: Level) -> u8 {
    let severity = match level {
        Level::Off | Level::Emer => 0,
        Level::Err => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Dbg => 7,
    };
    3 * 8 + severity
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}
