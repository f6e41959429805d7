#![no_main]

use std::collections::VecDeque;

use anymodel::ErrorKind;
use anymodel::provider::{Decode, Operation, Responses, Streamed, Target, WireFormat};
use anymodel::responses::{Event, Request, Response};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

mod encode;
mod reply;

fuzz_target!(|input: &[u8]| {
    reply::is_read_or_refused(WireFormat::OpenAiResponses, input);
    native(input);
});

/// The API itself: the events do not depend on how the bytes were cut, and what is read can be written and asked again.
fn native(input: &[u8]) {
    let provider = encode::pick(&encode::providers(WireFormat::OpenAiResponses), 0);
    let request = Request::new("m", "Hi");
    let read = |size: usize| -> (Vec<Event>, Option<ErrorKind>) {
        let mut decoder = Responses::stream_decoder(provider, &request).expect("it has the API");
        let mut queue = VecDeque::new();
        let pushed = input.chunks(size).try_for_each(|piece| decoder.push(piece, &mut queue));
        let end = pushed.and_then(|()| decoder.end(&mut queue)).err();
        (queue.into(), end.map(|error| error.kind()))
    };
    let (events, end) = read(input.len().max(1));
    assert_eq!(read(3), (events.clone(), end), "cut and whole");
    for event in events {
        assert!(serde_json::to_string(&event).is_ok());
    }
    if let Ok(reply) = serde_json::from_slice::<Response>(input) {
        let again = Request::new("m", reply.output);
        let _ = Responses::encode(provider, &again, &Target::new("m", "https://llm.example"));
        let _ = again.to_chat();
    }
    let whole = http::Response::new(Bytes::copy_from_slice(input));
    let _ = Responses::decode(provider, &request, &whole);
}
