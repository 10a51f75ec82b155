//! Questions with a yes or no that a table answers: `bit = check_in_port_sec();` and its kin.
//!
//! None of them has parameters: what is asked is the packet and its ports.

use super::Action;
use super::parse::{Operand, Parser};
use crate::error::Error;
use crate::symbols::FieldRef;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Whether port security of `inport`, its `Port_Binding.port_security`, refuses the packet.
    InPortSecurity,
    /// Whether port security of `outport` refuses the packet.
    OutPortSecurity,
    /// Whether a load balancer has sent the packet back to its sender.
    LbHairpin,
    /// Whether the packet is the reply to one that a load balancer sent back to its sender.
    LbHairpinReply,
    /// Whether the packet's connection came by a next hop with the packet's source MAC.
    EcmpNextHopMac,
    /// Whether the packet's connection came by a next hop that is remembered.
    EcmpNextHop,
    /// Whether the sender has been given a backend before; registers then say which.
    LbAffinity,
}

impl Check {
    const ALL: &[Self] = &[
        Self::InPortSecurity,
        Self::OutPortSecurity,
        Self::LbHairpin,
        Self::LbHairpinReply,
        Self::EcmpNextHopMac,
        Self::EcmpNextHop,
        Self::LbAffinity,
    ];

    /// The name of the action.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InPortSecurity => "check_in_port_sec",
            Self::OutPortSecurity => "check_out_port_sec",
            Self::LbHairpin => "chk_lb_hairpin",
            Self::LbHairpinReply => "chk_lb_hairpin_reply",
            Self::EcmpNextHopMac => "chk_ecmp_nh_mac",
            Self::EcmpNextHop => "chk_ecmp_nh",
            Self::LbAffinity => "chk_lb_aff",
        }
    }

    /// The one with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|check| check.name() == name)
    }
}

/// At the word.
pub(super) fn parse(parser: &mut Parser<'_>, check: Check, result: FieldRef) -> Result<Action, Error> {
    parser.without_parameters(check.name(), result, Operand::Bits(1))?;
    Ok(Action::Check(check, result))
}
