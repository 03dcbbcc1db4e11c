//! A boot record folded into a boot, and ways to show it.
//!
//! The binary `bootlog` prints; tests and other tools that want to ask a record something link this.
//!
//! ```text
//! input::Record --frames--> fold --> model::Boot --> show::page --> page::Page --> text
//!                                              |-> json::boot --> bytes
//!                                              |-> export (feature `full`), for other tools
//!                                              |-> plot, as a page or (feature `full`) an SVG
//!                                              |-> blame, output, diff with another boot
//!                                              \-> critical_path, with the plan of the boot
//! stores ---frames--> fleet (feature `full`): thousands, without folding each
//! ```
#![forbid(unsafe_code)]

pub mod before;
pub mod blame;
pub mod critical_path;
pub mod diff;
pub mod error;
#[cfg(feature = "full")]
pub mod export;
#[cfg(feature = "full")]
pub mod fleet;
pub mod fold;
pub mod format;
pub mod hardware;
pub mod input;
pub mod json;
pub mod kernel;
mod levels;
pub mod list;
pub mod model;
pub mod output;
pub mod page;
mod partition;
mod place;
pub mod plot;
pub mod show;
pub mod spec;
#[cfg(feature = "full")]
mod walk;
