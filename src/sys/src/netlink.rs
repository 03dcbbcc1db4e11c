//! Netlink: interfaces, addresses and routes (rtnetlink(7)), and the kernel's uevents.
//!
//! Messages are built and read in fixed arrays, without pointers, so nothing here is unsafe. The kernel
//! answers a request within the send itself, so every receive is non-blocking: no answer is an error.

mod message;
mod route;
mod uevent;

pub use route::{Carrier, Kind, Link, RouteSocket, link_news};
pub use uevent::{UeventSocket, uevents};
