//! Power cuts at many moments: one test a file of `scenarios/power` (`build.rs`).

include!(concat!(env!("OUT_DIR"), "/power.rs"));
