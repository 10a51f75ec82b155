//! The `netns` backend: a lab of real network namespaces, held by one supervisor.
//!
//! A command starts a keeper (`keeper.rs`), the keeper the supervisor (`supervisor.rs`), process 1 of the lab's own
//! namespaces of processes, mounts and interfaces (and users, for who is not root). The supervisor makes the nodes
//! (`world.rs`, `start.rs`): a network namespace each, with a thread in it (`netns.rs`, `netlink.rs`), and starts the
//! daemons as processes (`daemons.rs`, `service.rs`, `process.rs`). Commands reach it by name (`home.rs`,
//! `control.rs`).

pub mod boot;
pub mod capture;
pub mod chassis;
pub mod command;
pub mod control;
pub mod daemons;
pub mod dns;
pub mod guest;
pub mod home;
pub mod inspect;
pub mod keeper;
pub mod netlink;
pub mod netns;
pub mod process;
pub mod service;
pub mod start;
pub mod supervisor;
pub mod taps;
pub mod traffic;
pub mod upgrade;
pub mod world;
