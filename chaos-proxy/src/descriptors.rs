//! How many descriptors the program may have: two for each connection.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the program needs besides connections, about.
const OWN: u64 = 64;

/// Takes as many descriptors as the system grants, and says what they allow.
pub(crate) fn take_all() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: maximum,
        maximum,
    };
    let granted = match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => maximum,
        // Some systems name a limit that they do not grant.
        Err(_) => current,
    };
    if let Some(granted) = granted {
        let connections = granted.saturating_sub(OWN) / 2;
        tracing::info!("{granted} descriptors allow about {connections} connections");
    }
}
