//! Captures in a lab: where they look, and what keeps them going.

use super::world::Lab;
use crate::fabric::Side;
use crate::sim::lab::Sim;
use crate::text::values::BadValue;
use crate::tools::capture::Capture;
use crate::tools::pcapng::Stream;
use crate::tools::sniff::{self, Sniffing};
use anyhow::{Context, Result, bail};
use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where frames are seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At every attachment of the fabric.
    Underlay,
    /// At an interface of a node.
    Interface { node: String, interface: String },
}

impl FromStr for Place {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        match text.split_once(':') {
            None if text == "underlay" => Ok(Self::Underlay),
            Some((node, interface)) if !node.is_empty() && !interface.is_empty() => {
                Ok(Self::Interface { node: node.to_owned(), interface: interface.to_owned() })
            }
            None | Some(_) => Err(Self::bad(text)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Underlay => f.write_str("underlay"),
            Self::Interface { node, interface } => write!(f, "{node}:{interface}"),
        }
    }
}

crate::text_value!(
    Place,
    "place",
    "NODE:INTERFACE, such as hv1:uplink or vm1:eth0, or underlay for the whole fabric",
    "^(underlay|[^:]+:[^:]+)$"
);

/// A capture that goes on until this is dropped.
pub struct Begun {
    pub capture: Capture,
    _keep: Keep,
}

/// What keeps a capture going.
enum Keep {
    #[expect(dead_code, reason = "it is kept for what its drop does")]
    Sniffing(Sniffing),
    #[expect(dead_code, reason = "it is kept for what its drop does")]
    Watch(Watch),
    #[expect(dead_code, reason = "it is kept for what its drop does")]
    Simulated(Simulated),
}

/// A watch in virtual time that ends when this is dropped.
struct Simulated {
    sim: Rc<Sim>,
    capture: Capture,
}

impl Drop for Simulated {
    fn drop(&mut self) {
        self.sim.unwatch(&self.capture);
    }
}

/// Begins a capture in virtual time.
///
/// # Errors
/// When there is no such place.
pub fn begin_simulated(sim: &Rc<Sim>, place: &Place) -> Result<Begun> {
    let capture = sim.watch(place)?;
    let keep = Simulated { sim: sim.clone(), capture: capture.clone() };
    Ok(Begun { capture, _keep: Keep::Simulated(keep) })
}

/// A watch of the fabric that ends when this is dropped.
struct Watch {
    lab: Rc<Lab>,
    id: u64,
    capture: Capture,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.lab.fabric.unwatch(self.id);
        self.capture.end();
    }
}

static WATCHES: AtomicU64 = AtomicU64::new(1);

/// Begins a capture; the next frame is already seen.
///
/// # Errors
/// When there is no such node or interface.
pub async fn begin(lab: &Rc<Lab>, place: &Place) -> Result<Begun> {
    match place {
        Place::Interface { node, interface } => {
            let node = lab.node(node)?;
            let capture = Capture::new(vec![place.to_string()]);
            let sniffing = sniff::sniff(&node.netns, interface, capture.clone(), 0).await?;
            Ok(Begun { capture, _keep: Keep::Sniffing(sniffing) })
        }
        Place::Underlay => {
            // Attachments are numbered in the order in which they were made.
            let mut ends: Vec<_> =
                lab.all_nodes().iter().filter_map(|node| Some((node.end?, node.name.clone()))).collect();
            ends.sort();
            if ends.is_empty() {
                bail!("nothing is attached to the fabric");
            }
            let capture = Capture::new(ends.iter().map(|(_, name)| name.clone()).collect());
            let (id, sink) = (WATCHES.fetch_add(1, Ordering::Relaxed), capture.clone());
            let watcher = move |seen: &crate::fabric::run::Seen| {
                sink.add(seen.end.0 as u32, seen.side == Side::Tx, seen.frame.clone());
            };
            lab.fabric.watch(id, watcher).await;
            Ok(Begun {
                capture: capture.clone(),
                _keep: Keep::Watch(Watch { lab: lab.clone(), id, capture }),
            })
        }
    }
}

impl Begun {
    /// Writes the capture to a file as it grows, from its beginning.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn write_to(&self, path: &Path) -> Result<()> {
        let mut file = File::create(path).with_context(|| format!("making {}", path.display()))?;
        let capture = self.capture.clone();
        let mut writing = Writing::new(&capture)?;
        file.write_all(&writing.stream.take()).with_context(|| format!("writing {}", path.display()))?;
        tokio::task::spawn_local(async move {
            // A full disk ends the file, not the scenario.
            while let Ok(Some(octets)) = writing.next(&capture).await {
                if file.write_all(&octets).is_err() {
                    return;
                }
            }
        });
        Ok(())
    }
}

/// A capture on its way into a file or a connection.
pub struct Writing {
    pub stream: Stream,
    next: u64,
}

impl Writing {
    /// The beginning of a file is in `stream` then.
    ///
    /// # Errors
    /// Never in fact.
    pub fn new(capture: &Capture) -> Result<Self> {
        Ok(Self { stream: Stream::new(&capture.interfaces)?, next: 0 })
    }

    /// Waits for frames; the octets of the file that they make. None when nothing more will come.
    ///
    /// # Errors
    /// Never in fact.
    pub async fn next(&mut self, capture: &Capture) -> Result<Option<Vec<u8>>> {
        capture.changed(self.next).await;
        let (frames, next, more) = capture.since(self.next);
        self.next = next;
        for frame in &frames {
            self.stream.add(frame)?;
        }
        let octets = self.stream.take();
        Ok((more || !octets.is_empty()).then_some(octets))
    }
}
