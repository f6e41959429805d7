//! What a router tells of its decisions.

use std::time::Duration;

use crate::error::Error;

/// Hears of a router's decisions. It is quick, cannot fail and cannot change them. What the calls themselves were like
/// an [`Observer`](crate::Observer) of the client hears: each try is a call of it.
///
/// ```
/// use anymodel::{RouterEvent, RouterObserver};
///
/// struct Log;
///
/// impl RouterObserver for Log {
///     fn heard(&self, event: &RouterEvent<'_>) {
///         println!("{event:?}");
///     }
/// }
/// ```
pub trait RouterObserver: Send + Sync {
    /// Something was decided.
    fn heard(&self, event: &RouterEvent<'_>);
}

/// A decision of a router. Deployments are named by their ids.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum RouterEvent<'a> {
    /// A deployment was picked for a call.
    #[non_exhaustive]
    Picked {
        /// The group.
        group: &'a str,
        /// The deployment.
        deployment: &'a str,
        /// Which try of the call it is, from 1.
        attempt: u32,
    },
    /// A try failed, and the call goes on to another one.
    #[non_exhaustive]
    Retried {
        /// The group.
        group: &'a str,
        /// Where it goes next.
        deployment: &'a str,
        /// How the last try failed.
        error: &'a Error,
    },
    /// A second deployment is asked beside the one that takes long.
    #[non_exhaustive]
    Hedged {
        /// The one that takes long.
        slow: &'a str,
        /// The second.
        deployment: &'a str,
    },
    /// A call waits for room, as every deployment that it could go to is at its limits.
    #[non_exhaustive]
    Queued {
        /// The group.
        group: &'a str,
        /// How urgent the call is; the lower the more.
        priority: i32,
        /// How many calls wait at the router, with this one.
        waiting: usize,
    },
    /// A deployment cools down.
    #[non_exhaustive]
    Cooled {
        /// The deployment.
        deployment: &'a str,
        /// For how long.
        time: Duration,
        /// The failure that brought it about.
        error: &'a Error,
    },
    /// A deployment was asked by a [`HealthProbe`](super::HealthProbe) how it is.
    #[non_exhaustive]
    Probed {
        /// The deployment.
        deployment: &'a str,
        /// How long that took.
        took: Duration,
        /// What was wrong; `None` for nothing.
        error: Option<&'a Error>,
    },
    /// A deployment is healthy again.
    #[non_exhaustive]
    Recovered {
        /// The deployment.
        deployment: &'a str,
    },
    /// A call goes to another group.
    #[non_exhaustive]
    FellBack {
        /// The group that it leaves.
        from: &'a str,
        /// The group that it goes to.
        to: &'a str,
        /// How the last try failed; `None` where none could be made.
        error: Option<&'a Error>,
    },
}
