//! The switch's ports as the kernel has them: taps, packet sockets on existing interfaces, and tunnel sockets.
//!
//! Everything here opens in the network namespace that the process is in; a device keeps working when its interface is
//! moved to another one, as guests' interfaces are.

mod dummy;
mod links;
mod packet;
mod pool;
mod port;
mod tap;
pub mod tunnel;

pub use dummy::{Dummies, DummyDevices};
pub use links::{LinkChange, LinkInfo, Links};
pub use pool::Pool;
pub use port::{Inherited, Kind, OpenError, Port};
