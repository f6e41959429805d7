//! Tokens that are fetched, kept and fetched anew: one fetch, however many calls wait for it.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::error::{Error, Result};

/// How long before its end a token is no longer used: clocks differ, and a call that begins with it has to arrive.
const MARGIN: Duration = Duration::from_secs(60);

/// So many tokens are kept; beyond that, those that have ended make room.
const MANY: usize = 1024;

/// A token and how long it is good.
#[derive(Clone)]
pub struct Token {
    /// What is sent.
    pub secret: SecretString,
    /// When it ends; `None` for a token that does not.
    pub expires: Option<Instant>,
    /// Settings of the connection that came with it, such as an address.
    pub settings: Vec<(String, String)>,
}

impl Token {
    /// A token that is good for this long from now.
    #[must_use]
    pub fn new(secret: impl Into<SecretString>, lasts: Option<Duration>) -> Self {
        let expires = lasts.and_then(|lasts| Instant::now().checked_add(lasts));
        Self { secret: secret.into(), expires, settings: Vec::new() }
    }

    /// With a setting of the connection that came with it.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Whether it is good for a call that begins now.
    fn is_good(&self) -> bool {
        let left = self.expires.map(|expires| expires.saturating_duration_since(Instant::now()));
        left.is_none_or(|left| left > MARGIN)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The tokens of a client, by whose they are. Cheap to clone; clones share the tokens.
///
/// However many calls need the same token at once, it is fetched once: the others wait for that fetch, and share its
/// failure too. A fetch whose call is dropped is taken over by the next that waits.
#[derive(Clone, Default)]
pub struct TokenCache(Arc<Mutex<HashMap<String, Arc<Slot>>>>);

#[derive(Default)]
struct Slot {
    kept: Mutex<Kept>,
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    token: Option<Token>,
    /// How many fetches have ended, and how the last one failed.
    fetches: u64,
    failure: Option<Error>,
}

impl TokenCache {
    /// The token of this name: the one that is kept, as long as it is good, else what `fetch` gives.
    ///
    /// The name has to hold all that the token depends on; it is never shown.
    ///
    /// # Errors
    ///
    /// The error of the fetch.
    pub async fn get<F>(&self, name: &str, fetch: impl FnOnce() -> F) -> Result<Token>
    where
        F: Future<Output = Result<Token>>,
    {
        let slot = self.slot(name);
        let seen = match slot.look(None) {
            Ok(done) => return done,
            Err(fetches) => fetches,
        };
        let _fetching = slot.fetching.lock().await;
        if let Ok(done) = slot.look(Some(seen)) {
            return done;
        }
        let fetched = fetch().await;
        slot.keep(&fetched);
        fetched
    }

    /// Forgets a token that was refused. A newer one of the same name stays.
    pub fn refused(&self, name: &str, secret: &str) {
        self.forget(name, |token| token.secret.expose_secret() == secret);
    }

    /// Forgets the token of this name, if it is the one that is meant.
    pub fn forget(&self, name: &str, is: impl FnOnce(&Token) -> bool) {
        let slot = self.slot(name);
        let mut kept = slot.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.token.as_ref().is_some_and(is) {
            kept.token = None;
        }
    }

    fn slot(&self, name: &str) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(name) {
            return Arc::clone(slot);
        }
        if slots.len() >= MANY {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.look(None).is_ok());
        }
        Arc::clone(slots.entry(name.to_owned()).or_default())
    }
}

impl Slot {
    /// The token if it is good; the failure of a fetch that ended after `seen` of them; else how many have ended.
    fn look(&self, seen: Option<u64>) -> Result<Result<Token>, u64> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match (&kept.token, &kept.failure) {
            (Some(token), _) if token.is_good() => Ok(Ok(token.clone())),
            (_, Some(failure)) if seen.is_some_and(|seen| seen < kept.fetches) => Ok(Err(failure.clone())),
            _ => Err(kept.fetches),
        }
    }

    fn keep(&self, fetched: &Result<Token>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.fetches = kept.fetches.wrapping_add(1);
        (kept.token, kept.failure) = match fetched {
            Ok(token) => (Some(token.clone()), None),
            Err(error) => (None, Some(error.clone())),
        };
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCache")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::error::ErrorKind;

    async fn fetch(count: &AtomicU32, lasts: u64) -> Result<Token> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let number = count.fetch_add(1, Ordering::SeqCst);
        Ok(Token::new(format!("token {number}"), Some(Duration::from_secs(lasts))))
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_calls_fetch_one_token() {
        let (cache, count) = (TokenCache::default(), AtomicU32::new(0));
        let calls = (0..1000).map(|_| cache.get("mine", || fetch(&count, 3600)));
        for token in futures::future::join_all(calls).await {
            assert_eq!(token.unwrap().secret.expose_secret(), "token 0");
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
        cache.get("another's", || fetch(&count, 3600)).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_fetched_anew_before_it_ends() {
        let (cache, count) = (TokenCache::default(), AtomicU32::new(0));
        cache.get("mine", || fetch(&count, 100)).await.unwrap();
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(cache.get("mine", || fetch(&count, 100)).await.unwrap().secret.expose_secret(), "token 0");
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(cache.get("mine", || fetch(&count, 100)).await.unwrap().secret.expose_secret(), "token 1");
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_share_a_failure_and_the_next_call_tries_again() {
        let (cache, count) = (TokenCache::default(), AtomicU32::new(0));
        let failing = || async {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            Err(Error::new(ErrorKind::Authentication, "no"))
        };
        let results = futures::future::join_all((0..100).map(|_| cache.get("mine", failing))).await;
        assert!(results.iter().all(Result::is_err));
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(cache.get("mine", failing).await.is_err());
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_is_dropped_is_taken_over() {
        let (cache, count) = (TokenCache::default(), AtomicU32::new(0));
        let short = Duration::from_millis(1);
        assert!(tokio::time::timeout(short, cache.get("mine", || fetch(&count, 100))).await.is_err());
        assert!(cache.get("mine", || fetch(&count, 100)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_forgotten_but_not_its_successor() {
        let (cache, count) = (TokenCache::default(), AtomicU32::new(0));
        cache.get("mine", || fetch(&count, 3600)).await.unwrap();
        cache.refused("mine", "token 0");
        assert_eq!(cache.get("mine", || fetch(&count, 3600)).await.unwrap().secret.expose_secret(), "token 1");
        cache.refused("mine", "token 0");
        assert_eq!(cache.get("mine", || fetch(&count, 3600)).await.unwrap().secret.expose_secret(), "token 1");
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_that_have_ended_make_room() {
        let (cache, count) = (TokenCache::default(), AtomicU32::new(0));
        let all = (0..MANY).map(|number| format!("{number}")).collect::<Vec<_>>();
        futures::future::join_all(all.iter().map(|name| cache.get(name, || fetch(&count, 100)))).await;
        tokio::time::advance(Duration::from_secs(100)).await;
        cache.get("one more", || fetch(&count, 100)).await.unwrap();
        assert_eq!(cache.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_token_is_not_printed() {
        assert!(!format!("{:?}", Token::new("s3cret", None)).contains("s3cret"));
    }
}
