//! Tools, the choice among them and the form of the reply, as OpenAI's JSON.

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{entry, take_marker, take_string};
use crate::chat::{JsonSchemaFormat, ResponseFormat, Tool, ToolChoice};

impl Serialize for Tool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self::Function { name, description, parameters, strict, cache_control, extra } = self else {
            let Self::Native(value) = self else { return serializer.serialize_none() };
            return value.serialize(serializer);
        };
        struct Function<'a>(&'a str, &'a Option<String>, &'a Option<Value>, Option<bool>, Option<&'a Value>);
        impl Serialize for Function<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("name", self.0)?;
                entry(&mut map, "description", self.1.as_ref())?;
                entry(&mut map, "parameters", self.2.as_ref())?;
                entry(&mut map, "strict", self.3)?;
                for (name, value) in self.4.and_then(Value::as_object).into_iter().flatten() {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "function")?;
        let inner = extra.get("function");
        map.serialize_entry("function", &Function(name, description, parameters, *strict, inner))?;
        entry(&mut map, "cache_control", cache_control.as_ref())?;
        for (name, value) in extra.iter().filter(|(name, _)| *name != "function") {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Tool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let is_function = value.get("type").is_none_or(|kind| kind == "function");
        let (true, Value::Object(mut outer)) = (is_function && value.get("function").is_some(), value.clone()) else {
            return Ok(Self::Native(value));
        };
        let Some(Value::Object(mut function)) = outer.shift_remove("function") else {
            return Err(D::Error::custom("a tool of type `function` needs an object `function`"));
        };
        outer.shift_remove("type");
        let name = take_string(&mut function, "name").ok_or_else(|| D::Error::custom("a function needs a `name`"))?;
        let tool = Self::Function {
            name,
            description: take_string(&mut function, "description"),
            parameters: function.shift_remove("parameters").filter(|schema| !schema.is_null()),
            strict: take_flag(&mut function, "strict"),
            cache_control: take_marker(&mut outer).or_else(|| take_marker(&mut function)),
            extra: {
                outer.retain(|_, value| !value.is_null());
                function.retain(|_, value| !value.is_null());
                if !function.is_empty() {
                    outer.insert("function".to_owned(), function.into());
                }
                outer.into()
            },
        };
        Ok(tool)
    }
}

impl Serialize for ToolChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::None => serializer.serialize_str("none"),
            Self::Required => serializer.serialize_str("required"),
            Self::Function(name) => function_choice(name).serialize(serializer),
            Self::Native(value) => value.serialize(serializer),
        }
    }
}

fn function_choice(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name}})
}

impl<'de> Deserialize<'de> for ToolChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(match value.as_str() {
            Some("auto") => Self::Auto,
            Some("none") => Self::None,
            Some("required" | "any") => Self::Required,
            _ => match value.pointer("/function/name").and_then(Value::as_str) {
                Some(name) if value == function_choice(name) => Self::Function(name.to_owned()),
                _ => Self::Native(value),
            },
        })
    }
}

impl Serialize for ResponseFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text => json!({"type": "text"}).serialize(serializer),
            Self::JsonObject => json!({"type": "json_object"}).serialize(serializer),
            Self::JsonSchema(format) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("type", "json_schema")?;
                map.serialize_entry("json_schema", format)?;
                map.end()
            }
            Self::Native(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ResponseFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let fields = value.as_object().map_or(0, Map::len);
        Ok(match (value.get("type").and_then(Value::as_str), value.get("json_schema")) {
            (Some("text"), None) if fields == 1 => Self::Text,
            (Some("json_object"), None) if fields == 1 => Self::JsonObject,
            (Some("json_schema"), Some(schema)) if fields == 2 => match JsonSchemaFormat::deserialize(schema) {
                Ok(format) => Self::JsonSchema(format),
                Err(_) => Self::Native(value),
            },
            _ => Self::Native(value),
        })
    }
}

/// Takes a member out, if it is yes or no; anything else stays where it is.
fn take_flag(fields: &mut Map<String, Value>, name: &str) -> Option<bool> {
    let flag = fields.get(name)?.as_bool()?;
    fields.shift_remove(name);
    Some(flag)
}
