#![no_main]

use anymodel::wire::Framer;
use libfuzzer_sys::fuzz_target;

mod common;
mod messages;

fuzz_target!(|input: &[u8]| {
    common::same_frames_however_cut(Framer::event_stream, input);
    let (head, body) = input.split_at(input.len().min(6));
    common::same_frames_however_cut(Framer::event_stream, &[head, &messages::of_lines(body)].concat());
});
