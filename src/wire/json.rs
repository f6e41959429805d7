//! JSON objects as they are sent: ordered, and built from finished members.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

/// A JSON object that keeps its members in the order in which they were first set, each as JSON text.
///
/// A request body is one: setting a member serialises it once, and the body is the members one after the other. Equal
/// calls give equal bytes, so providers' prompt caches hit, and text that came from elsewhere goes out byte for byte.
///
/// ```
/// use anymodel::wire::json::Object;
///
/// let mut body = Object::new();
/// body.set("model", "gpt-5")?.set_some("seed", None::<&u64>)?.set("n", &2)?;
/// assert_eq!(body.to_bytes(), r#"{"model":"gpt-5","n":2}"#);
/// # Ok::<(), anymodel::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Object {
    members: Vec<(Cow<'static, str>, Box<RawValue>)>,
}

impl Object {
    /// An object without members.
    #[must_use]
    pub const fn new() -> Self {
        Self { members: Vec::new() }
    }

    /// Sets a member: in its old place where the key is there already, else at the end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`], naming the key, for a value that JSON cannot express.
    pub fn set<T: Serialize + ?Sized>(&mut self, key: impl Into<Cow<'static, str>>, value: &T) -> Result<&mut Self> {
        let key = key.into();
        let raw = to_raw_value(value).map_err(|error| {
            Error::new(ErrorKind::InvalidRequest, format!("`{key}` cannot be written as JSON: {error}"))
                .with_source(error)
        })?;
        Ok(self.set_raw(key, raw))
    }

    /// [`set`](Self::set), where there is a value; otherwise nothing.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn set_some<T: Serialize + ?Sized>(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        value: Option<&T>,
    ) -> Result<&mut Self> {
        match value {
            Some(value) => self.set(key, value),
            None => Ok(self),
        }
    }

    /// [`set`](Self::set), for a value that is JSON text already.
    pub fn set_raw(&mut self, key: impl Into<Cow<'static, str>>, raw: Box<RawValue>) -> &mut Self {
        let key = key.into();
        match self.members.iter_mut().find(|(name, _)| *name == key) {
            Some((_, value)) => *value = raw,
            None => self.members.push((key, raw)),
        }
        self
    }

    /// A member's JSON text.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&RawValue> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, raw)| &**raw)
    }

    /// Whether there is such a member.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Whether there is no member at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Takes a member out; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Box<RawValue>> {
        let place = self.members.iter().position(|(name, _)| name == key)?;
        Some(self.members.remove(place).1)
    }

    /// Gives a member another key, in its old place; a member that had that key before gives way.
    ///
    /// Nothing happens where there is no member `from`.
    pub fn rename(&mut self, from: &str, to: impl Into<Cow<'static, str>>) -> &mut Self {
        let to = to.into();
        if from != to && self.contains(from) {
            self.remove(&to);
            if let Some((name, _)) = self.members.iter_mut().find(|(name, _)| name == from) {
                *name = to;
            }
        }
        self
    }

    /// Lays another object over this one: its members win, and where both sides are objects they are merged in turn.
    ///
    /// This is what a caller's extra body means. Text that the other object says nothing about stays as it is.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn merge(&mut self, other: &Map<String, Value>) -> Result<()> {
        for (key, value) in other {
            let below = self.get(key).and_then(|raw| serde_json::from_str::<Self>(raw.get()).ok());
            match (below, value) {
                (Some(mut object), Value::Object(over)) => {
                    object.merge(over)?;
                    self.set(key.clone(), &object)?;
                }
                _ => {
                    self.set(key.clone(), value)?;
                }
            }
        }
        Ok(())
    }

    /// The object as JSON text.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let size = |(key, raw): &(Cow<'static, str>, Box<RawValue>)| key.len().saturating_add(raw.get().len());
        let punctuation = self.members.len().saturating_mul(4).saturating_add(2);
        let mut text = Vec::with_capacity(self.members.iter().map(size).fold(punctuation, usize::saturating_add));
        text.push(b'{');
        for (index, (key, raw)) in self.members.iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            // Writing a string to a `Vec` cannot fail.
            let _ = serde_json::to_writer(&mut text, key);
            text.push(b':');
            text.extend_from_slice(raw.get().as_bytes());
        }
        text.push(b'}');
        text.into()
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (key, raw) in &self.members {
            map.serialize_entry(key, raw)?;
        }
        map.end()
    }
}

/// Reads an object member by member; of a repeated key the last value counts, as in most JSON readers.
impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object::new();
                while let Some((key, raw)) = map.next_entry::<String, Box<RawValue>>()? {
                    object.set_raw(key, raw);
                }
                Ok(object)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;

    fn object(text: &str) -> Object {
        serde_json::from_str(text).unwrap()
    }

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn members_stay_in_the_order_in_which_they_were_first_set() {
        let mut body = Object::new();
        body.set("z", &1).unwrap().set("a", "x").unwrap().set("z", &[true]).unwrap();
        assert_eq!(body.to_bytes(), r#"{"z":[true],"a":"x"}"#);
    }

    #[test]
    fn an_absent_value_sets_nothing() {
        let mut body = Object::new();
        body.set_some("a", None::<&u8>).unwrap().set_some("b", Some("x")).unwrap();
        assert_eq!(body.to_bytes(), r#"{"b":"x"}"#);
        assert!(Object::new().is_empty());
        assert_eq!(Object::new().to_bytes(), "{}");
    }

    #[test]
    fn raw_text_goes_out_byte_for_byte() {
        let mut body = Object::new();
        body.set_raw("n", RawValue::from_string("{ \"x\" : 1.50e3 }".into()).unwrap());
        assert_eq!(body.to_bytes(), r#"{"n":{ "x" : 1.50e3 }}"#);
        assert_eq!(serde_json::to_string(&body).unwrap(), r#"{"n":{ "x" : 1.50e3 }}"#);
    }

    #[test]
    fn keys_are_escaped() {
        let mut body = Object::new();
        body.set("a\"\n", &()).unwrap();
        assert_eq!(body.to_bytes(), r#"{"a\"\n":null}"#);
    }

    #[test]
    fn a_value_that_json_cannot_express_is_an_error_that_names_its_key() {
        let error = Object::new().set("logit_bias", &HashMap::from([(vec![1], 2)])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.message().contains("`logit_bias`"), "{error}");
    }

    #[test]
    fn a_member_is_renamed_in_its_place() {
        let mut body = object(r#"{"max_tokens":9,"n":1,"max_completion_tokens":3}"#);
        body.rename("max_tokens", "max_completion_tokens").rename("absent", "n").rename("n", "n");
        assert_eq!(body.to_bytes(), r#"{"max_completion_tokens":9,"n":1}"#);
    }

    #[test]
    fn a_removed_member_leaves_the_others_in_order() {
        let mut body = object(r#"{"a":1,"b":2,"c":3}"#);
        assert_eq!(body.remove("b").unwrap().get(), "2");
        assert!(body.remove("b").is_none() && !body.contains("b"));
        assert_eq!(body.to_bytes(), r#"{"a":1,"c":3}"#);
    }

    #[test]
    fn merging_goes_into_objects_and_replaces_all_else() {
        let mut body = object(r#"{"a":{"x":1,"y":{"z":[1]}},"b":[1],"c":{"k":1},"d":4}"#);
        body.merge(&map(json!({"a": {"y": {"z": [2], "w": null}}, "b": {"q": 1}, "c": 5, "e": "new"}))).unwrap();
        assert_eq!(body.to_bytes(), r#"{"a":{"x":1,"y":{"z":[2],"w":null}},"b":{"q":1},"c":5,"d":4,"e":"new"}"#);
    }

    #[test]
    fn merging_leaves_text_alone_that_it_says_nothing_about() {
        let mut body = object(r#"{"a":{"big":123456789012345678901234567890,"x":1}}"#);
        body.merge(&map(json!({"a": {"x": 2}}))).unwrap();
        assert_eq!(body.to_bytes(), r#"{"a":{"big":123456789012345678901234567890,"x":2}}"#);
    }

    #[test]
    fn reading_and_writing_again_is_the_identity() {
        let text = r#"{"b":[1, 2],"a":{"x":"é"},"":null}"#;
        assert_eq!(object(text).to_bytes(), text);
        assert!(serde_json::from_str::<Object>("[1]").is_err());
    }
}
