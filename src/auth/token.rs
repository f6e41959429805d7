//! Tokens that are fetched, kept and fetched anew: one fetch, however many calls wait for it.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::error::{Error, Result};

/// How long before its end a token is no longer used: clocks differ, and a call that begins with it has to arrive. Of a
/// token that lasts less than twice as long, it is half of its life.
const MARGIN: Duration = Duration::from_secs(60);

/// So many tokens are kept; beyond that, those that have ended make room, else the one that was fetched longest ago.
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

    /// How long it lasts from a moment on; `None` for a token that does not end.
    fn lasts_from(&self, moment: Instant) -> Option<Duration> {
        self.expires.map(|expires| expires.saturating_duration_since(moment))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The tokens of a client, by whose they are. Cheap to clone; clones share the tokens.
///
/// However many calls need the same token at once, it is fetched once: the others wait for that fetch, and share what it
/// gives, its failure too. A fetch whose call is dropped is taken over by the next that waits. A token is fetched anew a
/// minute before its end; where that fails, it is used as long as it lasts.
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
    /// When the token came.
    since: Option<Instant>,
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
        slot.keep(fetch().await)
    }

    /// Forgets a token that was refused. A newer one of the same name stays.
    pub fn refused(&self, name: &str, secret: &str) {
        self.forget(name, |token| is_same(token, secret));
    }

    /// Forgets a token that was refused, whatever its name is.
    pub(super) fn refused_of_any(&self, secret: &str) {
        let slots: Vec<Arc<Slot>> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect();
        for slot in slots {
            slot.forget(|token| is_same(token, secret));
        }
    }

    /// Forgets the token of this name, if it is the one that is meant.
    pub fn forget(&self, name: &str, is: impl FnOnce(&Token) -> bool) {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).map(Arc::clone);
        if let Some(slot) = slot {
            slot.forget(is);
        }
    }

    /// How many tokens are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn slot(&self, name: &str) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(name) {
            return Arc::clone(slot);
        }
        if slots.len() >= MANY {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.kept().good().is_some());
        }
        if slots.len() >= MANY {
            let idle = slots.iter().filter(|(_, slot)| Arc::strong_count(slot) == 1);
            let oldest = idle.min_by_key(|(_, slot)| slot.kept().since).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| slots.remove(&oldest));
        }
        Arc::clone(slots.entry(name.to_owned()).or_default())
    }
}

/// Whether it is the token that was sent so: what surrounds it is not sent.
fn is_same(token: &Token, sent: &str) -> bool {
    token.secret.expose_secret().trim() == sent.trim()
}

impl Slot {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token if it is good; what a fetch gave that ended after `seen` of them; else how many have ended.
    fn look(&self, seen: Option<u64>) -> Result<Result<Token>, u64> {
        let kept = self.kept();
        if let Some(token) = kept.good() {
            return Ok(Ok(token.clone()));
        }
        if seen.is_none_or(|seen| seen >= kept.fetches) {
            return Err(kept.fetches);
        }
        match (&kept.token, &kept.failure) {
            (Some(token), _) => Ok(Ok(token.clone())),
            (None, Some(failure)) => Ok(Err(failure.clone())),
            (None, None) => Err(kept.fetches),
        }
    }

    /// Keeps what a fetch gave. A token that lasts outlives a failure to fetch the next one.
    fn keep(&self, fetched: Result<Token>) -> Result<Token> {
        let mut kept = self.kept();
        kept.fetches = kept.fetches.wrapping_add(1);
        match fetched {
            Ok(token) => {
                (kept.token, kept.since, kept.failure) = (Some(token.clone()), Some(Instant::now()), None);
                Ok(token)
            }
            Err(error) => {
                kept.failure = Some(error.clone());
                kept.token = kept.token.take().filter(|token| token.lasts_from(Instant::now()) > Some(Duration::ZERO));
                kept.token.clone().ok_or(error)
            }
        }
    }

    fn forget(&self, is: impl FnOnce(&Token) -> bool) {
        let mut kept = self.kept();
        if kept.token.as_ref().is_some_and(is) {
            kept.token = None;
        }
    }
}

impl Kept {
    /// The token, if it is good for a call that begins now.
    fn good(&self) -> Option<&Token> {
        self.token.as_ref().filter(|token| {
            let life = self.since.and_then(|since| token.lasts_from(since)).unwrap_or_default();
            let margin = MARGIN.min(life.checked_div(2).unwrap_or_default());
            token.lasts_from(Instant::now()).is_none_or(|left| left > margin)
        })
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

    #[tokio::test(start_paused = true)]
    async fn a_dropped_fetch_is_taken_over_by_one_of_those_who_wait_for_it() {
        let (cache, count) = (TokenCache::default(), AtomicU32::new(0));
        let first = tokio::time::timeout(Duration::from_millis(500), cache.get("mine", || fetch(&count, 100)));
        let others = (0..100).map(|_| cache.get("mine", || fetch(&count, 100)));
        let (first, others) = tokio::join!(first, futures::future::join_all(others));
        assert!(first.is_err() && others.iter().all(Result::is_ok));
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_of_a_short_life_is_shared_and_kept_for_half_of_it() {
        let (cache, count) = (TokenCache::default(), AtomicU32::new(0));
        let all = |lasts: u64| {
            let (cache, count) = (&cache, &count);
            futures::future::join_all((0..100).map(move |_| cache.get("mine", move || fetch(count, lasts))))
        };
        assert!(all(40).await.iter().all(Result::is_ok));
        tokio::time::advance(Duration::from_secs(15)).await;
        all(40).await;
        assert_eq!(count.load(Ordering::SeqCst), 1);
        tokio::time::advance(Duration::from_secs(10)).await;
        all(0).await;
        assert_eq!(count.load(Ordering::SeqCst), 2, "one that has ended already is shared by those who waited for it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_used_to_its_end_where_the_next_one_cannot_be_fetched() {
        let (cache, count) = (TokenCache::default(), AtomicU32::new(0));
        let failing = || async { Err(Error::new(ErrorKind::Unavailable, "no")) };
        cache.get("mine", || fetch(&count, 300)).await.unwrap();
        tokio::time::advance(Duration::from_secs(250)).await;
        assert_eq!(cache.get("mine", failing).await.unwrap().secret.expose_secret(), "token 0");
        cache.refused("mine", "token 0");
        assert!(cache.get("mine", failing).await.is_err(), "a refused one is not");
        cache.get("mine", || fetch(&count, 300)).await.unwrap();
        tokio::time::advance(Duration::from_secs(300)).await;
        assert_eq!(cache.get("mine", failing).await.unwrap_err().kind(), ErrorKind::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_that_do_not_end_make_room_too_the_oldest_first() {
        let cache = TokenCache::default();
        let unending = || async { Ok(Token::new("t", None)) };
        for number in 0..MANY + 10 {
            cache.get(&format!("{number}"), unending).await.unwrap();
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let slots = cache.0.lock().unwrap();
        assert_eq!(slots.len(), MANY);
        assert!(!slots.contains_key("9") && slots.contains_key("10"));
    }

    #[tokio::test]
    async fn a_refused_token_is_known_without_what_surrounds_it() {
        let (cache, count) = (TokenCache::default(), AtomicU32::new(0));
        let fetch = || async { Ok(Token::new(format!("token {}\n", count.fetch_add(1, Ordering::SeqCst)), None)) };
        cache.get("mine", fetch).await.unwrap();
        cache.refused("another's", "token 0");
        assert_eq!(cache.0.lock().unwrap().len(), 1, "forgetting keeps nothing");
        cache.refused("mine", "token 0");
        cache.get("mine", fetch).await.unwrap();
        cache.refused_of_any("token 1");
        cache.get("mine", fetch).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn a_token_is_not_printed() {
        assert!(!format!("{:?}", Token::new("s3cret", None)).contains("s3cret"));
    }
}
