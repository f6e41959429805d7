//! Tools, the choice among them, and the form of the reply.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{CacheControl, Extra};

/// A tool that the model may call, or one that the provider runs itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Tool {
    /// A function of the caller's.
    Function {
        /// Its name.
        name: String,
        /// What it does, for the model.
        description: Option<String>,
        /// Its arguments as a JSON Schema; `None` where it takes none.
        parameters: Option<Value>,
        /// Whether the arguments must follow the schema to the letter.
        strict: Option<bool>,
        /// A prompt-cache marker after this tool.
        cache_control: Option<CacheControl>,
        /// Fields beside `function`, and (under the key `function`) fields inside it, that have no name here.
        extra: Extra,
    },
    /// A tool in its provider's own form, such as `{"type": "web_search_20250305", …}`: sent as it is.
    Native(Value),
}

impl Tool {
    /// A function tool without arguments.
    #[must_use]
    pub fn function(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Function {
            name: name.into(),
            description: Some(description.into()),
            parameters: None,
            strict: None,
            cache_control: None,
            extra: Extra::new(),
        }
    }

    /// The same tool with arguments of this JSON Schema.
    #[must_use]
    pub fn parameters(mut self, schema: impl Into<Value>) -> Self {
        if let Self::Function { parameters, .. } = &mut self {
            *parameters = Some(schema.into());
        }
        self
    }

    /// The same tool, its arguments held to the schema.
    #[must_use]
    pub fn strict(mut self, on: bool) -> Self {
        if let Self::Function { strict, .. } = &mut self {
            *strict = Some(on);
        }
        self
    }

    /// A function tool whose name, description and arguments are those of a Rust type: the type's name in
    /// `snake_case`, its doc comment, its JSON Schema.
    #[cfg(feature = "schemars")]
    #[must_use]
    pub fn of<T: schemars::JsonSchema>() -> Self {
        let mut schema = schema_of::<T>();
        let description = schema.as_object_mut().and_then(|object| {
            object.shift_remove("title");
            object.shift_remove("description")
        });
        Self::Function {
            name: snake_case(&T::schema_name()),
            description: description.and_then(|text| text.as_str().map(str::to_owned)),
            parameters: Some(schema),
            strict: None,
            cache_control: None,
            extra: Extra::new(),
        }
    }

    /// The name by which the model calls it; `None` for a native tool without one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Function { name, .. } => Some(name),
            Self::Native(value) => value.get("name").and_then(Value::as_str),
        }
    }
}

/// The schema of a Rust type. A value of any kind is `{}` in it and not `true`, which not every server can read.
#[cfg(feature = "schemars")]
fn schema_of<T: schemars::JsonSchema>() -> Value {
    let mut objects = schemars::transform::ReplaceBoolSchemas::default();
    objects.skip_additional_properties = true;
    let settings = schemars::generate::SchemaSettings::draft2020_12().with_transform(objects);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    schema.as_object_mut().map(|object| object.shift_remove("$schema"));
    schema
}

/// A type's name as providers take names: in `snake_case` (`HTTPGet` becomes `http_get`), of ASCII letters, digits, `_`
/// and `-`, 64 at most.
#[cfg(feature = "schemars")]
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    let (mut before, mut letters) = ('_', name.chars().peekable());
    while let Some(letter) = letters.next() {
        let ends_a_run = before.is_uppercase() && letters.peek().is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && before != '_' && (!before.is_uppercase() || ends_a_run) {
            snake.push('_');
        }
        before = if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
        snake.push(before.to_ascii_lowercase());
    }
    snake.truncate(64);
    snake
}

/// Which tools the model may or must call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Function(String),
    /// In a form that has no name here: sent as it is.
    Native(Value),
}

impl ToolChoice {
    /// This tool.
    #[must_use]
    pub fn function(name: impl Into<String>) -> Self {
        Self::Function(name.into())
    }
}

/// The form that the reply's text must have.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ResponseFormat {
    /// Free text.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON of this schema.
    JsonSchema(JsonSchemaFormat),
    /// In a form that has no name here: sent as it is.
    Native(Value),
}

/// A JSON Schema for the reply, in OpenAI's `json_schema` form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JsonSchemaFormat {
    /// The schema's name.
    pub name: String,
    /// What the reply is, for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether the reply must follow the schema to the letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    /// The schema.
    #[serde(default)]
    pub schema: Value,
    /// Fields that have no name here.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ResponseFormat {
    /// JSON that follows this schema to the letter.
    #[must_use]
    pub fn json_schema(name: impl Into<String>, schema: impl Into<Value>) -> Self {
        Self::JsonSchema(JsonSchemaFormat {
            name: name.into(),
            description: None,
            strict: Some(true),
            schema: schema.into(),
            extra: Extra::new(),
        })
    }

    /// JSON that reads as this Rust type, without strictness: `.parse::<T>()` of a call asks for that too, where
    /// strict schemas can say the type.
    #[cfg(feature = "schemars")]
    #[must_use]
    pub fn of<T: schemars::JsonSchema>() -> Self {
        Self::JsonSchema(JsonSchemaFormat {
            name: snake_case(&T::schema_name()),
            description: None,
            strict: None,
            schema: schema_of::<T>(),
            extra: Extra::new(),
        })
    }
}

/// An empty schema: an object without properties.
pub(crate) fn no_arguments() -> Value {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), Map::new().into());
    schema.into()
}

#[cfg(all(test, feature = "schemars"))]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_of_any_kind_is_an_object_in_a_schema() {
        #[derive(schemars::JsonSchema)]
        #[expect(dead_code, reason = "its schema is all that is wanted")]
        struct Note {
            about: Value,
            more: Vec<Value>,
        }
        let Tool::Function { parameters, .. } = Tool::of::<Note>() else { panic!("a function") };
        let properties = json!({"about": {}, "more": {"type": "array", "items": {}}});
        assert_eq!(parameters.unwrap()["properties"], properties);
        let ResponseFormat::JsonSchema(format) = ResponseFormat::of::<Note>() else { panic!("a schema") };
        assert_eq!((&format.schema["properties"], format.name.as_str()), (&properties, "note"));
    }

    #[test]
    fn a_type_s_name_becomes_one_that_providers_take() {
        for (name, taken) in [
            ("GetWeather", "get_weather"),
            ("HTTPGet", "http_get"),
            ("GetURL", "get_url"),
            ("Nullable_Array_of_Mood", "nullable_array_of_mood"),
            ("my tool/Größe", "my_tool_gr__e"),
            ("Look2Far", "look2_far"),
        ] {
            assert_eq!(snake_case(name), taken);
        }
        assert_eq!(snake_case(&"Tuple_of_".repeat(20)).len(), 64);
    }
}
