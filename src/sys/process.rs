//! Running other programs: an argument list, never a shell text.
