//! Across crates: World, conformance with real peers, tidy.
