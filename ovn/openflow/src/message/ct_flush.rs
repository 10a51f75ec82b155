//! Forgetting tracked connections.

use std::net::IpAddr;

/// Forgets the connections that match; every part is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CtFlush {
    /// 0: any.
    pub protocol: u8,
    pub original: Option<CtTuple>,
    pub reply: Option<CtTuple>,
    pub zone: Option<u16>,
    pub mark: Option<u32>,
    pub mark_mask: Option<u32>,
    pub labels: Option<u128>,
    pub labels_mask: Option<u128>,
}

/// One direction of a connection; every part is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CtTuple {
    pub src: Option<IpAddr>,
    pub dst: Option<IpAddr>,
    pub src_port: Option<u16>,
    pub dst_port: Option<u16>,
    pub icmp_id: Option<u16>,
    pub icmp_type: Option<u8>,
    pub icmp_code: Option<u8>,
}
