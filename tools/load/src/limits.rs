//! How many connections this tool, and what it starts, may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of descriptors to what the machine allows. When that fails, connecting says so later.
pub(crate) fn raise() {
    let allowed = getrlimit(Resource::Nofile).maximum;
    let wanted = Rlimit {
        current: allowed,
        maximum: allowed,
    };
    let _ = setrlimit(Resource::Nofile, wanted);
}
