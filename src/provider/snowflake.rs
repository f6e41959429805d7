//! Snowflake Cortex: Claude by Anthropic's messages, every other model by OpenAI's chat completions.
//!
//! Source: <https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api>. Both endpoints share address, keys
//! and errors. Claude answers by chat completions too (recorded), but without all that its own format can say.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::anthropic::Anthropic;
use super::openai_chat::OpenAiChat;
use super::{
    AuthScheme, Chat, ChatCodec, Codec, Encoded, EventDecoder, Flow, ListModels, ModelPage, Progress, Provider,
    ProviderSpec, Queue, Quirks, StreamDecoder, Target, models,
};
use crate::chat::ChatRequest;
use crate::error::{Error, Result};
use crate::text::Text;
use crate::wire::{Frame, Framer};

const TOKEN_TYPE: HeaderName = HeaderName::from_static("x-snowflake-authorization-token-type");

/// What stands before a key to say of what type it is, and Snowflake's word for that
/// (<https://docs.snowflake.com/en/developer-guide/snowflake-rest-api/authentication>). A key without is looked at by
/// Snowflake itself.
const TOKEN_TYPES: [(&str, &str); 3] =
    [("pat", "PROGRAMMATIC_ACCESS_TOKEN"), ("jwt", "KEYPAIR_JWT"), ("oauth", "OAUTH")];

/// Snowflake Cortex.
#[derive(Debug)]
pub struct Snowflake {
    claude: Anthropic,
    others: OpenAiChat,
}

impl Snowflake {
    /// The provider that this row describes; its quirks are those of chat completions.
    #[must_use]
    pub fn new(spec: ProviderSpec) -> Self {
        // That Snowflake runs Anthropic's web search is nowhere said.
        let quirks = Quirks { unsupported: vec!["web_search_options".into()], ..Quirks::default() };
        let claude = ProviderSpec { chat_path: Some("/messages".into()), quirks, ..spec.clone() };
        Self { claude: Anthropic::new(claude), others: OpenAiChat::new(spec) }
    }

    fn codec(&self, model: &str) -> &dyn ChatCodec {
        if model.to_ascii_lowercase().contains("claude") { &self.claude } else { &self.others }
    }
}

impl Provider for Snowflake {
    fn spec(&self) -> &ProviderSpec {
        self.others.spec()
    }

    fn decode_error(&self, response: &Response<Bytes>) -> Error {
        self.others.decode_error(response)
    }

    fn chat(&self) -> Option<&dyn ChatCodec> {
        Some(self)
    }

    fn list_models(&self) -> Option<&dyn Codec<ListModels>> {
        Some(self)
    }

    /// The key as a bearer token; what stands before a slash says of what type it is.
    fn authorize(&self, key: &SecretString, request: &mut Request<Bytes>) -> Result<()> {
        let key = key.expose_secret();
        let typed = key.split_once('/').and_then(|(prefix, token)| {
            let (_, word) = TOKEN_TYPES.iter().find(|(known, _)| *known == prefix)?;
            Some((*word, token))
        });
        if let Some((word, _)) = typed {
            request.headers_mut().insert(TOKEN_TYPE, HeaderValue::from_static(word));
        }
        AuthScheme::Bearer.apply(&SecretString::from(typed.map_or(key, |(_, token)| token)), request)
    }
}

impl Codec<Chat> for Snowflake {
    fn encode(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.codec(target.model).encode(request, target)
    }

    fn decode(&self, request: &ChatRequest, response: &Response<Bytes>) -> Result<Progress<Chat>> {
        if is_message(response.body()) {
            return Codec::<Chat>::decode(&self.claude, request, response);
        }
        Codec::<Chat>::decode(&self.others, request, response)
    }
}

/// The list of models of the session, which are bare names: `GET /api/v2/cortex/models`, beside the folder of chat.
///
/// Source: Snowflake's OpenAPI description (snowflakedb/snowflake-rest-api-specs, `cortex-inference.yaml`).
impl Codec<ListModels> for Snowflake {
    fn encode(&self, _: &ModelPage, target: &Target<'_>) -> Result<Encoded> {
        let base = target.base_url.strip_suffix("/v1").unwrap_or(target.base_url);
        models::get(&format!("{base}/models"))
    }

    fn decode(&self, _: &ModelPage, response: &Response<Bytes>) -> Result<Progress<ListModels>> {
        models::page(response, "models", "name", |_| None).map(Progress::Done)
    }
}

impl ChatCodec for Snowflake {
    fn encode_stream(&self, request: &ChatRequest, target: &Target<'_>) -> Result<Encoded> {
        self.codec(target.model).encode_stream(request, target)
    }

    fn stream_decoder(&self, request: &ChatRequest) -> StreamDecoder {
        let events = Either {
            claude: self.claude.stream_decoder(request).into_events(),
            others: self.others.stream_decoder(request).into_events(),
            is_claude: None,
        };
        StreamDecoder::new(Framer::sse(), events)
    }
}

/// Whether something is of Anthropic's format, in which everything has a `type`; nothing has in OpenAI's.
fn is_message(data: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(default, borrow, rename = "type")]
        kind: Option<Text<'a>>,
    }
    serde_json::from_slice::<Kind<'_>>(data).is_ok_and(|found| found.kind.is_some())
}

/// A stream of either format, which its first event tells.
struct Either {
    claude: Box<dyn EventDecoder>,
    others: Box<dyn EventDecoder>,
    is_claude: Option<bool>,
}

impl EventDecoder for Either {
    fn event(&mut self, frame: Frame<'_>, queue: &mut Queue) -> Result<Flow> {
        let decoder = match self.is_claude.get_or_insert_with(|| is_message(frame.data)) {
            true => &mut self.claude,
            false => &mut self.others,
        };
        decoder.event(frame, queue)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::provider::Registry;
    use crate::provider::tests::{decode_pieces, sum};

    fn snowflake() -> &'static dyn Provider {
        Registry::table().get("snowflake").unwrap().as_ref()
    }

    fn sent(model: &str) -> (String, Value) {
        let target = Target::new(model, "https://a.snowflakecomputing.com/api/v2/cortex/v1");
        let encoded = snowflake().chat().unwrap().encode(&ChatRequest::new(model, "Hi"), &target).unwrap();
        (encoded.request.uri().path().to_owned(), serde_json::from_slice(encoded.request.body()).unwrap())
    }

    #[test]
    fn claude_is_asked_in_its_own_format_and_the_others_in_openais() {
        let (path, body) = sent("claude-sonnet-4-5");
        assert_eq!((path.as_str(), body["max_tokens"].is_u64()), ("/api/v2/cortex/v1/messages", true));
        let (path, body) = sent("llama3.1-8b");
        assert_eq!((path.as_str(), body.get("max_tokens")), ("/api/v2/cortex/v1/chat/completions", None));
    }

    #[test]
    fn a_stream_of_either_format_is_known_by_its_first_event() {
        let claude = [
            json!({"type": "message_start", "message": {"id": "m", "model": "c", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
            json!({"type": "message_stop"}),
        ];
        let events =
            claude.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()));
        let codec = snowflake().chat().unwrap();
        let text = events.collect::<String>();
        let (chunks, ended) = decode_pieces(codec, &ChatRequest::default(), [text.as_bytes()]);
        ended.unwrap();
        assert_eq!(sum(chunks).text(), "Hi");
        let text = "data: {\"choices\":[{\"delta\":{\"content\":\"4\"},\"index\":0}]}\n\ndata: [DONE]\n\n";
        let (chunks, ended) = decode_pieces(codec, &ChatRequest::default(), [text.as_bytes()]);
        ended.unwrap();
        assert_eq!(sum(chunks).text(), "4");
    }

    #[test]
    fn a_key_says_by_its_prefix_of_what_type_it_is() {
        for (key, token, kind) in [
            ("pat/abc", "Bearer abc", Some("PROGRAMMATIC_ACCESS_TOKEN")),
            ("jwt/a.b.c", "Bearer a.b.c", Some("KEYPAIR_JWT")),
            ("a.b.c", "Bearer a.b.c", None),
            ("a/b", "Bearer a/b", None),
        ] {
            let mut request = Request::new(Bytes::new());
            snowflake().authorize(&SecretString::from(key), &mut request).unwrap();
            let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(header("authorization").as_deref(), Some(token));
            assert_eq!(header(TOKEN_TYPE.as_str()).as_deref(), kind);
        }
    }
}
