//! The `netns` backend: a lab of real network namespaces, held by one supervisor.
pub mod netlink;
pub mod netns;
