//! What the fuzz targets do, shared with the test that plays their seeds.

#[path = "../../src/fuzz/mod.rs"]
pub mod targets;
#[path = "../../src/switch_core.rs"]
mod switch_core;
