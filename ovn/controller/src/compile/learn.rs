//! What flows that the switch learns are made of.

use lflow::action::Transport;
use openflow::{Field, LearnDst, LearnSpec, LearnSrc, Subfield};
use std::net::IpAddr;

/// The fields of a protocol's source and destination port.
pub(crate) fn ports(protocol: Transport) -> (Field, Field) {
    match protocol {
        Transport::Tcp => (Field::TcpSrc, Field::TcpDst),
        Transport::Udp => (Field::UdpSrc, Field::UdpDst),
        Transport::Sctp => (Field::SctpSrc, Field::SctpDst),
    }
}

/// A learned flow matches `value` in `field`.
pub(crate) fn matches(field: Field, value: impl Into<u128>) -> LearnSpec {
    let dst = LearnDst::Match(Subfield::whole(field));
    LearnSpec { bits: field.bits(), src: LearnSrc::Immediate(value.into()), dst }
}

/// A learned flow matches in `field` what the packet has in `from`.
pub(crate) fn copies(from: Field, field: Field) -> LearnSpec {
    let dst = LearnDst::Match(Subfield::whole(field));
    LearnSpec { bits: field.bits(), src: LearnSrc::Field(Subfield::whole(from)), dst }
}

/// A learned flow sets some bits.
pub(crate) fn loads(to: Subfield, value: impl Into<u128>) -> LearnSpec {
    LearnSpec { bits: to.bits, src: LearnSrc::Immediate(value.into()), dst: LearnDst::Load(to) }
}

/// An address as the value of a field.
pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}
