//! Native libraries as implementations of any role.
//!
//! One exported C table ([`raw`], and `extensions/native/greffon.h` for authors), JSON both ways in the forms of
//! [`crate::roles::wire`]. What stands around it here: the pin and the trust that the manifest states ([`pin`]), the one copy of
//! each library in the process ([`shelf`]), what a library says of itself ([`about`]), calls with a time limit on threads of
//! their own ([`answerer`]), and what a library may ask back ([`callbacks`]).
//!
//! A library can do anything that its user can. What is promised is less than a sandbox: the bytes that run are the pinned
//! ones, every answer is checked, what goes wrong is an error that names the library, and one that never comes back is left
//! behind when its time is over.

mod about;
mod answerer;
mod callbacks;
mod pin;
mod shelf;

#[allow(unsafe_code)]
mod raw;

pub use about::About;
pub use answerer::Native;
pub use callbacks::Roles;
pub use pin::{LIMIT_SECONDS, Pinned};
