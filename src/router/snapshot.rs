//! How a router's deployments are doing.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Router;
use super::health::Standing;
use super::limits::minute;
use crate::error::ErrorKind;

/// A deployment at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its id.
    pub id: String,
    /// The name of its group.
    pub group: String,
    /// Its model.
    pub model: String,
    /// Whether it takes calls.
    pub health: DeploymentHealth,
    /// How many calls it is working on.
    pub in_flight: u32,
    /// How many calls wait for room at it. One can wait at several.
    pub waiting: usize,
    /// How many calls went to it in this minute.
    pub requests: u64,
    /// How many tokens went to and came from it in this minute.
    pub tokens: u64,
    /// How long it took for each token of its last replies.
    pub time_per_token: Option<Duration>,
    /// How long its last streams took to their first content.
    pub time_to_first_token: Option<Duration>,
    /// How many calls it has answered.
    pub answered: u64,
    /// How many tries failed at it.
    pub failed: u64,
    /// How it was when a [`HealthProbe`](super::HealthProbe) asked it last.
    pub probed: Option<ProbeOutcome>,
}

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProbeOutcome {
    /// How long ago it was.
    pub ago: Duration,
    /// How long the answer took.
    pub took: Duration,
    /// What was wrong; `None` for nothing.
    pub error: Option<ErrorKind>,
}

/// Whether a deployment takes calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeploymentHealth {
    /// It does.
    Healthy,
    /// Not yet, after failures.
    #[non_exhaustive]
    Cooling {
        /// For how long not.
        left: Duration,
    },
    /// One at a time, until one has been answered.
    Probation,
}

impl Router {
    /// How each deployment is doing, in the order in which they were added.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Snapshot> {
        let now = self.0.now();
        let table = self.0.table();
        let of = |slot: &std::sync::Arc<super::slot::Slot>| {
            let state = &slot.state;
            Snapshot {
                id: slot.id.to_string(),
                group: slot.deployment.model_name.clone(),
                model: slot.deployment.model.clone(),
                health: match state.health.standing(now) {
                    Standing::Healthy => DeploymentHealth::Healthy,
                    Standing::Cooling(until) => DeploymentHealth::Cooling { left: until.saturating_sub(now) },
                    Standing::Probation { .. } => DeploymentHealth::Probation,
                },
                in_flight: state.usage.in_flight(),
                waiting: state.line.length(),
                requests: state.usage.requests.read(minute(now)),
                tokens: state.usage.tokens.read(minute(now)),
                time_per_token: state.latency.per_token(now),
                time_to_first_token: state.latency.first_token(now),
                answered: state.answered.load(Ordering::Relaxed),
                failed: state.failed.load(Ordering::Relaxed),
                probed: state.probed.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|probed| {
                    ProbeOutcome { ago: now.saturating_sub(probed.at), took: probed.took, error: probed.error }
                }),
            }
        };
        table.slots.iter().map(of).collect()
    }
}
