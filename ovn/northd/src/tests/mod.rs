//! Tests of the whole: a fixture for features, a world with real database servers, and the laws that hold in it.

pub(crate) mod acls;
mod deployment;
pub(crate) mod fixture;
mod laws;
pub(crate) mod world;
