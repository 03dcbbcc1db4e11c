//! Every kind of damage: one test a file of `scenarios/damage` (`build.rs`).

include!(concat!(env!("OUT_DIR"), "/damage.rs"));
