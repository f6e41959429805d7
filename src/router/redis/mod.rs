//! Limits and cooldowns that several processes keep together in a Redis.

mod breaker;
mod lease;
mod link;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rand::RngExt as _;
use redis::Script;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Handle;

use self::lease::{Ended, Keys, Lease, Leases};
use self::link::{Link, Silence};
use super::Deployment;
use super::limits::{Denied, Reservation, SharedLimits};
use crate::error::Result;

/// The shortest time of a lease.
const SHORTEST: Duration = Duration::from_millis(100);
/// Above this, numbers of a script are not exact any more.
const MOST: u64 = 1 << 53;

/// Limits and cooldowns that several processes keep together in a Redis. Cheap to clone; clones share one connection.
///
/// ```no_run
/// # async fn run() -> anymodel::Result<()> {
/// use std::sync::Arc;
///
/// use anymodel::router::RedisLimits;
/// use anymodel::{Deployment, Router};
///
/// let router = Router::builder()
///     .deployment(Deployment::new("smart", "openai/gpt-4o").id("gpt-4o-eu").rpm(1000).max_parallel_requests(50))
///     .shared_limits(Arc::new(RedisLimits::connect("redis://redis.internal:6379/0").await?))
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// Requests, tokens and the place in flight of a call are taken by one script before the call, all or none, so that
/// any number of processes never have more than a deployment's `rpm`, `tpm` and `max_parallel_requests` together. When
/// the call ends, a second script gives its place back and puts the tokens that it used in the place of those that
/// were counted before. Minutes are those of Redis's clock; the clocks of the processes do not matter. The limits of
/// each process itself go on beside these, with its own minutes.
///
/// A place in flight is a lease: it is renewed while its call goes on, and ends by itself when its process died. A
/// deployment that one process has cooled rests for the others within a second, unless it is the last healthy one that
/// they have. Processes know deployments by their ids: give them [one](Deployment::id), or list them everywhere alike.
///
/// # When Redis does not answer
///
/// An answer is waited for no longer than the [timeout](RedisLimitsBuilder::timeout). Without one, the call goes on with
/// the limits of its own process. After three failures in a row Redis is left alone, so that calls lose no time; then
/// one call in each [pause](RedisLimitsBuilder::pause) asks it again, until it answers. A lost connection is made again
/// by itself, within the same call where that is quick. With [`fail_closed`](RedisLimitsBuilder::fail_closed), a call
/// that cannot be counted goes to deployments without limits or to its fallbacks, and where there are none it ends with
/// an error of the kind [`Unavailable`](crate::ErrorKind::Unavailable).
///
/// # Keys
///
/// | key | what | how long |
/// |---|---|---|
/// | `anymodel:{id}:usage` | hash: `minute` (of Unix time), and its `requests` and `tokens` | 2 minutes after the last call |
/// | `anymodel:{id}:flying` | sorted set: one lease for each call in flight, by its end in ms of Unix time | 2 leases |
/// | `anymodel:cooling` | sorted set: ids of deployments, by the end of their cooldown | the longest cooldown |
///
/// `anymodel` stands for the [prefix](RedisLimitsBuilder::prefix), `id` for a deployment's id; `%`, `{` and `}` in an id
/// are written `%25`, `%7B` and `%7D`. The braces are there as they are written: they keep the keys of one deployment in
/// one slot of a cluster. No key needs to be made, and any can be deleted.
///
/// Redis from version 5, or what speaks its protocol and has Lua scripts with `TIME`. The user needs the commands `EVAL`,
/// `EVALSHA`, `SCRIPT LOAD`, `PING`, `TIME`, those of hashes and sorted sets, `PTTL` and `PEXPIRE`.
#[derive(Clone)]
pub struct RedisLimits(Arc<Inner>);

struct Inner {
    link: Arc<Link>,
    prefix: String,
    lease: Duration,
    fail_closed: bool,
    /// Tells the leases of this process from those of others.
    process: u128,
    leases: Leases,
    scripts: Scripts,
}

struct Scripts {
    reserve: Script,
    settle: Script,
    renew: Script,
    cool: Script,
    cooling: Script,
    recover: Script,
}

/// The settings of [`RedisLimits`].
#[derive(Clone)]
#[must_use]
pub struct RedisLimitsBuilder {
    url: SecretString,
    prefix: String,
    timeout: Duration,
    pause: Duration,
    lease: Duration,
    fail_closed: bool,
}

impl RedisLimits {
    /// Those of the Redis at this address, such as `redis://user:password@host:6379/0`. It has to answer now.
    ///
    /// # Errors
    ///
    /// See [`RedisLimitsBuilder::connect`].
    pub async fn connect(url: impl Into<SecretString>) -> Result<Self> {
        Self::builder(url).connect().await
    }

    /// The same with settings of your own.
    pub fn builder(url: impl Into<SecretString>) -> RedisLimitsBuilder {
        RedisLimitsBuilder {
            url: url.into(),
            prefix: "anymodel".to_owned(),
            timeout: Duration::from_millis(100),
            pause: Duration::from_secs(1),
            lease: Duration::from_secs(30),
            fail_closed: false,
        }
    }

    /// Whether Redis answers, as far as is known: `false` while it is left alone after failures.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.0.link.answers()
    }
}

impl RedisLimitsBuilder {
    /// What all keys begin with; `anymodel` by default. Processes with different prefixes share nothing.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The longest that a call waits for an answer; 100 ms by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long Redis is left alone after failures, before one call asks it again; 1 s by default.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// How long the places in flight of a process that died are still held; 30 s by default, 100 ms at least. Leases of
    /// calls under way are renewed three times in this time.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(SHORTEST);
        self
    }

    /// Whether calls to deployments with limits are refused while Redis does not answer. They go on by default, with the
    /// limits of their own process.
    pub fn fail_closed(mut self, yes: bool) -> Self {
        self.fail_closed = yes;
        self
    }

    /// The limits, without asking whether Redis is there: calls find that out. For a process that is to start in any
    /// case.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) where the address is not one of a Redis.
    pub fn build(self) -> Result<RedisLimits> {
        let link = Link::new(self.url.expose_secret(), self.timeout, self.pause)?;
        Ok(RedisLimits(Arc::new(Inner {
            link: Arc::new(link),
            prefix: self.prefix,
            lease: self.lease,
            fail_closed: self.fail_closed,
            process: process(),
            leases: Leases::default(),
            scripts: Scripts {
                reserve: Script::new(include_str!("reserve.lua")),
                settle: Script::new(include_str!("settle.lua")),
                renew: Script::new(include_str!("renew.lua")),
                cool: Script::new(include_str!("cool.lua")),
                cooling: Script::new(include_str!("cooling.lua")),
                recover: Script::new(include_str!("recover.lua")),
            },
        })))
    }

    /// The limits, when Redis has answered.
    ///
    /// # Errors
    ///
    /// Those of [`build`](Self::build); [`ErrorKind::Connection`](crate::ErrorKind::Connection) where nothing answers at
    /// the address within two seconds, [`ErrorKind::Authentication`](crate::ErrorKind::Authentication) where the
    /// password is not accepted.
    pub async fn connect(self) -> Result<RedisLimits> {
        let limits = self.build()?;
        limits.0.link.greet().await?;
        Ok(limits)
    }
}

#[async_trait]
impl SharedLimits for RedisLimits {
    async fn reserve(&self, id: &str, deployment: &Deployment, tokens: u64) -> Result<Box<dyn Reservation>, Denied> {
        if deployment.rpm == Some(0) || deployment.tpm.is_some_and(|tpm| tokens > tpm) {
            return Err(Denied::Never);
        }
        let limits = &self.0;
        let mut lease = Lease::new(limits, limits.keys(id), tokens.min(MOST));
        let mut question = limits.scripts.reserve.prepare_invoke();
        question.key(&lease.keys().usage).key(&lease.keys().flying).arg(lease.name()).arg(millis(limits.lease));
        question.arg(tokens.min(MOST)).arg(limit(deployment.rpm)).arg(limit(deployment.tpm));
        question.arg(limit(deployment.max_parallel_requests.map(u64::from)));
        match limits.link.ask::<(i64, u64)>(&question).await {
            Ok((1.., minute)) => lease.minute = minute,
            Ok((0, wait)) => {
                lease.refused();
                return Err(Denied::For(Duration::from_millis(wait)));
            }
            Ok(_) => {
                lease.refused();
                return Err(Denied::Busy);
            }
            Err(silence) => {
                lease.is_there = silence == Silence::Asked;
                if limits.fail_closed {
                    return Err(Denied::Unavailable);
                }
            }
        }
        Ok(Box::new(lease))
    }

    fn cooled(&self, id: &str, time: Duration) {
        let Ok(runtime) = Handle::try_current() else { return };
        let (limits, id) = (Arc::clone(&self.0), id.to_owned());
        runtime.spawn(async move {
            let mut question = limits.scripts.cool.prepare_invoke();
            question.key(limits.cooling()).arg(id).arg(millis(time));
            limits.link.ask::<()>(&question).await.ok();
        });
    }

    fn recovered(&self, id: &str) {
        let Ok(runtime) = Handle::try_current() else { return };
        let (limits, id) = (Arc::clone(&self.0), id.to_owned());
        runtime.spawn(async move {
            let mut question = limits.scripts.recover.prepare_invoke();
            question.key(limits.cooling()).arg(id);
            limits.link.ask::<()>(&question).await.ok();
        });
    }

    async fn cooling(&self) -> Vec<(String, Duration)> {
        let mut question = self.0.scripts.cooling.prepare_invoke();
        question.key(self.0.cooling());
        let answer: Result<Vec<(String, u64)>, Silence> = self.0.link.ask(&question).await;
        answer.unwrap_or_default().into_iter().map(|(id, left)| (id, Duration::from_millis(left))).collect()
    }
}

impl Inner {
    fn keys(&self, id: &str) -> Keys {
        let id = id.replace('%', "%25").replace('{', "%7B").replace('}', "%7D");
        let key = |what: &str| format!("{}:{{{id}}}:{what}", self.prefix);
        Keys { usage: key("usage"), flying: key("flying") }
    }

    fn cooling(&self) -> String {
        format!("{}:cooling", self.prefix)
    }

    fn name(&self, lease: u64) -> String {
        format!("{:032x}-{lease}", self.process)
    }

    /// Whether the end of a lease came to Redis.
    async fn tell(&self, end: &Ended) -> bool {
        let Ended { keys, number, minute, requests, tokens } = end;
        let mut question = self.scripts.settle.prepare_invoke();
        question.key(&keys.usage).key(&keys.flying).arg(self.name(*number)).arg(minute).arg(requests).arg(tokens);
        self.link.ask::<()>(&question).await.is_ok()
    }

    async fn renew(&self, keys: &Keys, leases: &[String]) {
        let mut question = self.scripts.renew.prepare_invoke();
        question.key(&keys.flying).arg(millis(self.lease)).arg(leases);
        self.link.ask::<()>(&question).await.ok();
    }
}

fn limit(limit: Option<u64>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit.min(MOST)).unwrap_or(i64::MAX))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).min(MOST)
}

#[expect(clippy::disallowed_methods, reason = "what tells a process from others cannot be handed in")]
fn process() -> u128 {
    rand::rng().random()
}

impl fmt::Debug for RedisLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimits")
            .field("link", &self.link)
            .field("prefix", &self.prefix)
            .field("lease", &self.lease)
            .field("fail_closed", &self.fail_closed)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RedisLimitsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimitsBuilder")
            .field("url", &"[redacted]")
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("pause", &self.pause)
            .field("lease", &self.lease)
            .field("fail_closed", &self.fail_closed)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_deployment_are_in_one_slot_whatever_its_id() {
        let limits = RedisLimits::builder("redis://:secret@host").prefix("mine").build().unwrap();
        let keys = limits.0.keys("}a{b}%");
        assert_eq!(keys.usage, "mine:{%7Da%7Bb%7D%25}:usage");
        assert_eq!(keys.flying, "mine:{%7Da%7Bb%7D%25}:flying");
    }

    #[test]
    fn what_is_shown_of_limits_holds_no_password() {
        let builder = RedisLimits::builder("redis://me:secret@host");
        assert!(!format!("{builder:?}{:?}", builder.clone().build().unwrap()).contains("secret"));
    }
}
