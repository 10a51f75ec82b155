//! Rows parsed once: the only place that reads maps of options.
//!
//! A bad option is a complaint about its row and is left out; it never stops the rest.

mod config;
mod datapath;
mod load_balancer;
mod logical_flow;
mod port;
mod port_security;

pub use config::{BridgeMapping, Config, EncapKind, LocalEncap};
pub use datapath::Datapath;
pub use load_balancer::{LoadBalancer, Vip};
pub use logical_flow::LogicalFlow;
pub use port::{LogicalPort, PortKind, RequestedChassis};
pub use port_security::{AllowedAddress, AllowedMac};

/// Something in a row that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint(pub String);

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
