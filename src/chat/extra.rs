//! Fields that a type has no name for.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Fields beyond those that a type names, kept in order so that nothing read from JSON is lost on the way out.
///
/// One word wide while it is empty, as it nearly always is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Extra(Option<Box<Map<String, Value>>>);

impl Extra {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|map| map.is_empty())
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.as_ref()?.get(key)
    }

    /// Sets a field, and gives the value that it had.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.get_or_insert_default().insert(key.into(), value.into())
    }

    /// Takes a field out; the order of the others stays.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let map = self.0.as_mut()?;
        let value = map.shift_remove(key);
        if map.is_empty() {
            self.0 = None;
        }
        value
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter().flat_map(|map| map.iter())
    }

    /// The fields as a JSON object, where there are any.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map<String, Value>> {
        self.0.as_deref().filter(|map| !map.is_empty())
    }

    /// Takes all the fields of another over; they win.
    pub fn extend(&mut self, other: Self) {
        if let Some(other) = other.0 {
            self.0.get_or_insert_default().extend(*other);
        }
    }
}

/// Reads a JSON object into a struct: the fields by their names, every other member into `extra`. A field that is written
/// `name: Wrapper` is read as that type, and is what is in it; one that is written `name = "type"` has that name in JSON.
///
/// serde's `flatten` does the same, but copies the whole object before it looks at it.
macro_rules! fields_and_extra {
    ($type:ident { $($field:ident $(= $name:literal)? $(: $wrapper:ident)?),* $(,)? }) => {
        impl<'de> ::serde::Deserialize<'de> for $type {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                struct Fields;

                impl<'de> ::serde::de::Visitor<'de> for Fields {
                    type Value = $type;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: ::serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> ::std::result::Result<Self::Value, A::Error> {
                        let mut read = $type::default();
                        while let Some(name) = map.next_key::<$crate::text::Text<'de>>()? {
                            match &*name {
                                $($crate::chat::field_name!($field $($name)?) => {
                                    let value = map.next_value()?;
                                    $(let $wrapper(value) = value;)?
                                    read.$field = value;
                                })*
                                _ => {
                                    read.extra.insert(name.into_owned(), map.next_value::<::serde_json::Value>()?);
                                }
                            }
                        }
                        Ok(read)
                    }
                }

                deserializer.deserialize_map(Fields)
            }
        }
    };
}
pub(crate) use fields_and_extra;

/// What a field is called in JSON.
macro_rules! field_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}
pub(crate) use field_name;

/// A request's body: members that are left out where they are `None`, every other member in `extra`, and what is not
/// part of the JSON.
macro_rules! request_body {
    ($(#[$outer:meta])* $type:ident { $($(#[$meta:meta])* $name:ident: $field:ty,)* }) => {
        $(#[$outer])*
        #[derive(Clone, Debug, Default, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(default)]
        #[non_exhaustive]
        pub struct $type {
            /// The model, with or without its provider's prefix.
            pub model: String,
            $(
                $(#[$meta])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<$field>,
            )*
            /// Members that have no name here: sent as they are.
            #[serde(flatten)]
            pub extra: $crate::chat::Extra,
            /// Members merged into the request's body last, over all others; no check is made on them.
            #[serde(skip)]
            pub extra_body: ::serde_json::Map<String, ::serde_json::Value>,
            /// Whether what a provider cannot express is left out with a warning, instead of being an error.
            #[serde(skip)]
            pub drop_params: bool,
        }

        impl $type {
            /// Sets a member by its name, and leaves it out where the value is `null`; one that has no name here goes
            /// among the others, to be sent as it is.
            ///
            /// # Errors
            ///
            /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) where the value is not of the member's
            /// type.
            pub fn set(&mut self, name: &str, value: ::serde_json::Value) -> $crate::error::Result<()> {
                let wrong = |source: ::serde_json::Error| {
                    $crate::error::Error::new(
                        $crate::error::ErrorKind::InvalidRequest,
                        format!("`{name}` is not what it should be: {source}"),
                    )
                };
                match name {
                    $(stringify!($name) => self.$name = ::serde_json::from_value(value).map_err(wrong)?,)*
                    _ if value.is_null() => {
                        self.extra.remove(name);
                    }
                    _ => {
                        self.extra.insert(name, value);
                    }
                }
                Ok(())
            }
        }
    };
}
pub(crate) use request_body;

impl From<Map<String, Value>> for Extra {
    fn from(map: Map<String, Value>) -> Self {
        if map.is_empty() { Self(None) } else { Self(Some(Box::new(map))) }
    }
}

impl From<Extra> for Map<String, Value> {
    fn from(extra: Extra) -> Self {
        extra.0.map_or_else(Self::new, |map| *map)
    }
}

impl FromIterator<(String, Value)> for Extra {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(fields: I) -> Self {
        fields.into_iter().collect::<Map<_, _>>().into()
    }
}

/// Credentials are not shown: in LiteLLM's JSON they stand beside the parameters.
impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.iter() {
            match is_credential(name, value) {
                true => map.entry(name, &"[redacted]"),
                false => map.entry(name, value),
            };
        }
        map.finish()
    }
}

/// Whether a field is a key, a token or headers by its name. A number is none, so that counts of tokens are shown.
fn is_credential(name: &str, value: &Value) -> bool {
    const WORDS: [&str; 5] = ["api_key", "secret", "password", "credentials", "headers"];
    let by_name = WORDS.iter().any(|word| name.contains(word)) || name.ends_with("_token");
    by_name && matches!(value, Value::String(_) | Value::Object(_))
}

impl Serialize for Extra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_map() {
            Some(map) => map.serialize(serializer),
            None => BTreeMap::<String, Value>::new().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        let mut extra = Extra::new();
        for (name, value) in [
            ("api_key", json!("sk-1")),
            ("extra_headers", json!({"x": "sk-1"})),
            ("aws_session_token", json!("sk-1")),
            ("next_token", json!(7)),
        ] {
            extra.insert(name, value);
        }
        let shown = format!("{extra:?}");
        assert!(!shown.contains("sk-1") && shown.contains('7'), "{shown}");
    }
}
