//! Built-in repositorys.
