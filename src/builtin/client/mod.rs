//! Built-in clients.
