//! Northbound rows parsed once: what a feature sees has types, and no string map.
//!
//! Nothing in a row can stop a switch. What cannot be understood is left out and complained about; complaints go
//! with the parsed row and are reported when it appears or changes.

pub mod acl;
pub mod address;
pub mod ageing;
pub mod chassis;
pub mod dhcp;
pub mod global;
pub mod options;
pub mod prefix;
pub mod ra;
pub mod router;
pub mod router_port;
pub mod static_route;
pub mod switch;
pub mod switch_port;

pub use acl::Acl;
pub use address::{Addresses, PortAddress};
pub use chassis::Chassis;
pub use global::Global;
pub use prefix::{Family, InPrefix, Prefix};
pub use router::Router;
pub use router_port::RouterPort;
pub use static_route::StaticRoute;
pub use switch::Switch;
pub use switch_port::{PortKind, SwitchPort};

/// Something in a row that was not understood, or cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// What the row is and is called: `switch port p1`.
    pub subject: String,
    /// What is wrong with it, and what was expected.
    pub text: String,
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.subject, self.text)
    }
}
