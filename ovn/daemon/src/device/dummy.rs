//! Devices that exist in tests only (`--enable-dummy`): frames come by command, and what comes and goes may be recorded.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::time::SystemTime;

use datapath::{Captures, DeviceId, DeviceInfo};
use packet::{Frame, MacAddr, Segmenter};

use super::pool::Pool;

/// Which interfaces are replaced by dummies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dummies {
    /// None, and those of type `dummy` cannot be made.
    #[default]
    Off,
    /// Those of type `dummy`.
    Asked,
    /// Also those that exist in the host.
    System,
    /// All.
    All,
}

impl Dummies {
    /// From the value of `--enable-dummy`.
    pub fn from_option(value: Option<&str>) -> Self {
        match value {
            Some("override") => Self::All,
            Some("system") => Self::System,
            Some(_) | None => Self::Asked,
        }
    }
}

/// One of them.
struct Dummy {
    name: String,
    info: DeviceInfo,
    received: Option<Capture>,
    sent: Option<Capture>,
}

/// All that are open.
#[derive(Default)]
pub struct DummyDevices {
    open: BTreeMap<DeviceId, Dummy>,
    /// Makes their addresses differ.
    made: u32,
}

impl DummyDevices {
    /// Makes one. A capture whose file cannot be made is told in the log and left out.
    pub fn add(&mut self, id: DeviceId, name: &str, captures: &Captures) -> DeviceInfo {
        let [_, _, c, d] = self.made.to_be_bytes();
        self.made += 1;
        let info = DeviceInfo {
            mac: MacAddr([0xaa, 0x55, 0xaa, 0x55, c, d]),
            mtu: 1500,
            ifindex: None,
            admin_up: true,
            carrier: true,
        };
        let received = captures.received.as_deref().and_then(Capture::create);
        let sent = match (&captures.sent, &captures.received, &received) {
            (Some(sent), Some(same), Some(capture)) if sent == same => capture.share(),
            (Some(sent), ..) => Capture::create(sent),
            (None, ..) => None,
        };
        self.open.insert(id, Dummy { name: name.to_owned(), info, received, sent });
        info
    }

    /// Ends one; false if it is none of these.
    pub fn remove(&mut self, id: DeviceId) -> bool {
        self.open.remove(&id).is_some()
    }

    /// The one of this name.
    pub fn named(&self, name: &str) -> Option<DeviceId> {
        self.open.iter().find(|(_, dummy)| dummy.name == name).map(|(id, _)| *id)
    }

    /// All of them.
    pub fn ids(&self) -> Vec<DeviceId> {
        self.open.keys().copied().collect()
    }

    /// Changes what one is, and says what it is then.
    pub fn change(&mut self, id: DeviceId, change: impl FnOnce(&mut DeviceInfo)) -> Option<DeviceInfo> {
        let dummy = self.open.get_mut(&id)?;
        change(&mut dummy.info);
        dummy.info.carrier = dummy.info.admin_up;
        Some(dummy.info)
    }

    /// A frame comes in by one: false if it is down, and the frame is gone.
    pub fn receive(&mut self, id: DeviceId, frame: &[u8]) -> bool {
        let Some(dummy) = self.open.get_mut(&id).filter(|dummy| dummy.info.admin_up) else { return false };
        if let Some(capture) = &mut dummy.received {
            capture.write(frame);
        }
        true
    }

    /// A frame goes out by one. Gives the frame back if the device is none of these.
    ///
    /// # Errors
    /// The frame, for another kind of device.
    pub fn send(&mut self, id: DeviceId, mut frame: Frame, pool: &mut Pool) -> Result<(), Frame> {
        let Some(dummy) = self.open.get_mut(&id) else { return Err(frame) };
        if let Some(capture) = dummy.sent.as_mut().filter(|_| dummy.info.admin_up) {
            match Segmenter::new(&frame) {
                Some(mut segmenter) => {
                    let mut segment = Vec::new();
                    while segmenter.emit(&mut segment) {
                        capture.write(&segment);
                        segment.clear();
                    }
                }
                None => {
                    frame.finish_checksum();
                    capture.write(&frame);
                }
            }
        }
        pool.give(frame);
        Ok(())
    }
}

/// A file in pcap format (the classic one, microseconds, in the host's byte order).
struct Capture(File);

impl Capture {
    /// Makes the file, or empties it.
    fn create(path: &str) -> Option<Self> {
        match Self::begin(path) {
            Ok(capture) => Some(capture),
            Err(error) => {
                tracing::warn!(target: "pcap", "{path}: {error}");
                None
            }
        }
    }

    fn begin(path: &str) -> io::Result<Self> {
        let mut header = Vec::new();
        // Magic number, version 2.4, no time zone, no accuracy, the most octets of a packet, Ethernet.
        header.extend(0xa1b2_c3d4_u32.to_ne_bytes());
        header.extend([2_u16, 4].map(u16::to_ne_bytes).concat());
        header.extend([0_u32, 0, 1518, 1].map(u32::to_ne_bytes).concat());
        let mut file = File::create(path)?;
        file.write_all(&header)?;
        Ok(Self(file))
    }

    /// The same file once more; the two write in turn.
    fn share(&self) -> Option<Self> {
        self.0.try_clone().ok().map(Self)
    }

    /// Appends a packet. A full disk loses it: captures are for looking at.
    fn write(&mut self, frame: &[u8]) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let mut record =
            [since.as_secs() as u32, since.subsec_micros(), length, length].map(u32::to_ne_bytes).concat();
        record.extend_from_slice(frame);
        if let Err(error) = self.0.write_all(&record) {
            tracing::warn!(target: "pcap", "a packet was not recorded: {error}");
        }
    }
}
