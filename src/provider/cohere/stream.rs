//! The streamed reply: named events, from `message-start` to `message-end`, then `[DONE]`.

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::error::in_place_of_a_reply;
use super::{PLAN, WIRE};
use crate::chat::{
    Annotation, ChatChunk, CompletionTokensDetails, Delta, Extra, FinishReason, PromptTokensDetails, Seal, Start,
};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{EventDecoder, Flow, Queue};
use crate::text::Text;
use crate::wire::Frame;

/// Takes the steps of a reply.
type Push<'p> = &'p mut dyn FnMut(Delta);

/// Decodes the events of one reply.
#[derive(Debug, Default)]
pub(super) struct Events {
    reader: Reader,
}

impl EventDecoder for Events {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        if frame.data == b"[DONE]" {
            return Ok(Flow::Done);
        }
        let unreadable = |source| {
            Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not one of Cohere's chat")
                .with_body(bytes::Bytes::copy_from_slice(frame.data))
                .with_source(source)
        };
        let event: Event<'_> = serde_json::from_slice(frame.data).map_err(unreadable)?;
        let mut push = |delta| queue.push_back(ChatChunk::new(delta));
        let delta = event.delta.unwrap_or_default();
        let message = delta.message.unwrap_or_default();
        let (reader, index) = (&mut self.reader, event.index);
        match event.kind.as_deref().or(frame.event).unwrap_or_default() {
            "message-start" => push(Delta::Start(Box::new(Start {
                id: event.id.map(Text::into_owned).unwrap_or_default(),
                ..Start::default()
            }))),
            "content-start" => {
                for block in one_or_many(message.content).map_err(unreadable)? {
                    reader.block(index.unwrap_or(0), block, &mut push);
                }
            }
            "content-delta" => {
                for block in one_or_many(message.content).map_err(unreadable)? {
                    reader.more(index.unwrap_or(0), block, &mut push);
                }
                if let Some(tokens) = event.logprobs {
                    reader.logprob(tokens, &mut push);
                }
            }
            "tool-plan-delta" => {
                if let Some(plan) = message.tool_plan {
                    reader.plan(plan, &mut push);
                }
            }
            "tool-call-start" => {
                for call in one_or_many(message.tool_calls).map_err(unreadable)? {
                    reader.call(index, call, &mut push);
                }
            }
            "tool-call-delta" => {
                for call in one_or_many::<Call>(message.tool_calls).map_err(unreadable)? {
                    reader.arguments(index, call.function.arguments, &mut push);
                }
            }
            "tool-call-end" => reader.call_end(index, &mut push),
            "citation-start" => {
                for citation in one_or_many(message.citations).map_err(unreadable)? {
                    reader.citation(citation, &mut push);
                }
            }
            "message-end" => {
                let reason = delta.finish_reason.as_deref().unwrap_or("COMPLETE");
                reader.finish(reason, delta.error.as_deref(), delta.usage, frame.data, &mut push)?;
                return Ok(Flow::Done);
            }
            "error" => {
                let said = event.message.or(delta.error).map(Text::into_owned).unwrap_or_default();
                return Err(in_place_of_a_reply(&said, None, frame.data));
            }
            // An error without a name is told by its words.
            "" => {
                if let Some(message) = event.message {
                    return Err(in_place_of_a_reply(&message, None, frame.data));
                }
            }
            _ => {}
        }
        Ok(Flow::More)
    }
}

/// A list, or what stands in the place of a list of one.
fn one_or_many<T: DeserializeOwned>(raw: Option<&RawValue>) -> serde_json::Result<Vec<T>> {
    match raw.map(RawValue::get) {
        None | Some("null") => Ok(Vec::new()),
        Some(list) if list.starts_with('[') => serde_json::from_str(list),
        Some(one) => Ok(vec![serde_json::from_str(one)?]),
    }
}

/// Turns what a reply consists of into deltas, whether it comes whole or in pieces.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Whether the plan has begun and may go on.
    planning: bool,
    /// Which block began at which character of the text.
    blocks: Vec<(u64, u64)>,
    /// How many characters of text there were.
    length: u64,
    /// The calls by how the server counts them, and whether they have arguments.
    calls: Vec<(Option<u64>, bool)>,
}

impl Reader {
    /// More of the plan for calling tools.
    pub(super) fn plan(&mut self, text: Text<'_>, push: Push<'_>) {
        if !text.is_empty() {
            self.planning = true;
            push(Delta::Reasoning(text.into_owned()));
        }
    }

    /// The plan has ended: what comes next is something else.
    fn end_plan(&mut self, push: Push<'_>) {
        if std::mem::take(&mut self.planning) {
            push(Delta::Seal(Box::new(Seal::new(WIRE, PLAN))));
        }
    }

    /// A block begins, with what it holds already.
    pub(super) fn block(&mut self, index: u64, block: Block, push: Push<'_>) {
        self.blocks.push((index, self.length));
        self.more(index, block, push);
    }

    /// More of a block.
    pub(super) fn more(&mut self, index: u64, block: Block, push: Push<'_>) {
        if !self.blocks.iter().any(|(known, _)| *known == index) {
            self.blocks.push((index, self.length));
        }
        if let Some(text) = block.thinking.filter(|text| !text.is_empty()) {
            self.end_plan(push);
            push(Delta::Reasoning(text));
        }
        if let Some(text) = block.text.filter(|text| !text.is_empty()) {
            self.end_plan(push);
            self.length = self.length.saturating_add(text.chars().count() as u64);
            push(Delta::Text(text));
        }
    }

    /// A call begins, with the arguments that it has already.
    pub(super) fn call(&mut self, index: Option<u64>, call: Call, push: Push<'_>) {
        self.end_plan(push);
        let place = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        self.calls.push((index, false));
        push(Delta::ToolCall {
            index: place,
            id: call.id.unwrap_or_default(),
            name: call.function.name.unwrap_or_default(),
        });
        self.arguments(index, call.function.arguments, push);
    }

    /// More of a call's arguments.
    pub(super) fn arguments(&mut self, index: Option<u64>, text: Option<String>, push: Push<'_>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        if let Some(place) = self.place_of(index) {
            if let Some((_, has_arguments)) = self.calls.get_mut(place) {
                *has_arguments = true;
            }
            push(Delta::Arguments { index: u32::try_from(place).unwrap_or(u32::MAX), text });
        }
    }

    /// A call has ended: without arguments they are an empty object.
    pub(super) fn call_end(&mut self, index: Option<u64>, push: Push<'_>) {
        if let Some(place) = self.place_of(index)
            && self.calls.get(place).is_some_and(|(_, has_arguments)| !has_arguments)
        {
            self.arguments(index, Some("{}".to_owned()), push);
        }
    }

    fn place_of(&self, index: Option<u64>) -> Option<usize> {
        let known = self.calls.iter().rposition(|(known, _)| *known == index);
        known.or_else(|| self.calls.len().checked_sub(1).filter(|_| index.is_none()))
    }

    /// A citation: an annotation for each of its sources. Places count from the beginning of a block of text; those in
    /// the reasoning are no places in the reply's text.
    pub(super) fn citation(&mut self, citation: Citation, push: Push<'_>) {
        let in_text = matches!(citation.kind.as_deref(), None | Some("TEXT_CONTENT"));
        let block = citation.content_index.and_then(|index| self.blocks.iter().rfind(|(known, _)| *known == index));
        let start = block.map_or(0, |(_, start)| *start);
        let place = |within: Option<u64>| Some(within?.saturating_add(start)).filter(|_| in_text);
        let mut annotation = Annotation {
            kind: "url_citation".to_owned(),
            start_index: place(citation.start),
            end_index: place(citation.end),
            ..Annotation::default()
        };
        if let Some(text) = citation.text {
            annotation.extra.insert("text", text);
        }
        if let Some(kind) = citation.kind.filter(|_| !in_text) {
            annotation.extra.insert("type", kind);
        }
        for source in citation.sources.iter().flatten() {
            let mut annotation = annotation.clone();
            let said = |name: &str| source.get("document").and_then(|document| document.get(name)?.as_str());
            annotation.url = said("url").map(str::to_owned);
            annotation.title = said("title").map(str::to_owned);
            annotation.extra.insert("source", source.clone());
            push(Delta::Annotation(Box::new(annotation)));
        }
        if citation.sources.iter().flatten().next().is_none() {
            push(Delta::Annotation(Box::new(annotation)));
        }
    }

    /// The probability of a piece of text in OpenAI's form. Of a piece of several tokens it is that of all of them.
    pub(super) fn logprob(&mut self, piece: Logprob, push: Push<'_>) {
        let logprob: f64 = piece.logprobs.iter().flatten().sum();
        let token = json!({"token": piece.text, "logprob": logprob, "bytes": null, "top_logprobs": []});
        push(Delta::Logprobs(Box::new(json!({"content": [token]}))));
    }

    /// The reply has ended.
    pub(super) fn finish(
        &mut self,
        native: &str,
        error: Option<&str>,
        usage: Option<Usage>,
        body: &[u8],
        push: Push<'_>,
    ) -> Result<()> {
        let failed = |words: &str, status| Err(in_place_of_a_reply(error.unwrap_or(words), Some(status), body));
        let reason = match native {
            "ERROR" => return failed("the model failed while it answered", StatusCode::INTERNAL_SERVER_ERROR),
            "TIMEOUT" => return failed("the model took too long to answer", StatusCode::GATEWAY_TIMEOUT),
            "COMPLETE" | "STOP_SEQUENCE" if !self.calls.is_empty() => FinishReason::ToolCalls,
            "COMPLETE" | "STOP_SEQUENCE" => FinishReason::Stop,
            "MAX_TOKENS" | "ERROR_LIMIT" => FinishReason::Length,
            "TOOL_CALL" => FinishReason::ToolCalls,
            "ERROR_TOXIC" => FinishReason::ContentFilter,
            other => FinishReason::from(other),
        };
        self.end_plan(push);
        let native = (reason.as_str() != native).then(|| native.to_owned());
        push(Delta::Finish { reason, native });
        if let Some(usage) = usage.and_then(Usage::unified) {
            push(Delta::Usage(Box::new(usage)));
        }
        Ok(())
    }
}

// ---- the wire ---------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default, rename = "type", borrow)]
    kind: Option<Text<'a>>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(default, borrow)]
    id: Option<Text<'a>>,
    #[serde(default, borrow)]
    delta: Option<EventDelta<'a>>,
    #[serde(default)]
    logprobs: Option<Logprob>,
    #[serde(default, borrow)]
    message: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
struct EventDelta<'a> {
    #[serde(default, borrow)]
    message: Option<EventMessage<'a>>,
    #[serde(default, borrow)]
    finish_reason: Option<Text<'a>>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default, borrow)]
    error: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
struct EventMessage<'a> {
    #[serde(default, borrow)]
    content: Option<&'a RawValue>,
    #[serde(default, borrow)]
    tool_plan: Option<Text<'a>>,
    #[serde(default, borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(default, borrow)]
    citations: Option<&'a RawValue>,
}

/// A block of content, or a piece of one.
#[derive(Default, Deserialize)]
pub(super) struct Block {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
}

impl Block {
    pub(super) fn text(text: String) -> Self {
        Self { text: Some(text), thinking: None }
    }
}

#[derive(Deserialize)]
pub(super) struct Call {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Function,
}

#[derive(Default, Deserialize)]
struct Function {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Citation {
    #[serde(default)]
    start: Option<u64>,
    #[serde(default)]
    end: Option<u64>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    sources: Option<Vec<Value>>,
    #[serde(default)]
    content_index: Option<u64>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Logprob {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    logprobs: Option<Vec<f64>>,
}

/// What a call used, and what of it is paid for.
#[derive(Deserialize)]
pub(super) struct Usage {
    #[serde(default)]
    tokens: Option<Tokens>,
    #[serde(default)]
    billed_units: Option<Value>,
    #[serde(default)]
    cached_tokens: Option<f64>,
}

/// Cohere writes counts as numbers of any kind.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Tokens {
    input_tokens: Option<f64>,
    output_tokens: Option<f64>,
    image_tokens: Option<f64>,
    reasoning_tokens: Option<f64>,
}

impl Usage {
    /// In OpenAI's form. Pictures are counted beside the other tokens of the prompt (recorded: 501 tokens of input with
    /// 518 of pictures).
    fn unified(self) -> Option<crate::chat::Usage> {
        let count = |number: f64| number.max(0.0) as u64;
        let tokens = self.tokens?;
        let images = tokens.image_tokens.map(count);
        let prompt = tokens.input_tokens.map_or(0, count).saturating_add(images.unwrap_or(0));
        let mut usage = crate::chat::Usage::new(prompt, tokens.output_tokens.map_or(0, count));
        usage.prompt_tokens_details = PromptTokensDetails {
            cached_tokens: self.cached_tokens.map(count),
            image_tokens: images,
            ..PromptTokensDetails::default()
        };
        usage.completion_tokens_details = CompletionTokensDetails {
            reasoning_tokens: tokens.reasoning_tokens.map(count),
            ..CompletionTokensDetails::default()
        };
        let billed = self.billed_units.map(|units| Map::from_iter([("billed_units".to_owned(), units)]));
        usage.extra = billed.map(Extra::from).unwrap_or_default();
        Some(usage)
    }
}
