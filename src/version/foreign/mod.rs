//! Requirement languages of other tools, said in ours: for importers, which write what they read into a manifest.

mod composer;
mod npm;

#[cfg(test)]
mod tests;

pub use composer::composer;
pub use npm::npm;
