//! What the readers find in images, compared with the system's own tools.

#![allow(clippy::unwrap_used)] // clippy does not see that helpers of tests are tests

mod backup;
mod ext;
mod hostile;
mod image;
mod kinds;
mod tables;
