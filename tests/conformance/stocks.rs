//! The stock `store`.
