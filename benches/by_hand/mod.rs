//! What a client written by hand reads of OpenAI's replies, by typed `serde_json`.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a hand-written client would read")]
struct Reply {
    id: String,
    model: String,
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a hand-written client would read")]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a hand-written client would read")]
struct Message {
    content: Option<String>,
    tool_calls: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a hand-written client would read")]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a hand-written client would read")]
struct Chunk {
    id: String,
    model: String,
    choices: Vec<ChunkChoice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct ChunkChoice {
    delta: Delta,
    #[expect(dead_code, reason = "what a hand-written client would read")]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what a hand-written client would read")]
struct Delta {
    role: Option<String>,
    content: Option<String>,
    tool_calls: Option<Vec<Value>>,
}

/// The length of a whole reply's text.
pub(crate) fn reply(body: &[u8]) -> usize {
    let reply: Reply = serde_json::from_slice(body).unwrap();
    reply.choices[0].message.content.as_ref().unwrap().len()
}

/// A line loop over a stream, as one writes it by hand.
#[derive(Default)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
}

impl Lines {
    /// The length of the text in the lines that these bytes complete.
    pub(crate) fn push(&mut self, piece: &[u8]) -> usize {
        self.buffer.extend_from_slice(piece);
        let mut length = 0;
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let line = std::str::from_utf8(&line).unwrap().trim();
            let Some(data) = line.strip_prefix("data: ").filter(|data| *data != "[DONE]") else { continue };
            let chunk: Chunk = serde_json::from_str(data).unwrap();
            length +=
                chunk.choices.iter().filter_map(|choice| choice.delta.content.as_ref()).map(String::len).sum::<usize>();
        }
        length
    }
}
