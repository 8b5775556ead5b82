//! Built-in stocks.
