//! Results as JSON.

use crate::scenario::report::Report;
use serde_json::{Value, json};

/// All reports in one document.
pub fn document(reports: &[Report]) -> Value {
    json!({ "version": 1, "reports": reports })
}
