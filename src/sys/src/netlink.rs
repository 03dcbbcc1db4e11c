//! Netlink: interfaces, addresses and routes (rtnetlink(7)), and the kernel's uevents.
//!
//! Messages are built and read in fixed arrays, without pointers, so nothing here is unsafe. The kernel
//! answers a request within the send itself, so every receive is non-blocking: no answer is an error.

mod address;
mod default_routes;
mod link;
mod message;
mod route;
mod uevent;

#[cfg(test)]
mod tests;

pub use address::{Address, Lifetime, Reach};
pub use default_routes::DefaultRoute;
pub use link::{Carrier, Kind, Link};
pub use route::{RouteSocket, news};
pub use uevent::{UeventSocket, uevents};
