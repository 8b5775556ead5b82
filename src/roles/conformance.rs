//! The behaviour contracts of the roles as checks that any implementation can be run through.
