//! The switch as a whole, from frames in to frames out.

mod cached;
mod ct;
mod defects;
mod handover;
mod learn;
mod mirrors;
mod offload;
mod oversize;
mod pipeline;
mod policing;
mod queues;
mod tunnels;
