//! `contents` and `systemInstruction`.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::NAME;
use super::media::{self, Data};
use crate::chat::{Content as Said, Message, Part, Role, ToolCall, Warning};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ReasoningStyle, Traits};
use crate::provider::arguments::arguments;
use crate::provider::params::warn_once;

/// What becomes of a cache marker.
pub(super) const IMPLICIT_CACHE: &str =
    "left out: Gemini caches prompts by itself; a cache of your own goes into `cachedContent`";

/// The signature by which a call that Gemini did not make, or whose signature is lost, passes the check of Gemini 3
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures>, "FAQs"). Google's own client sends it as it stands, not in
/// base64 (google-gemini/gemini-cli, packages/core/src/core/geminiChat.ts).
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// A conversation as Gemini has it.
#[derive(Default)]
pub(super) struct Conversation<'a> {
    pub(super) system: Option<Instruction<'a>>,
    pub(super) contents: Vec<Content<'a>>,
}

/// `systemInstruction`.
#[derive(Default, Serialize)]
pub(super) struct Instruction<'a> {
    parts: Vec<Piece<'a>>,
}

/// One turn.
#[derive(Serialize)]
pub(super) struct Content<'a> {
    role: &'static str,
    parts: Vec<Piece<'a>>,
    /// Whose turn it is: the results of tools are a turn of their own, though the user's.
    #[serde(skip)]
    turn: Turn,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    User,
    Model,
    Results,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Piece<'a> {
    Part(Box<WirePart<'a>>),
    /// A part that Gemini made and only it understands.
    Native(&'a Value),
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct WirePart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    thought: bool,
    #[serde(flatten)]
    data: Option<Data<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_response: Option<FunctionResponse<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video_metadata: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'a str>,
}

#[derive(Serialize)]
struct FunctionCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
    args: Cow<'a, RawValue>,
}

#[derive(Serialize)]
struct FunctionResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
    response: Box<RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Data<'a>>,
}

/// Reads a conversation.
pub(super) fn read<'a>(
    messages: &'a [Message],
    known: &Traits,
    provider: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Conversation<'a>> {
    let mut reader = Reader {
        signed: known.reasoning == Some(ReasoningStyle::Level),
        conversation: Conversation::default(),
        provider,
        warnings,
    };
    for (place, message) in messages.iter().enumerate() {
        if message.name.is_some() && !matches!(message.role, Role::Tool | Role::Function) {
            warn_once(reader.warnings, "name", "left out: Gemini knows no names of speakers");
        }
        match message.role {
            role if role.is_instruction() && known.system_message != Some(false) => reader.instruction(message)?,
            Role::Assistant => reader.turn(Turn::Model, message)?,
            Role::Tool | Role::Function => {
                let before = messages.iter().take(place).rev();
                let call =
                    before.flat_map(Message::tool_calls).find(|call| Some(&call.id) == message.tool_call_id.as_ref());
                reader.result(message, call)?;
            }
            _ => reader.turn(Turn::User, message)?,
        }
    }
    let mut conversation = reader.conversation;
    if conversation.contents.is_empty()
        && let Some(system) = conversation.system.take()
    {
        warnings.push(Warning::new(
            "messages",
            "sent the instructions as the user's: Gemini answers no instructions alone",
        ));
        conversation.contents.push(Content { role: "user", parts: system.parts, turn: Turn::User });
    }
    Ok(conversation)
}

struct Reader<'a, 'r> {
    /// Whether calls in the history must bear a signature.
    signed: bool,
    conversation: Conversation<'a>,
    provider: &'r str,
    warnings: &'r mut Vec<Warning>,
}

impl<'a> Reader<'a, '_> {
    fn instruction(&mut self, message: &'a Message) -> Result<()> {
        let parts = self.parts(message)?;
        if !parts.is_empty() {
            self.conversation.system.get_or_insert_default().parts.extend(parts);
        }
        Ok(())
    }

    fn turn(&mut self, turn: Turn, message: &'a Message) -> Result<()> {
        let mut parts = self.parts(message)?;
        if turn == Turn::Model && self.signed {
            self.sign(&mut parts);
        }
        self.push(turn, parts);
        Ok(())
    }

    /// Adds to the last turn where it is of the same kind: Gemini wants them to alternate.
    fn push(&mut self, turn: Turn, parts: Vec<Piece<'a>>) {
        match self.conversation.contents.last_mut() {
            _ if parts.is_empty() => {}
            Some(last) if last.turn == turn => last.parts.extend(parts),
            _ => {
                let role = if turn == Turn::Model { "model" } else { "user" };
                self.conversation.contents.push(Content { role, parts, turn });
            }
        }
    }

    /// The first call of each step must be signed, with a stand-in where the signature is lost.
    fn sign(&mut self, parts: &mut [Piece<'a>]) {
        let call = parts.iter_mut().find_map(|piece| match piece {
            Piece::Part(part) if part.function_call.is_some() => Some(part),
            _ => None,
        });
        if let Some(part) = call
            && part.thought_signature.is_none()
        {
            part.thought_signature = Some(NO_SIGNATURE);
            let message = "a call has lost its signature: without its reasoning, replies can be worse";
            warn_once(self.warnings, "thought_signature", message);
        }
    }

    fn parts(&mut self, message: &'a Message) -> Result<Vec<Piece<'a>>> {
        let mut pieces = Vec::with_capacity(message.parts.len());
        for part in &message.parts {
            if part.cache_control.is_some() {
                warn_once(self.warnings, "cache_control", IMPLICIT_CACHE);
            }
            pieces.extend(self.piece(part)?);
        }
        Ok(pieces)
    }

    /// A part of a message; `None` for what says nothing to Gemini.
    fn piece(&self, part: &'a Part) -> Result<Option<Piece<'a>>> {
        let mut wire = WirePart { thought_signature: part.seal_of(NAME), ..WirePart::default() };
        match &part.content {
            Said::Text(text) | Said::Refusal(text) => wire.text = Some(text),
            Said::Reasoning(reasoning) => (wire.text, wire.thought) = (Some(reasoning.text.as_str()), true),
            Said::ToolCall(call) => wire.function_call = Some(function_call(call)?),
            Said::Native(native) if native.provider == NAME => return Ok(Some(Piece::Native(&native.value))),
            Said::Native(native) if native.provider.is_empty() => {
                let kind = native.value.get("type").and_then(Value::as_str).unwrap_or_default();
                let message = format!("{} does not take content of type `{kind}`", self.provider);
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            Said::Native(_) => return Ok(None),
            _ => {
                wire.data = media::data(part, self.provider)?;
                wire.video_metadata = part.extra.get("video_metadata").or_else(|| part.extra.get("videoMetadata"));
            }
        }
        let empty = wire.text.is_some_and(str::is_empty) && wire.thought_signature.is_none();
        Ok((!empty).then(|| Piece::Part(Box::new(wire))))
    }

    /// The result of a call. Results of one turn stand together, as Gemini demands.
    fn result(&mut self, message: &'a Message, call: Option<&'a ToolCall>) -> Result<()> {
        let name = call.map(|call| call.name.as_str()).or(message.name.as_deref()).ok_or_else(|| {
            let id = message.tool_call_id.as_deref().unwrap_or_default();
            let text = format!("the result of the tool call `{id}` answers no call of the conversation");
            Error::new(ErrorKind::InvalidRequest, text)
        })?;
        let mut media = Vec::new();
        for part in &message.parts {
            if part.cache_control.is_some() {
                warn_once(self.warnings, "cache_control", IMPLICIT_CACHE);
            }
            media.extend(media::data(part, self.provider)?);
        }
        // Gemini 3 takes pictures inside a result, earlier models beside it.
        let (inside, beside): (Vec<_>, Vec<_>) =
            media.into_iter().partition(|data| self.signed && matches!(data, Data::InlineData(_)));
        let id = message.tool_call_id.as_deref().filter(|id| is_geminis(id));
        let response = FunctionResponse { id, name, response: response(message)?, parts: inside };
        let result = WirePart { function_response: Some(response), ..WirePart::default() };
        let beside = beside.into_iter().map(|data| WirePart { data: Some(data), ..WirePart::default() });
        let pieces = std::iter::once(result).chain(beside).map(|part| Piece::Part(Box::new(part))).collect();
        self.push(Turn::Results, pieces);
        Ok(())
    }
}

/// A call as the model made it. Its arguments go out as they were written.
fn function_call(call: &ToolCall) -> Result<FunctionCall<'_>> {
    let id = Some(call.id.as_str()).filter(|id| is_geminis(id));
    Ok(FunctionCall { id, name: &call.name, args: arguments(call)? })
}

/// Whether an id is one that Gemini gave: those are letters and digits, while the ids that are made where it gives
/// none, and those of most others, have an underscore. Only its own ids are told to it.
fn is_geminis(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|letter| letter.is_ascii_alphanumeric())
}

/// What a tool gave: a JSON object as it is, anything else as `content`, and as `error` where the tool failed.
fn response(message: &Message) -> Result<Box<RawValue>> {
    let mut texts = message.parts.iter().filter_map(Part::as_text);
    let text = match (texts.next(), texts.next()) {
        (Some(only), None) => Cow::Borrowed(only),
        _ => Cow::Owned(message.text()),
    };
    let object = serde_json::from_str::<&RawValue>(&text).ok().filter(|raw| raw.get().starts_with('{'));
    let tells_error = |raw: &&RawValue| {
        let fields: Value = serde_json::from_str(raw.get()).unwrap_or_default();
        fields.get("error").is_some()
    };
    if let Some(raw) = object.filter(|raw| !message.is_error || tells_error(raw)) {
        return Ok(raw.to_owned());
    }
    let key = if message.is_error { "error" } else { "content" };
    to_raw_value(&serde_json::json!({key: text})).map_err(|source| {
        Error::new(ErrorKind::InvalidRequest, "the result of a tool cannot be written as JSON").with_source(source)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{Seal, assistant, system, tool_result, user};
    use crate::model::traits;

    fn read_for(model: &str, messages: &[Message]) -> (Value, Value, Vec<Warning>) {
        let mut warnings = Vec::new();
        let read = read(messages, &traits(model), "gemini", &mut warnings).unwrap();
        (serde_json::to_value(&read.contents).unwrap(), serde_json::to_value(&read.system).unwrap(), warnings)
    }

    fn contents(messages: &[Message]) -> Value {
        read_for("gemini-2.5-pro", messages).0
    }

    fn call(id: &str) -> Part {
        Part::tool_call(id, "f", r#"{"b":1.50,"a":2}"#)
    }

    fn refused(messages: &[Message]) -> Error {
        read(messages, &Traits::default(), "gemini", &mut Vec::new()).err().unwrap()
    }

    #[test]
    fn instructions_stand_apart_and_turns_alternate() {
        let messages = [system("A"), user("1"), system("B"), user("2"), assistant("3"), assistant(""), user("4")];
        let (contents, system, _) = read_for("gemini-2.5-pro", &messages);
        assert_eq!(system, json!({"parts": [{"text": "A"}, {"text": "B"}]}));
        let turn = |role: &str, texts: &[&str]| {
            let parts: Vec<Value> = texts.iter().map(|text| json!({"text": text})).collect();
            json!({"role": role, "parts": parts})
        };
        assert_eq!(contents, json!([turn("user", &["1", "2"]), turn("model", &["3"]), turn("user", &["4"])]));
    }

    #[test]
    fn instructions_go_as_the_users_where_the_model_takes_none() {
        let (contents, system, _) = read_for("gemma-3-27b-it", &[system("A"), user("1")]);
        assert_eq!(
            (contents, system),
            (json!([{"role": "user", "parts": [{"text": "A"}, {"text": "1"}]}]), Value::Null)
        );
        let (contents, _, warnings) = read_for("gemini-2.5-pro", &[crate::chat::developer("A")]);
        assert_eq!((contents, warnings.len()), (json!([{"role": "user", "parts": [{"text": "A"}]}]), 1));
    }

    #[test]
    fn results_of_one_turn_stand_together_under_the_names_of_their_calls() {
        let messages = [
            assistant([call("call_1"), Part::tool_call("call_2", "g", "")]),
            tool_result("call_2", "plain"),
            tool_result("call_1", "{\"x\": 1}"),
            user("next"),
        ];
        assert_eq!(
            contents(&messages),
            json!([
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"b": 1.50, "a": 2}}},
                    {"functionCall": {"name": "g", "args": {}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "g", "response": {"content": "plain"}}},
                    {"functionResponse": {"name": "f", "response": {"x": 1}}}]},
                {"role": "user", "parts": [{"text": "next"}]},
            ])
        );
    }

    #[test]
    fn an_id_is_told_only_where_gemini_gave_it() {
        let sent = contents(&[assistant(call("s5108oje")), tool_result("s5108oje", "x")]);
        assert_eq!(sent[0]["parts"][0]["functionCall"]["id"], "s5108oje");
        assert_eq!(sent[1]["parts"][0]["functionResponse"]["id"], "s5108oje");
    }

    #[test]
    fn a_result_answers_the_nearest_call_of_its_id() {
        let older = assistant(Part::tool_call("call_0", "old", ""));
        let newer = assistant(Part::tool_call("call_0", "new", ""));
        let sent = contents(&[older, tool_result("call_0", "1"), newer, tool_result("call_0", "2")]);
        assert_eq!(sent[1]["parts"][0]["functionResponse"]["name"], "old");
        assert_eq!(sent[3]["parts"][0]["functionResponse"]["name"], "new");
        assert_eq!(refused(&[tool_result("call_9", "?")]).kind(), ErrorKind::InvalidRequest);
    }

    #[test]
    fn a_failed_tool_says_so() {
        let sent = contents(&[assistant(call("call_1")), tool_result("call_1", "broken").failed()]);
        assert_eq!(sent[1]["parts"][0]["functionResponse"]["response"], json!({"error": "broken"}));
    }

    #[test]
    fn pictures_of_a_result_go_inside_it_or_beside_it() {
        let picture = json!({"inlineData": {"mimeType": "image/png", "data": "AQ=="}});
        let messages = [assistant(call("c1")), tool_result("c1", [Part::text("see"), Part::image([1], "image/png")])];
        assert_eq!(contents(&messages)[1]["parts"][1], picture);
        let (newer, ..) = read_for("gemini-3-flash-preview", &messages);
        assert_eq!(newer[1]["parts"][0]["functionResponse"]["parts"], json!([picture]));
    }

    #[test]
    fn a_seal_goes_back_with_its_part_and_to_its_maker_only() {
        let mine = |part: Part| part.sealed(Seal::new(NAME, "s"));
        let messages = [assistant([
            mine(Part::reasoning("hm")),
            mine(Part::text("")),
            mine(call("call_1")),
            call("call_2"),
            Part::text("x").sealed(Seal::new("anthropic", "other")),
            Part::native("anthropic", json!({"a": 1})),
            Part::native(NAME, json!({"executableCode": {"code": "1"}})),
        ])];
        let args = json!({"name": "f", "args": {"b": 1.50, "a": 2}});
        assert_eq!(
            contents(&messages)[0]["parts"],
            json!([
                {"text": "hm", "thought": true, "thoughtSignature": "s"},
                {"text": "", "thoughtSignature": "s"},
                {"functionCall": args, "thoughtSignature": "s"},
                {"functionCall": args},
                {"text": "x"},
                {"executableCode": {"code": "1"}},
            ])
        );
    }

    #[test]
    fn gemini_3_gets_a_stand_in_for_a_signature_that_is_lost() {
        let messages = [user("?"), assistant([call("call_1"), call("call_2")])];
        let (sent, _, warnings) = read_for("gemini-3-flash-preview", &messages);
        assert_eq!(sent[1]["parts"][0]["thoughtSignature"], NO_SIGNATURE);
        assert_eq!(sent[1]["parts"][1].get("thoughtSignature"), None);
        assert_eq!(warnings.len(), 1);
        assert_eq!(contents(&messages)[1]["parts"][0].get("thoughtSignature"), None, "earlier models need none");
    }

    #[test]
    fn what_cannot_be_said_is_an_error() {
        let unknown = user(Part::native("", json!({"type": "hologram"})));
        assert!(refused(&[unknown]).message().contains("hologram"));
    }

    #[test]
    fn a_cache_marker_is_left_out_with_a_warning() {
        let marked = user(Part::text("x").cached(crate::chat::CacheControl::ephemeral()));
        let (_, _, warnings) = read_for("gemini-2.5-pro", &[marked.clone(), marked]);
        assert_eq!(warnings.len(), 1);
    }
}
