//! The logical flow language: lexer, symbols, expressions, actions, stages, registers.
//!
//! A logical flow is a row of the southbound database: a stage, a priority, a *match* (an expression
//! on the packet) and *actions*. northd writes them, controllers and `ovn-trace` read them, and the
//! text is the interface: it stays OVN's language, documented in ovn-sb(5) under `Logical_Flow`.
//!
//! Invariant: this crate knows the language and nothing of the rows that carry it. Names of ports,
//! sets and groups mean something only through what the caller brings ([`expr::Sets`], [`expr::Ports`]).
//!
//! - [`pipeline`]: every stage of every kind of datapath, in one list.
//! - [`regs`]: the registers by which a stage tells a later one something.
//! - [`lexer`]: text to tokens.
//! - [`symbols`]: what each name stands for, in terms of OpenFlow fields.
//! - [`expr`]: matches, from text to OpenFlow.
//! - [`action`]: actions, one family a file.
//! - [`template`]: variables that differ from chassis to chassis.

pub mod action;
mod constant;
mod cursor;
pub mod error;
pub mod expr;
pub mod lexer;
pub mod pipeline;
pub mod regs;
pub mod symbols;
pub mod template;

pub use error::{Error, ErrorKind};
pub use openflow;
pub use pipeline::{DatapathKind, Pipeline, Stage};
