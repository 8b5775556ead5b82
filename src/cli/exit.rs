//! The one place where a failure becomes an exit status.

use crate::error::{Error, ErrorKind};

/// Everything went well.
pub(crate) const FINE: u8 = 0;
/// It failed.
pub(crate) const FAILED: u8 = 1;
/// The command line could not be understood.
pub(crate) const USAGE: u8 = 2;
/// There is something to do.
pub(crate) const PENDING: u8 = 3;
/// The user asked to stop.
pub(crate) const INTERRUPTED: u8 = 130;

/// The exit status of a failure.
pub(crate) fn status(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Usage => USAGE,
        ErrorKind::Pending => PENDING,
        ErrorKind::Interrupted => INTERRUPTED,
        _ => FAILED,
    }
}

/// Whether the reader of our output went away: nothing is wrong then, and nothing is said.
pub(crate) fn is_broken_pipe(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe) {
            return true;
        }
        cause = one.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_statuses_of_the_contract() {
        for (kind, expected) in [
            (ErrorKind::Usage, 2),
            (ErrorKind::Pending, 3),
            (ErrorKind::Interrupted, 130),
            (ErrorKind::Manifest, 1),
            (ErrorKind::Conflict, 1),
            (ErrorKind::Internal, 1),
        ] {
            assert_eq!(status(kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn a_broken_pipe_is_seen_through_its_wrappings() {
        let io = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let error = Error::new(ErrorKind::Io, "could not write").caused_by(io).wrap("could not report");
        assert!(is_broken_pipe(&error));
        assert!(!is_broken_pipe(&Error::new(ErrorKind::Io, "could not write")));
    }
}
