//! The one reader of environment variables.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Where environment variables are looked up: the process's, or a caller's own set.
#[derive(Clone, Default)]
pub struct Environment(Option<Arc<HashMap<String, String>>>);

impl Environment {
    /// The variables of the process, read when they are needed.
    #[must_use]
    pub fn process() -> Self {
        Self(None)
    }

    /// No variables at all: the process's keys stay out.
    #[must_use]
    pub fn none() -> Self {
        Self(Some(Arc::default()))
    }

    /// These variables, whatever the process has.
    pub fn of<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(Some(Arc::new(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())))
    }

    /// A variable that is set and not empty.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
    pub fn get(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Some(variables) => variables.get(name).cloned(),
            None => std::env::var(name).ok(),
        };
        value.filter(|value| !value.trim().is_empty())
    }

    /// The first of several variables that is set.
    pub(crate) fn first<S: AsRef<str>>(&self, names: &[S]) -> Option<String> {
        names.iter().find_map(|name| self.get(name.as_ref()))
    }

    /// A value that may be `os.environ/NAME`, which stands for the variable.
    ///
    /// # Errors
    ///
    /// The variable's name, where it is not set.
    pub(crate) fn expand<'a>(&self, value: &'a str) -> Result<std::borrow::Cow<'a, str>, &'a str> {
        match value.strip_prefix("os.environ/") {
            Some(name) => self.get(name).map(Into::into).ok_or(name),
            None => Ok(value.into()),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Environment(given)" } else { "Environment(process)" })
    }
}
