//! Fixtures of this crate's tests, and laws that span its modules.

pub(crate) mod lab;
mod laws;
