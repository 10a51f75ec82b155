//! What a link does to the frames that cross it.

use crate::text::values::{Rate, Ratio, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Impairments of one direction of a link; every one is off unless given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LinkSettings {
    /// Every frame is this late.
    #[serde(skip_serializing_if = "is_default")]
    pub delay: Span,
    /// The delay varies by up to this, evenly, up and down; frames stay in order.
    #[serde(skip_serializing_if = "is_default")]
    pub jitter: Span,
    /// The share of frames that are lost.
    #[serde(skip_serializing_if = "is_default")]
    pub loss: Ratio,
    /// The share of frames that arrive twice.
    #[serde(skip_serializing_if = "is_default")]
    pub duplicate: Ratio,
    /// The share of frames that are held back by `reorder-gap`, so that later ones overtake them.
    #[serde(skip_serializing_if = "is_default")]
    pub reorder: Ratio,
    /// How long a reordered frame is held back (5ms unless given).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reorder_gap: Option<Span>,
    /// The share of frames in which one bit is turned over.
    #[serde(skip_serializing_if = "is_default")]
    pub corrupt: Ratio,
    /// How fast frames leave; without it, at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How many frames wait at most (1000 unless given); more are dropped and counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Nothing passes.
    #[serde(skip_serializing_if = "is_default")]
    pub down: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
