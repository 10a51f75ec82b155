//! Frames as a pcapng stream that Wireshark reads, with the interfaces' names. Pure: octets out.

use anyhow::{Context, Result};
use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use std::borrow::Cow;
use std::time::Duration;

/// A frame as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Which of the capture's interfaces.
    pub interface: u32,
    /// Since 1970.
    pub time: Duration,
    /// It was leaving the node.
    pub outgoing: bool,
    pub octets: std::sync::Arc<[u8]>,
}

/// Writes one stream; what has been written so far is taken by [`Stream::take`].
pub struct Stream {
    writer: PcapNgWriter<Sink>,
    sink: Sink,
}

/// Where the writer writes and we read.
#[derive(Clone, Default)]
struct Sink(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend(octets);
        Ok(octets.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Stream {
    /// A stream of frames of these interfaces.
    ///
    /// # Errors
    /// Never in fact: memory takes everything.
    pub fn new(interfaces: &[String]) -> Result<Self> {
        let sink = Sink::default();
        let mut writer = PcapNgWriter::new(sink.clone()).context("beginning a capture file")?;
        for name in interfaces {
            let description = InterfaceDescriptionBlock {
                linktype: DataLink::ETHERNET,
                snaplen: 0,
                // Times are in nanoseconds.
                options: vec![
                    InterfaceDescriptionOption::IfName(Cow::Borrowed(name)),
                    InterfaceDescriptionOption::IfTsResol(9),
                ],
            };
            writer.write_pcapng_block(description).context("describing an interface")?;
        }
        Ok(Self { writer, sink })
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// When its interface is not among the stream's.
    pub fn add(&mut self, frame: &Captured) -> Result<()> {
        // Bits 0 and 1 of the flags: 1 inbound, 2 outbound.
        let direction = if frame.outgoing { 2 } else { 1 };
        let block = EnhancedPacketBlock {
            interface_id: frame.interface,
            timestamp: frame.time,
            original_len: frame.octets.len() as u32,
            data: Cow::Borrowed(&frame.octets),
            options: vec![EnhancedPacketOption::Flags(direction)],
        };
        self.writer.write_pcapng_block(block).context("writing a frame").map(drop)
    }

    /// What has been written since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut *self.sink.0.borrow_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcap_file::pcapng::{Block, PcapNgReader};

    #[test]
    fn a_stream_is_read_back_with_names_times_and_directions() {
        let mut stream = Stream::new(&["hv1".to_owned(), "hv2".to_owned()]).unwrap();
        let mut file = stream.take();
        let frame = |interface, nanos| Captured {
            interface,
            time: Duration::from_nanos(nanos),
            outgoing: interface == 1,
            octets: vec![interface as u8; 61].into(),
        };
        for f in [frame(0, 1_700_000_000_123_456_789), frame(1, 5)] {
            stream.add(&f).unwrap();
            file.extend(stream.take());
        }
        assert!(stream.add(&frame(2, 1)).is_err());
        let mut reader = PcapNgReader::new(&file[..]).unwrap();
        let mut seen = Vec::new();
        while let Some(block) = reader.next_block() {
            match block.unwrap() {
                Block::InterfaceDescription(d) => seen.push(format!("{:?}", d.options[0])),
                Block::EnhancedPacket(p) => seen.push(format!(
                    "{} {:?} {:?} {}",
                    p.interface_id,
                    p.timestamp,
                    p.options,
                    p.data.len()
                )),
                _ => {}
            }
        }
        insta::assert_snapshot!(seen.join("\n"), @r#"
        IfName("hv1")
        IfName("hv2")
        0 1700000000.123456789s [Flags(1)] 61
        1 5ns [Flags(2)] 61
        "#);
    }
}
