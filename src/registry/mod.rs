//! Names → constructors for all five roles; the only place that names concrete implementations.
