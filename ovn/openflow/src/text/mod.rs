//! The text of flows, as `ovs-ofctl` writes and reads it (ovs-ofctl(8), ovs-actions(7), ovs-fields(7)).
//!
//! Everything prints by `Display`: [`Match`](crate::Match), [`Action`](crate::Action), [`Actions`],
//! [`FlowMod`](crate::FlowMod), [`FlowStats`](crate::FlowStats), [`GroupDesc`](crate::GroupDesc). Flows, matches and
//! actions are read by `FromStr` and [`parse_actions`].

mod action;
mod ct_flush;
mod error;
mod flow;
mod group;
mod group_mod;
mod matching;
mod message;
mod monitor;
mod names;
mod split;
mod style;
mod value;

pub use action::{Actions, parse_actions};
pub use error::TextError;
pub use style::{PortNames, Style, Styled};
