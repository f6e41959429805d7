//! What can be counted, and how messages are.

use serde_json::Value;

use crate::chat::{ChatRequest, Content, Message, Part, ResponseFormat, Role, Tool, ToolChoice};

use super::{TokenCount, Tokenizer, image, media, tools};

/// What is to be counted: a text, messages, or messages with tools.
///
/// Texts, messages and requests become one by themselves; see [`token_counter`](super::token_counter).
#[derive(Clone, Copy, Debug)]
pub struct Prompt<'a>(Inner<'a>);

#[derive(Clone, Copy, Debug)]
enum Inner<'a> {
    Text(&'a str),
    Messages {
        messages: &'a [Message],
        tools: &'a [Tool],
        choice: Option<&'a ToolChoice>,
        format: Option<&'a ResponseFormat>,
    },
}

impl<'a> Prompt<'a> {
    /// Messages with the tools that go with them.
    #[must_use]
    pub fn with_tools(messages: &'a [Message], tools: &'a [Tool], choice: Option<&'a ToolChoice>) -> Self {
        Self(Inner::Messages { messages, tools, choice, format: None })
    }
}

impl<'a> From<&'a str> for Prompt<'a> {
    fn from(text: &'a str) -> Self {
        Self(Inner::Text(text))
    }
}

impl<'a> From<&'a String> for Prompt<'a> {
    fn from(text: &'a String) -> Self {
        Self(Inner::Text(text))
    }
}

impl<'a> From<&'a [Message]> for Prompt<'a> {
    fn from(messages: &'a [Message]) -> Self {
        Self::with_tools(messages, &[], None)
    }
}

impl<'a> From<&'a Vec<Message>> for Prompt<'a> {
    fn from(messages: &'a Vec<Message>) -> Self {
        Self::with_tools(messages, &[], None)
    }
}

impl<'a, const N: usize> From<&'a [Message; N]> for Prompt<'a> {
    fn from(messages: &'a [Message; N]) -> Self {
        Self::with_tools(messages, &[], None)
    }
}

impl<'a> From<&'a ChatRequest> for Prompt<'a> {
    fn from(request: &'a ChatRequest) -> Self {
        let params = &request.params;
        Self(Inner::Messages {
            messages: &request.messages,
            tools: params.tools.as_deref().unwrap_or_default(),
            choice: params.tool_choice.as_ref(),
            format: params.response_format.as_ref(),
        })
    }
}

/// Every reply is begun by the host with `<|start|>assistant<|message|>`.
const REPLY: u64 = 3;
/// What stands around the definitions of tools.
const TOOLS: u64 = 9;
/// How much less that is where a system message is there already.
const TOOLS_AFTER_SYSTEM: u64 = 4;
/// The choice of one tool, beside its name.
const CHOICE: u64 = 7;

/// A sum that is not scaled to the model yet: of texts, and of what OpenAI's format puts around them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    text: TokenCount,
    frame: i64,
}

impl Tally {
    /// The beginning of the reply alone.
    pub(super) fn reply() -> Self {
        let mut tally = Self::default();
        tally.add_frame(REPLY);
        tally
    }

    pub(super) fn add(&mut self, count: TokenCount) {
        self.text = self.text.plus(count);
    }

    fn add_frame(&mut self, tokens: u64) {
        self.frame = self.frame.saturating_add(i64::try_from(tokens).unwrap_or(i64::MAX));
    }

    pub(super) fn plus(mut self, other: Self) -> Self {
        self.text = self.text.plus(other.text);
        self.frame = self.frame.saturating_add(other.frame);
        self
    }

    pub(super) fn total(self, tokenizer: &Tokenizer) -> TokenCount {
        let text = tokenizer.scaled(self.text);
        TokenCount { tokens: text.tokens.saturating_add_signed(self.frame), exact: text.exact }
    }
}

impl Tokenizer {
    /// The tokens of a text, of messages, or of a request with its tools.
    ///
    /// The rules are those by which OpenAI's chat format is known to count, and LiteLLM's `token_counter` with it. Each
    /// message is 3 tokens beside its role, its texts, its name (and 1 more), the id of the call that it answers, its
    /// reasoning and the arguments of its tool calls; the reply's beginning is 3. Tools are 9 and their definitions,
    /// written as TypeScript; 4 less where there is a system message. `tool_choice` is 1 for `none` and 7 and the name
    /// for one tool. A picture is 85 tokens, or with `detail: high` 85 and 170 for each tile of 512 by 512 pixels after
    /// it has been scaled down; one that is not in the request, or not understood, counts as 300 by 300 pixels. For the
    /// rules of other media see `src/tokenizer/media.rs`.
    ///
    /// A JSON Schema for the reply counts as its JSON.
    ///
    /// The count is exact where text alone is counted by the model's own encoding; calls of tools, their results and
    /// reasoning make it an estimate. Of eleven recorded prompts of text to OpenAI's models nine have exactly the tokens
    /// that OpenAI reported and two (one of GPT-5.2) one more; of five with tools two are
    /// equal, two are 2 and 5 short, and one with a forced tool has 164 where 85 are counted.
    ///
    /// ```
    /// use anymodel::{ChatRequest, Tokenizer, Tool, ToolChoice, user};
    ///
    /// let mut request = ChatRequest::new("gpt-4o", "Weather in Paris?");
    /// let tokenizer = Tokenizer::for_model(&request.model);
    /// let alone = tokenizer.count_prompt(&request);
    /// request.params.tools = Some(vec![Tool::function("get_weather", "Current weather of a city")]);
    /// request.params.tool_choice = Some(ToolChoice::None);
    /// assert!(tokenizer.count_prompt(&request).tokens > alone.tokens + 10);
    /// ```
    #[must_use]
    pub fn count_prompt<'a>(&self, prompt: impl Into<Prompt<'a>>) -> TokenCount {
        let (messages, tools, choice, format) = match prompt.into().0 {
            Inner::Text(text) => return self.count(text),
            Inner::Messages { messages, tools, choice, format } => (messages, tools, choice, format),
        };
        let mut tally = messages.iter().map(|message| self.tally(message)).fold(Tally::reply(), Tally::plus);
        if !tools.is_empty() {
            tally.add(self.guess(&tools::as_typescript(tools)));
            tally.add_frame(TOOLS);
            if messages.iter().any(|message| message.role.is_instruction()) {
                tally.frame = tally.frame.saturating_sub_unsigned(TOOLS_AFTER_SYSTEM);
            }
        }
        if let Some(ResponseFormat::JsonSchema(format)) = format {
            tally.add(self.guess(&format.schema.to_string()));
        }
        let chosen = match choice {
            Some(ToolChoice::None) => {
                tally.add_frame(1);
                None
            }
            Some(ToolChoice::Function(name)) => Some(name.as_str()),
            Some(ToolChoice::Native(value)) => {
                value.pointer("/function/name").or_else(|| value.get("name")).and_then(Value::as_str)
            }
            _ => None,
        };
        if let Some(name) = chosen {
            tally.add_frame(CHOICE);
            tally.add(self.unscaled(name));
        }
        tally.total(self)
    }

    /// The tokens of messages alone, without the beginning of a reply.
    ///
    /// ```
    /// use anymodel::{Tokenizer, user};
    ///
    /// let tokenizer = Tokenizer::for_model("gpt-4o");
    /// let messages = [user("Hello, how are you?")];
    /// assert_eq!(tokenizer.count_messages(&messages).tokens + 3, tokenizer.count_prompt(&messages).tokens);
    /// ```
    #[must_use]
    pub fn count_messages(&self, messages: &[Message]) -> TokenCount {
        messages.iter().map(|message| self.tally(message)).fold(Tally::default(), Tally::plus).total(self)
    }

    /// The tokens of one message, still unscaled.
    pub(super) fn tally(&self, message: &Message) -> Tally {
        let frame = self.frame();
        let mut tally = Tally::default();
        tally.add_frame(frame.message);
        tally.add(self.unscaled(message.role.as_str()));
        if let Some(name) = &message.name {
            tally.add(self.unscaled(name));
            tally.frame = tally.frame.saturating_add(frame.name);
        }
        if let Some(id) = &message.tool_call_id
            && message.role == Role::Tool
        {
            tally.add(self.guess(id));
        }
        for part in &message.parts {
            self.tally_part(part, &mut tally);
        }
        for (_, value) in message.extra.iter() {
            if let Value::String(text) = value {
                tally.add(self.unscaled(text));
            }
        }
        tally
    }

    /// The tokens of a text that is not what the model will see.
    fn guess(&self, text: &str) -> TokenCount {
        TokenCount { exact: false, ..self.unscaled(text) }
    }

    fn tally_part(&self, part: &Part, tally: &mut Tally) {
        match &part.content {
            Content::Text(text) | Content::Refusal(text) => tally.add(self.unscaled(text)),
            Content::Reasoning(reasoning) => tally.add(self.guess(&reasoning.text)),
            Content::ToolCall(call) => tally.add(self.guess(&call.arguments)),
            Content::Image(picture) => tally.add(image::tokens(picture)),
            Content::File(file) => {
                if let Some(name) = &file.name {
                    tally.add(self.unscaled(name));
                }
                match media::text_of(file) {
                    Some(text) => tally.add(self.unscaled(&text)),
                    None => tally.add(media::document(&file.source)),
                }
            }
            Content::Audio(audio) => match &audio.transcript {
                Some(text) => tally.add(self.guess(text)),
                None => tally.add(media::sound(audio)),
            },
            Content::Video(video) => tally.add(media::video(&video.source)),
            Content::Native(block) => tally.add(self.guess(&block.value.to_string())),
            #[expect(unreachable_patterns, reason = "kinds of content may be added")]
            _ => tally.add(TokenCount::estimate(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::user;
    #[cfg(feature = "tiktoken")]
    use crate::chat::{assistant, system, tool_result};

    fn count<'a>(prompt: impl Into<Prompt<'a>>) -> TokenCount {
        Tokenizer::for_model("gpt-4o").count_prompt(prompt)
    }

    #[cfg(feature = "tiktoken")]
    fn weather() -> Tool {
        Tool::function("get_weather", "Current weather of a city").parameters(json!({
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "City name"},
                "unit": {"type": "string", "enum": ["C", "F"]},
                "days": {"type": "array", "items": {"type": "integer"}},
            },
            "required": ["city"],
        }))
    }

    #[cfg(feature = "tiktoken")]
    #[test]
    fn messages_count_as_openai_s_format_does() {
        assert_eq!(count(&[user("Hello world")]), TokenCount::exact(9));
        assert_eq!(count(&[user("Hello, how are you?")]), TokenCount::exact(13));
        assert_eq!(count(&[system("Be terse."), user("Hi"), assistant("Hello!")]), TokenCount::exact(21));
        assert_eq!(count(&[user("Hi").named("ada")]), TokenCount::exact(10));
        assert_eq!(count(&[user(["Hi", "there"])]), TokenCount::exact(9));
        assert_eq!(count(&[user([Part::text("What?"), Part::image_url("https://example.com/a.png")])]).tokens, 94);
    }

    #[cfg(feature = "tiktoken")]
    #[test]
    fn the_first_gpt_3_5_counts_names_otherwise() {
        let count = |model: &str| Tokenizer::for_model(model).count_prompt(&[user("Hi").named("ada")]).tokens;
        assert_eq!((count("gpt-3.5-turbo"), count("gpt-3.5-turbo-0301")), (10, 9));
    }

    #[cfg(feature = "tiktoken")]
    #[test]
    fn tools_and_the_choice_among_them_count() {
        let (tools, messages) = ([weather()], [user("Weather in Paris?")]);
        let with = |choice: Option<&ToolChoice>| count(Prompt::with_tools(&messages, &tools, choice)).tokens;
        assert_eq!(with(None), 64);
        assert_eq!(with(Some(&ToolChoice::Auto)), 64);
        assert_eq!(with(Some(&ToolChoice::None)), 65);
        assert_eq!(with(Some(&ToolChoice::function("get_weather"))), 64 + 7 + 2);
        let native = ToolChoice::Native(json!({"type": "function", "function": {"name": "get_weather"}}));
        assert_eq!(with(Some(&native)), 64 + 7 + 2);
        let instructed = [system("Be terse."), user("Weather in Paris?")];
        let more = count(&instructed).tokens - count(&messages).tokens;
        assert_eq!(count(Prompt::with_tools(&instructed, &tools, None)).tokens, 64 + more - 4);
        assert!(!count(Prompt::with_tools(&messages, &tools, None)).exact);
    }

    #[cfg(feature = "tiktoken")]
    #[test]
    fn a_round_of_tools_counts_arguments_and_ids() {
        let call = Part::tool_call("call_1", "get_weather", "{\"city\": \"Paris\"}");
        let messages = [user("Weather?"), assistant([call]), tool_result("call_1", "21 C")];
        assert_eq!(count(Prompt::with_tools(&messages, &[weather()], None)).tokens, 81);
    }

    #[test]
    fn a_schema_for_the_reply_makes_an_estimate() {
        let mut request = ChatRequest::new("gpt-4o", "Hi");
        let alone = count(&request);
        request.params.response_format = Some(ResponseFormat::json_schema("a", json!({"type": "object"})));
        let with = count(&request);
        assert!(with.tokens > alone.tokens && !with.exact);
    }

    #[test]
    fn what_is_not_text_makes_an_estimate() {
        for part in [
            Part::image_url("https://example.com/a.png"),
            Part::file(b"%PDF-1.4", "application/pdf", "a.pdf"),
            Part::audio(b"RIFF", "wav"),
            Part::video_url("https://example.com/a.mp4"),
            Part::native("anthropic", json!({"type": "server_tool_use"})),
        ] {
            let counted = count(&[user([part.clone()])]);
            assert!(!counted.exact && counted.tokens > 7, "{part:?}: {counted:?}");
        }
    }

    #[cfg(feature = "tiktoken")]
    #[test]
    fn reasoning_and_text_files_count_as_their_text() {
        let thought = assistant([Part::reasoning("Hello, how are you?"), Part::text("Hi")]);
        let said = count(&[assistant(["Hello, how are you?", "Hi"])]).tokens;
        assert_eq!(count(&[thought]), TokenCount::estimate(said));
        let file = user([Part::file("Hello, how are you?", "text/plain", "a")]);
        assert_eq!(count(&[file]), TokenCount::exact(14));
    }
}
