//! Requests: encoded in any of the wire formats, or refused.

use std::borrow::Cow;
use std::sync::LazyLock;

use anymodel::ChatRequest;
use anymodel::provider::{Provider, ProviderSpec, Registry, Target, WireFormat};

pub const WIRES: [WireFormat; 7] = [
    WireFormat::OpenAiChat,
    WireFormat::OpenAiResponses,
    WireFormat::Anthropic,
    WireFormat::Gemini,
    WireFormat::Ollama,
    WireFormat::Bedrock,
    WireFormat::Cohere,
];

/// Nobody in the table speaks nothing but the Responses API.
static OWN: LazyLock<Registry> = LazyLock::new(|| {
    let mut own = Registry::empty();
    own.insert_spec(ProviderSpec::new("own", WireFormat::OpenAiResponses, "https://llm.example/v1"));
    own
});

/// The providers of the table, or of our own, that speak this format, always in the same order.
pub fn providers(wire: WireFormat) -> Vec<&'static dyn Provider> {
    let table = if wire == WireFormat::OpenAiResponses { &OWN } else { Registry::table() };
    let all = table.names().filter_map(|name| table.get(name)).map(|provider| &**provider);
    all.filter(|provider| provider.spec().wire == wire).collect()
}

/// One of these, by a byte of the input.
pub fn pick<T: Copy>(from: &[T], byte: u8) -> T {
    from[usize::from(byte) % from.len()]
}

/// The request is encoded or refused; what is encoded is JSON.
pub fn is_json_or_refused(provider: &dyn Provider, request: &ChatRequest) {
    let base_url = provider
        .spec()
        .base_url
        .as_deref()
        .map_or(Cow::Borrowed("http://localhost/v1"), |url| Cow::Owned(url.replace(['{', '}'], "")));
    let target = Target::new(&request.model, &base_url);
    let codec = provider.chat().expect("all have chat");
    let count = provider.count_tokens().map(|codec| codec.encode(request, &target));
    let chat = [codec.encode(request, &target), codec.encode_stream(request, &target)];
    for encoded in chat.into_iter().chain(count).flatten() {
        let body = encoded.request.body();
        if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(body) {
            panic!("{error}: {}", String::from_utf8_lossy(body));
        }
    }
}
