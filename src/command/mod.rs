//! One file a subcommand: options in, library call, report out.
