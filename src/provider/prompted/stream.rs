//! What they stream.
//!
//! - Triton: server-sent events, each an answer whose text is the next piece
//!   (<https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_generate.html>);
//! - LangGraph: server-sent events of a run, here the tokens (`messages`) and the state after each step (`values`)
//!   (<https://docs.langchain.com/langsmith/streaming>; langgraph-sdk 0.4, langgraph-api 0.16);
//! - Langflow: a line for each event, `add_message`, `token`, `error`, and `end` with the whole result
//!   (<https://docs.langflow.org/api-flows-run>; langflow-ai/langflow, `api/v1/endpoints.py`).

use serde_json::Value;

use super::{Answer, Kind, ended, fault, said};
use crate::chat::{ChatChunk, Delta, FinishReason, Usage};
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{EventDecoder, Fault, Flow, Queue};
use crate::wire::Frame;

/// What has been told of the answer.
#[derive(Debug, Default)]
struct Told {
    started: bool,
    /// The message that the text is of.
    message: String,
    text: String,
}

impl Told {
    fn start(&mut self, queue: &mut Queue) {
        if !std::mem::replace(&mut self.started, true) {
            queue.push_back(ChatChunk::new(Delta::Start(Box::default())));
        }
    }

    /// The next piece of a message. What an agent said in an earlier one was a step on the way, and no part of the answer.
    fn piece(&mut self, message: &str, text: String, queue: &mut Queue) {
        if text.is_empty() {
            return;
        }
        if self.message != message {
            self.void(queue);
            message.clone_into(&mut self.message);
        }
        self.start(queue);
        self.text.push_str(&text);
        queue.push_back(ChatChunk::new(Delta::Text(text)));
    }

    /// The whole answer: what is missing of it is added, and what is no part of it is void.
    fn whole(&mut self, text: &str, queue: &mut Queue) {
        if !text.starts_with(&self.text) {
            self.void(queue);
        }
        self.start(queue);
        let rest = text.get(self.text.len()..).unwrap_or_default();
        if !rest.is_empty() || self.text.is_empty() {
            queue.push_back(ChatChunk::new(Delta::Text(rest.to_owned())));
        }
    }

    fn void(&mut self, queue: &mut Queue) {
        if !self.text.is_empty() {
            self.text.clear();
            self.started = false;
            queue.push_back(ChatChunk::new(Delta::Restart));
        }
    }
}

/// The end of an answer, and of the stream.
fn finish(reason: Option<FinishReason>, usage: Option<Usage>, queue: &mut Queue) -> Flow {
    let reason = reason.unwrap_or(FinishReason::Stop);
    queue.push_back(ChatChunk::new(Delta::Finish { reason, native: None }));
    if let Some(usage) = usage {
        queue.push_back(ChatChunk::new(Delta::Usage(Box::new(usage))));
    }
    Flow::Done
}

fn parse(frame: Frame<'_>) -> Result<Value> {
    serde_json::from_slice(frame.data).map_err(|source| {
        Error::new(ErrorKind::StreamInterrupted, "an event of the stream is not JSON")
            .with_body(bytes::Bytes::copy_from_slice(frame.data))
            .with_source(source)
    })
}

fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The outputs of a model of Triton.
///
/// Nothing in the format says that the last one has come: the end is that of the body. Triton sends it in chunks
/// (`Transfer-Encoding: chunked`), of which the last is marked by HTTP, so that a body that breaks off is an error of the
/// transport, and never seen here as an end. Where vLLM was asked for its `finish_reason`, the end is that, and a body that
/// ends without it is interrupted.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    told: Told,
    /// Whether the outputs have a field for why they end.
    tells_reason: bool,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl EventDecoder for Outputs {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        let output = parse(frame)?;
        if output.get("error").is_some_and(|error| !error.is_null()) {
            return Err(fault(&output).with_body(bytes::Bytes::copy_from_slice(frame.data)));
        }
        let count = |name: &str| output.get(name).and_then(Value::as_u64);
        self.tells_reason |= output.get("finish_reason").is_some();
        self.input_tokens = count("num_input_tokens").or(self.input_tokens);
        // Each output counts its own.
        if let Some(more) = count("num_output_tokens") {
            self.output_tokens = Some(self.output_tokens.unwrap_or(0).saturating_add(more));
        }
        self.told.start(queue);
        self.told.piece("", text_of(&output, "text_output").to_owned(), queue);
        Ok(match ended(&output) {
            Some(reason) => self.finish(Some(reason), queue),
            None => Flow::More,
        })
    }

    fn end(&mut self, queue: &mut Queue) -> Result<()> {
        if self.told.started && !self.tells_reason {
            self.finish(None, queue);
        }
        Ok(())
    }
}

impl Outputs {
    fn finish(&self, reason: Option<FinishReason>, queue: &mut Queue) -> Flow {
        let tokens = self.input_tokens.zip(self.output_tokens);
        finish(reason, tokens.map(|(input, output)| Usage::new(input, output)), queue)
    }
}

/// The events of a run of LangGraph, streamed as `messages-tuple` and `values`.
///
/// The answer is what it is for a run that is waited for: the last message of the model in the last state. An event `end`
/// says that the run is over. Servers that send none close the body, as one that is cut off by a proxy can be too
/// (langgraph-sdk, `_async/http.py`); that counts as an end only after a step whose last message is the model's and calls
/// no tools.
#[derive(Debug, Default)]
pub(super) struct Run {
    told: Told,
    /// How many states there were; the first is the input.
    states: u32,
    answer: Option<Answer>,
    /// Whether the last state ends by an answer.
    answered: bool,
}

impl EventDecoder for Run {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        match frame.event.unwrap_or_default() {
            "metadata" => self.told.start(queue),
            "messages" => {
                let data = parse(frame)?;
                let Some(message) = data.get(0) else { return Ok(Flow::More) };
                if matches!(text_of(message, "type"), "AIMessageChunk" | "ai") {
                    let text = message.get("content").and_then(said).unwrap_or_default();
                    self.told.piece(text_of(message, "id"), text, queue);
                }
            }
            "values" => {
                let state = parse(frame)?;
                self.states = self.states.saturating_add(1);
                self.answered = self.states > 1 && ends_by_an_answer(&state);
                self.answer = Kind::LangGraph.read(&state);
            }
            "error" => return Err(fault(&parse(frame)?).with_body(bytes::Bytes::copy_from_slice(frame.data))),
            "end" => {
                let end = parse(frame)?;
                return match text_of(&end, "status") {
                    word @ ("error" | "timeout") => {
                        let (code, message) = (Some(word.to_owned()), format!("the run ended with the status {word}"));
                        Err(Fault { status: None, code, message }.into_error())
                    }
                    _ => self.finish(queue),
                };
            }
            // What may come.
            _ => {}
        }
        Ok(Flow::More)
    }

    fn end(&mut self, queue: &mut Queue) -> Result<()> {
        if self.answered {
            self.finish(queue)?;
        }
        Ok(())
    }
}

impl Run {
    fn finish(&mut self, queue: &mut Queue) -> Result<Flow> {
        match self.answer.take() {
            Some(answer) => {
                self.told.whole(&answer.text, queue);
                Ok(finish(None, answer.usage, queue))
            }
            // The caller asked for other events than the states.
            None if !self.told.text.is_empty() => Ok(finish(None, None, queue)),
            None => Err(without_answer()),
        }
    }
}

/// Whether the last message of a state is the model's, and calls no tools.
fn ends_by_an_answer(state: &Value) -> bool {
    let last = state.get("messages").and_then(Value::as_array).and_then(|messages| messages.last());
    last.is_some_and(|last| {
        let calls = last.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty());
        text_of(last, "type") == "ai" && !calls
    })
}

fn without_answer() -> Error {
    Error::new(ErrorKind::InvalidResponse, "the run ended without a text")
}

/// The events of a run of a flow of Langflow.
#[derive(Debug, Default)]
pub(super) struct FlowRun {
    told: Told,
}

impl EventDecoder for FlowRun {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        let event = parse(frame)?;
        let data = event.get("data").unwrap_or(&Value::Null);
        match text_of(&event, "event") {
            // Of the user, or of a model that is about to answer.
            "add_message" => self.told.start(queue),
            "token" => self.told.piece(text_of(data, "id"), text_of(data, "chunk").to_owned(), queue),
            "error" => return Err(fault(data).with_body(bytes::Bytes::copy_from_slice(frame.data))),
            "end" => {
                let answer = data.get("result").and_then(|result| Kind::Langflow.read(result));
                self.told.whole(&answer.ok_or_else(without_answer)?.text, queue);
                return Ok(finish(None, None, queue));
            }
            // What may come.
            _ => {}
        }
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{ChatRequest, ChatResponse};
    use crate::provider::Registry;
    use crate::provider::tests::{decode_pieces, sum};

    fn streamed(name: &str, stream: &str) -> (Vec<ChatChunk>, Result<()>) {
        let codec = Registry::table().get(name).unwrap().chat().unwrap();
        decode_pieces(codec, &ChatRequest::default(), [stream.as_bytes()])
    }

    fn answered(name: &str, stream: &str) -> Result<ChatResponse> {
        let (chunks, end) = streamed(name, stream);
        end.map(|()| sum(chunks))
    }

    fn kind(name: &str, stream: &str) -> ErrorKind {
        answered(name, stream).unwrap_err().kind()
    }

    fn event(name: &str, data: Value) -> String {
        format!("event: {name}\r\ndata: {data}\r\n\r\n")
    }

    fn token(id: &str, text: &str) -> String {
        event("messages", json!([{"type": "AIMessageChunk", "id": id, "content": text}, {"langgraph_step": 1}]))
    }

    fn state(messages: &[Value]) -> String {
        event("values", json!({"messages": messages}))
    }

    fn line(name: &str, data: Value) -> String {
        format!("{}\n\n", json!({"event": name, "data": data}))
    }

    fn result(text: &str) -> Value {
        json!({"result": {"session_id": "s", "outputs": [{"outputs": [{"results": {"message": {"text": text}}}]}]}})
    }

    #[test]
    fn outputs_of_triton_end_with_the_body() {
        let outputs = "data: {\"model_name\": \"m\", \"text_output\": \"Hel\"}\n\ndata: {\"text_output\": \"lo\"}\n\n";
        let reply = answered("triton", outputs).unwrap();
        assert_eq!((reply.text().as_str(), reply.finish_reason()), ("Hello", Some(&FinishReason::Stop)));
        let cut = outputs.len() - 4;
        assert_eq!(kind("triton", &outputs[..cut]), ErrorKind::StreamInterrupted);
        assert_eq!(kind("triton", ""), ErrorKind::StreamInterrupted);
    }

    #[test]
    fn outputs_that_tell_why_they_end_are_interrupted_without_it() {
        let open = "data: {\"text_output\": \"Hel\", \"finish_reason\": \"None\"}\n\n";
        assert_eq!(kind("triton", open), ErrorKind::StreamInterrupted);
        let cut_short = format!("{open}data: {{\"text_output\": \"lo\", \"finish_reason\": \"length\"}}\n\n");
        let reply = answered("triton", &cut_short).unwrap();
        assert_eq!((reply.text().as_str(), reply.finish_reason()), ("Hello", Some(&FinishReason::Length)));
    }

    #[test]
    fn an_output_that_is_an_error_is_that_error() {
        let (chunks, end) =
            streamed("triton", "data: {\"text_output\": \"Hel\"}\n\ndata: {\"error\": \"out of memory\"}\n\n");
        let error = end.unwrap_err();
        assert_eq!((error.kind(), sum(chunks).text().as_str()), (ErrorKind::Unavailable, "Hel"));
        assert!(error.to_string().contains("out of memory"), "{error}");
    }

    #[test]
    fn a_message_before_tools_is_no_part_of_the_answer() {
        let (asked, calling) =
            (json!({"type": "human", "content": "?"}), json!([{"name": "f", "args": {}, "id": "c"}]));
        let look = json!({"type": "ai", "id": "a", "content": "Let me look.", "tool_calls": calling});
        let found = json!({"type": "tool", "content": "sun"});
        let used = json!({"input_tokens": 3, "output_tokens": 2});
        let answer = json!({"type": "ai", "id": "b", "content": "Sunny.", "usage_metadata": used});
        let mut stream = event("metadata", json!({"run_id": "r"})) + &state(std::slice::from_ref(&asked));
        stream += &(token("a", "Let me ") + &token("a", "look."));
        stream += &state(&[asked.clone(), look.clone()]);
        // Up to here an agent is on its way.
        assert_eq!(kind("langgraph", &stream), ErrorKind::StreamInterrupted);
        stream += &state(&[asked.clone(), look.clone(), found.clone()]);
        stream += &(token("b", "Sun") + &token("b", "ny."));
        assert_eq!(kind("langgraph", &stream), ErrorKind::StreamInterrupted);
        stream += &state(&[asked, look, found, answer]);
        for end in [String::new(), event("end", Value::Null), event("end", json!({"status": "success"}))] {
            let (chunks, ended) = streamed("langgraph", &format!("{stream}{end}"));
            assert_eq!(ended.map_err(|error| error.kind()), Ok(()), "{end}");
            assert_eq!(chunks.iter().filter(|chunk| chunk.delta == Delta::Restart).count(), 1);
            let reply = sum(chunks);
            assert_eq!((reply.text().as_str(), reply.usage.unwrap().total_tokens), ("Sunny.", 5));
        }
    }

    #[test]
    fn a_model_that_does_not_stream_is_told_by_the_last_state() {
        let stream = state(&[json!({"type": "human", "content": "?"})])
            + &state(&[json!({"type": "human", "content": "?"}), json!({"type": "ai", "content": [{"text": "Hi"}]})])
            + &event("end", Value::Null);
        assert_eq!(answered("langgraph", &stream).unwrap().text(), "Hi");
        assert_eq!(kind("langgraph", &event("end", Value::Null)), ErrorKind::InvalidResponse);
    }

    #[test]
    fn the_state_that_was_sent_is_no_answer() {
        let asked = json!({"type": "human", "content": "?"});
        let given = state(&[asked, json!({"type": "ai", "content": "The answer is"})]);
        assert_eq!(kind("langgraph", &given), ErrorKind::StreamInterrupted);
    }

    #[test]
    fn a_run_that_fails_in_its_stream_is_an_error() {
        let failed = token("a", "He") + &event("error", json!({"error": "ValueError", "message": "no such tool"}));
        let error = streamed("langgraph", &failed).1.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Some("ValueError")));
        let ended = token("a", "He") + &event("end", json!({"status": "error"}));
        assert_eq!(kind("langgraph", &ended), ErrorKind::Unavailable);
        let failed = line("error", json!({"error": "Error running graph: prompt is too long"}));
        assert_eq!(kind("langflow", &failed), ErrorKind::ContextWindowExceeded);
    }

    #[test]
    fn a_flow_ends_with_its_whole_result() {
        let tokens =
            line("token", json!({"chunk": "Hel", "id": "a"})) + &line("token", json!({"chunk": "lo", "id": "a"}));
        assert_eq!(kind("langflow", &tokens), ErrorKind::StreamInterrupted);
        for (result_text, restarts) in [("Hello", 0), ("Hello!", 0), ("Bye", 1)] {
            let (chunks, ended) = streamed("langflow", &format!("{tokens}{}", line("end", result(result_text))));
            assert_eq!(ended.map_err(|error| error.kind()), Ok(()));
            assert_eq!(chunks.iter().filter(|chunk| chunk.delta == Delta::Restart).count(), restarts, "{result_text}");
            assert_eq!(sum(chunks).text(), result_text);
        }
        assert_eq!(answered("langflow", &line("end", result("Hi"))).unwrap().text(), "Hi");
        assert_eq!(kind("langflow", &line("end", json!({"result": {}}))), ErrorKind::InvalidResponse);
    }
}
