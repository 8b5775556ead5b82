//! Built-in downloaders.
