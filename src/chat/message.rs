//! Messages and the ways to write them.

use serde::{Deserialize, Serialize};

use super::{Content, Extra, Part, Source, ToolCall};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// Sets the behaviour of the model.
    System,
    /// OpenAI's newer name for [`Role::System`]; sent as `system` where a provider does not know it.
    Developer,
    /// Asks.
    User,
    /// The model.
    Assistant,
    /// The result of a tool.
    Tool,
    /// The result of a function, in OpenAI's older form of tools.
    Function,
}

impl Role {
    /// The role in OpenAI's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
            Self::Function => "function",
        }
    }

    /// Whether it is `system` or `developer`.
    #[must_use]
    pub const fn is_instruction(self) -> bool {
        matches!(self, Self::System | Self::Developer)
    }
}

/// One turn of a conversation.
///
/// A reply's message can be pushed onto the conversation as it is, reasoning, seals and tool calls included; what
/// belongs to one provider only is left out when the next call goes to another.
///
/// ```
/// use anymodel::{Message, Part, assistant, tool_result, user};
///
/// let mut messages: Vec<Message> = vec![user("Weather in Paris?")];
/// messages.push(assistant([Part::tool_call("call_1", "get_weather", r#"{"city":"Paris"}"#)]));
/// messages.push(tool_result("call_1", "18 °C, sunny"));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// The speaker's name, where several share a role; of a function, the function's.
    pub name: Option<String>,
    /// Of a tool's result: the call that it answers.
    pub tool_call_id: Option<String>,
    /// Of a tool's result: whether the tool failed. Told to the providers that know it (Anthropic, Bedrock).
    pub is_error: bool,
    /// Citations of the text, in order.
    pub annotations: Vec<Annotation>,
    /// Fields that have no name here.
    pub extra: Extra,
    /// Whether a lone plain text was read as a list, so that it is written as one.
    pub(super) listed: bool,
}

impl Message {
    /// A message of this role.
    #[must_use]
    pub fn new(role: Role, parts: impl IntoParts) -> Self {
        Self {
            role,
            parts: parts.into_parts(),
            name: None,
            tool_call_id: None,
            is_error: false,
            annotations: Vec::new(),
            extra: Extra::new(),
            listed: false,
        }
    }

    /// Has the answer go on from it, by the word from which Mistral and DeepSeek know that it is not a turn of its own.
    pub(crate) fn begin_answer(&mut self) {
        self.extra.insert("prefix", true);
    }

    /// The same message with the speaker's name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same result, of a tool that failed.
    #[must_use]
    pub fn failed(mut self) -> Self {
        self.is_error = true;
        self
    }

    /// The text of the message: its text parts, joined.
    #[must_use]
    pub fn text(&self) -> String {
        self.join(|content| match content {
            Content::Text(text) => Some(text),
            _ => None,
        })
    }

    /// The reasoning in words, joined; empty where there is none.
    #[must_use]
    pub fn reasoning(&self) -> String {
        self.join(|content| match content {
            Content::Reasoning(reasoning) => Some(&reasoning.text),
            _ => None,
        })
    }

    /// The words of a refusal.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let refused = self.parts.iter().any(|part| matches!(part.content, Content::Refusal(_)));
        refused.then(|| {
            self.join(|content| match content {
                Content::Refusal(text) => Some(text),
                _ => None,
            })
        })
    }

    /// The tool calls, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(Part::as_tool_call)
    }

    /// The pictures, in order.
    pub fn images(&self) -> impl Iterator<Item = &Source> {
        self.parts.iter().filter_map(|part| match &part.content {
            Content::Image(image) => Some(&image.source),
            _ => None,
        })
    }

    fn join<'a>(&'a self, pick: impl Fn(&'a Content) -> Option<&'a String>) -> String {
        let mut found = self.parts.iter().filter_map(|part| pick(&part.content));
        let mut text = found.next().cloned().unwrap_or_default();
        for more in found {
            text.push_str(more);
        }
        text
    }
}

/// A citation of a stretch of the reply's text, in OpenAI's `url_citation` form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotation {
    /// Its kind; `url_citation` nearly always.
    pub kind: String,
    /// Where the cited stretch begins in the message's text, in characters.
    pub start_index: Option<u64>,
    /// Where it ends, in characters.
    pub end_index: Option<u64>,
    /// The source's address.
    pub url: Option<String>,
    /// The source's title.
    pub title: Option<String>,
    /// Fields that have no name here, such as the cited text.
    pub extra: Extra,
}

impl Annotation {
    /// A citation of a web page.
    #[must_use]
    pub fn url(url: impl Into<String>) -> Self {
        Self { kind: "url_citation".to_owned(), url: Some(url.into()), ..Self::default() }
    }
}

/// A message that sets the model's behaviour.
#[must_use]
pub fn system(parts: impl IntoParts) -> Message {
    Message::new(Role::System, parts)
}

/// A message that sets the model's behaviour, under OpenAI's newer name.
#[must_use]
pub fn developer(parts: impl IntoParts) -> Message {
    Message::new(Role::Developer, parts)
}

/// A message of the user.
#[must_use]
pub fn user(parts: impl IntoParts) -> Message {
    Message::new(Role::User, parts)
}

/// A message of the model; as the last message, the beginning of the reply (prefill), where the provider has that.
#[must_use]
pub fn assistant(parts: impl IntoParts) -> Message {
    Message::new(Role::Assistant, parts)
}

/// The result of the tool call with this id.
#[must_use]
pub fn tool_result(id: impl Into<String>, parts: impl IntoParts) -> Message {
    let mut message = Message::new(Role::Tool, parts);
    message.tool_call_id = Some(id.into());
    message
}

/// What can be the content of a message: a text, a [`Part`], or several.
pub trait IntoParts {
    /// The content as parts.
    fn into_parts(self) -> Vec<Part>;
}

impl<T: Into<Part>> IntoParts for T {
    fn into_parts(self) -> Vec<Part> {
        vec![self.into()]
    }
}

impl<T: Into<Part>> IntoParts for Vec<T> {
    fn into_parts(self) -> Vec<Part> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<Part>, const N: usize> IntoParts for [T; N] {
    fn into_parts(self) -> Vec<Part> {
        self.into_iter().map(Into::into).collect()
    }
}

/// What can be a conversation: a text (of the user), a [`Message`], or several.
pub trait IntoMessages {
    /// The conversation as messages.
    fn into_messages(self) -> Vec<Message>;
}

impl IntoMessages for &str {
    fn into_messages(self) -> Vec<Message> {
        vec![user(self)]
    }
}

impl IntoMessages for String {
    fn into_messages(self) -> Vec<Message> {
        vec![user(self)]
    }
}

impl IntoMessages for &String {
    fn into_messages(self) -> Vec<Message> {
        vec![user(self.as_str())]
    }
}

impl IntoMessages for Message {
    fn into_messages(self) -> Vec<Message> {
        vec![self]
    }
}

impl IntoMessages for &Message {
    fn into_messages(self) -> Vec<Message> {
        vec![self.clone()]
    }
}

impl IntoMessages for Vec<Message> {
    fn into_messages(self) -> Vec<Message> {
        self
    }
}

impl IntoMessages for &[Message] {
    fn into_messages(self) -> Vec<Message> {
        self.to_vec()
    }
}

impl IntoMessages for &Vec<Message> {
    fn into_messages(self) -> Vec<Message> {
        self.clone()
    }
}

impl<const N: usize> IntoMessages for &[Message; N] {
    fn into_messages(self) -> Vec<Message> {
        self.to_vec()
    }
}

impl<const N: usize> IntoMessages for [Message; N] {
    fn into_messages(self) -> Vec<Message> {
        self.into()
    }
}
