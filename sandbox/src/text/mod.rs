//! Reading what people write: strict YAML with positions, values with units, and diagnostics that point at the text.
//!
//! Everything that knows `serde_yaml` is in `yaml.rs`, everything that knows `annotate-snippets` in `diagnostic.rs`.

pub mod diagnostic;
pub mod nearest;
pub mod values;
pub mod yaml;

pub use diagnostic::{Diagnostic, Severity};
pub use yaml::{Part, Path, Source};
