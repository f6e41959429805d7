//! What a router does when calls fail: how often, how long, and where to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::client::{Fallback, RetryPolicy};
use crate::error::{Error, ErrorKind};

/// What a router does when a stream breaks after something of it has been handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnStreamFailure {
    /// The stream ends by the error, with what had come in [`Error::partial`], [`Error::partial_response`] or
    /// [`Error::partial_message`].
    #[default]
    Fail,
    /// The reply begins anew from the next deployment. The caller knows by a [`Delta::Restart`](crate::Delta::Restart),
    /// of a response by an event that [`is_restart`](crate::responses::Event::is_restart), that what came before is
    /// void. As [`Fail`](Self::Fail) for a response of which a call has been told to its end, as the caller can have
    /// run it, and for messages, whose format has no way to take anything back.
    Restart,
    /// The next deployment is asked to go on from the text so far, as the beginning of its own reply. Only models that
    /// are listed to take such a beginning ([`Capability::AssistantPrefill`](crate::pricing::Capability)) are asked,
    /// and only while nothing but text has come; otherwise, and for responses, as [`Fail`](Self::Fail).
    Continue,
}

/// Which of a call's tags a deployment must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TagMatch {
    /// One of them.
    #[default]
    Any,
    /// All of them.
    All,
}

/// Where a call goes on when a group has failed it, by what it failed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    General,
    ContextWindow,
    ContentPolicy,
}

/// The rules of a router.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) num_retries: u32,
    pub(super) retries_by_kind: Vec<(ErrorKind, u32)>,
    pub(super) pauses: RetryPolicy,
    pub(super) max_fallbacks: u32,
    pub(super) fallbacks: HashMap<String, Vec<Arc<Fallback>>>,
    pub(super) context_window: HashMap<String, Vec<Arc<Fallback>>>,
    pub(super) content_policy: HashMap<String, Vec<Arc<Fallback>>>,
    pub(super) default_fallbacks: Vec<Arc<Fallback>>,
    pub(super) cooldowns: bool,
    pub(super) cooldown_time: Duration,
    pub(super) allowed_fails: Option<u32>,
    pub(super) allowed_fails_by_kind: Vec<(ErrorKind, u32)>,
    pub(super) tags: Option<TagMatch>,
    pub(super) check_context: bool,
    pub(super) check_capabilities: bool,
    pub(super) region: Option<String>,
    pub(super) stream_failure: OnStreamFailure,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            num_retries: 2,
            retries_by_kind: Vec::new(),
            pauses: RetryPolicy::default(),
            max_fallbacks: 5,
            fallbacks: HashMap::new(),
            context_window: HashMap::new(),
            content_policy: HashMap::new(),
            default_fallbacks: Vec::new(),
            cooldowns: true,
            cooldown_time: Duration::from_secs(5),
            allowed_fails: None,
            allowed_fails_by_kind: Vec::new(),
            tags: None,
            check_context: false,
            check_capabilities: false,
            region: None,
            stream_failure: OnStreamFailure::Fail,
        }
    }
}

impl Rules {
    /// Where a call goes on when this group has failed it. A list for the cause comes before the general one, a list of
    /// the group before that of all.
    pub(super) fn fallbacks_of(&self, group: &str, cause: Cause) -> &[Arc<Fallback>] {
        let special = match cause {
            Cause::General => None,
            Cause::ContextWindow => self.context_window.get(group),
            Cause::ContentPolicy => self.content_policy.get(group),
        };
        special.or_else(|| self.fallbacks.get(group)).unwrap_or(&self.default_fallbacks)
    }

    pub(super) fn retries_of(&self, kind: ErrorKind) -> Option<u32> {
        of_kind(&self.retries_by_kind, kind)
    }

    pub(super) fn allowed_fails_of(&self, kind: ErrorKind) -> Option<u32> {
        of_kind(&self.allowed_fails_by_kind, kind)
    }

    /// All lists of fallbacks: which group, and where to.
    pub(super) fn lists(&self) -> impl Iterator<Item = (&str, &[Arc<Fallback>])> {
        let maps = [&self.fallbacks, &self.context_window, &self.content_policy];
        maps.into_iter().flatten().map(|(group, targets)| (group.as_str(), targets.as_slice()))
    }
}

fn of_kind(list: &[(ErrorKind, u32)], kind: ErrorKind) -> Option<u32> {
    list.iter().rfind(|(of, _)| *of == kind).map(|(_, number)| *number)
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// The call's: the same call would fail at every deployment of this group.
    Call,
    /// The deployment's: the same call can succeed at another one, and not here.
    Deployment,
    /// Nobody's for long: the same call can succeed here later.
    Passing,
}

impl Blame {
    pub(super) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::ContextWindowExceeded | ErrorKind::ContentPolicy => Self::Call,
            _ if error.is_retryable() => Self::Passing,
            ErrorKind::InvalidRequest => Self::Call,
            _ => Self::Deployment,
        }
    }
}

impl Cause {
    pub(super) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::ContextWindowExceeded => Self::ContextWindow,
            ErrorKind::ContentPolicy => Self::ContentPolicy,
            _ => Self::General,
        }
    }
}
