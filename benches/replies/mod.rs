//! What providers answer, in each wire format.

use anymodel::wire::event_stream;
use serde_json::{Value, json};

use crate::payload;

/// A whole reply in each format, and the same reply streamed in so many chunks.
pub(crate) fn all(chunks: usize) -> Vec<(&'static str, String, Vec<u8>)> {
    let words = |render: &dyn Fn(usize) -> String| (0..chunks).map(render).collect::<String>();
    let anthropic = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "The sky is blue because air scatters the short waves."}],
        "stop_reason": "end_turn", "usage": {"input_tokens": 14, "output_tokens": 20}});
    let anthropic_stream = format!(
        "event: message_start\ndata: {}\n\nevent: content_block_start\ndata: {}\n\n{}{}{}{}",
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "claude-sonnet-4-5", "content": [], "usage": {"input_tokens": 14, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        words(&|place| format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\" word{place}\"}}}}\n\n"
        )),
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":20}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    let gemini = |text: &str, finish: &str| {
        format!(
            "{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}],\"role\":\"model\"}}{finish},\"index\":0}}],\
             \"usageMetadata\":{{\"promptTokenCount\":14,\"candidatesTokenCount\":20,\"totalTokenCount\":34}},\
             \"modelVersion\":\"gemini-2.5-flash\",\"responseId\":\"r1\"}}"
        )
    };
    let stop = ",\"finishReason\":\"STOP\"";
    let gemini_stream = format!(
        "{}data: {}\n\n",
        words(&|place| format!("data: {}\n\n", gemini(&format!(" word{place}"), ""))),
        gemini(".", stop)
    );
    let ollama = |text: &str, done: bool| {
        let end = if done { ",\"done_reason\":\"stop\",\"prompt_eval_count\":14,\"eval_count\":20" } else { "" };
        format!(
            "{{\"model\":\"qwen3\",\"created_at\":\"2025-01-01T00:00:00Z\",\"message\":{{\"role\":\"assistant\",\
             \"content\":\"{text}\"}},\"done\":{done}{end}}}\n"
        )
    };
    let ollama_stream = format!("{}{}", words(&|place| ollama(&format!(" word{place}"), false)), ollama("", true));
    let item = |status: &str, content: Value| json!({"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content});
    let said = json!([{"type": "output_text", "text": "The sky is blue because air scatters the short waves.",
        "annotations": [], "logprobs": []}]);
    let responses = json!({"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4o", "status": "completed",
        "output": [item("completed", said)], "usage": {"input_tokens": 14, "output_tokens": 20, "total_tokens": 34}});
    let responses_stream = format!(
        "event: response.created\ndata: {}\n\n{}event: response.completed\ndata: {}\n\n",
        json!({"type": "response.created", "response": {"id": "resp_1", "object": "response", "status": "in_progress"}}),
        words(&|place| format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"item_id\":\"msg_1\",\
             \"output_index\":0,\"content_index\":0,\"delta\":\" word{place}\",\"sequence_number\":{place}}}\n\n"
        )),
        json!({"type": "response.completed", "response": responses}),
    );
    let (cohere, cohere_stream) = cohere(chunks);
    let (bedrock, bedrock_stream) = bedrock(chunks);
    vec![
        ("openai", payload::REPLY.to_owned(), payload::stream(chunks).into_bytes()),
        ("openai responses", responses.to_string(), responses_stream.into_bytes()),
        ("anthropic", anthropic.to_string(), anthropic_stream.into_bytes()),
        ("gemini", gemini("The sky is blue because air scatters the short waves.", stop), gemini_stream.into_bytes()),
        ("ollama", ollama("The sky is blue because air scatters the short waves.", true), ollama_stream.into_bytes()),
        ("cohere", cohere, cohere_stream),
        ("bedrock", bedrock, bedrock_stream),
    ]
}

fn cohere(chunks: usize) -> (String, Vec<u8>) {
    let usage = json!({"billed_units": {"input_tokens": 14, "output_tokens": 20},
        "tokens": {"input_tokens": 14, "output_tokens": 20}});
    let said = json!([{"type": "text", "text": "The sky is blue because air scatters the short waves."}]);
    let whole = json!({"id": "r1", "message": {"role": "assistant", "content": said}, "finish_reason": "COMPLETE",
        "usage": usage});
    let event = |kind: &str, rest: Value| {
        let mut event = json!({"type": kind});
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        format!("event: {kind}\ndata: {event}\n\n")
    };
    let word = |place| {
        let text = format!(" word{place}");
        event("content-delta", json!({"index": 0, "delta": {"message": {"content": {"text": text}}}}))
    };
    let stream = [
        event("message-start", json!({"id": "r1", "delta": {"message": {"role": "assistant", "content": []}}})),
        event("content-start", json!({"index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}})),
        (0..chunks).map(word).collect(),
        event("content-end", json!({"index": 0})),
        event("message-end", json!({"delta": {"finish_reason": "COMPLETE", "usage": usage}})),
    ];
    (whole.to_string(), stream.concat().into_bytes())
}

fn bedrock(chunks: usize) -> (String, Vec<u8>) {
    let usage = json!({"inputTokens": 14, "outputTokens": 20, "totalTokens": 34});
    let said = json!([{"text": "The sky is blue because air scatters the short waves."}]);
    let whole = json!({"output": {"message": {"role": "assistant", "content": said}}, "stopReason": "end_turn",
        "usage": usage, "metrics": {"latencyMs": 120}});
    let event = |kind: &str, data: Value| {
        let headers = [(":message-type", "event"), (":event-type", kind), (":content-type", "application/json")];
        event_stream::message(&headers, data.to_string().as_bytes()).unwrap()
    };
    let word = |place| {
        let text = format!(" word{place}");
        event("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": text}, "p": "abcdefgh"}))
    };
    let mut stream = event("messageStart", json!({"role": "assistant", "p": "abc"}));
    stream.extend((0..chunks).flat_map(word));
    stream.extend(event("contentBlockStop", json!({"contentBlockIndex": 0})));
    stream.extend(event("messageStop", json!({"stopReason": "end_turn"})));
    stream.extend(event("metadata", json!({"usage": usage, "metrics": {"latencyMs": 120}})));
    (whole.to_string(), stream)
}
