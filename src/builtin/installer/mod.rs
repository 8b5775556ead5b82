//! Built-in installers.
