//! Versions as users meet them: what is chosen, why not another, and the ways out where nothing fits. All through the real binary.
#![allow(clippy::disallowed_methods, clippy::pedantic, unreachable_pub, dead_code)]

#[path = "../support/mod.rs"]
mod support;

mod chosen;
mod explained;
mod fixes;
mod locks;
mod mismatch;
mod see;
mod world;
