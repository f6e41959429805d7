#![no_main]

use anymodel::provider::WireFormat;
use libfuzzer_sys::fuzz_target;

mod encode;
mod messages;
mod reply;

fuzz_target!(|input: &[u8]| {
    reply::is_read_or_refused(WireFormat::Bedrock, input);
    let (head, body) = input.split_at(input.len().min(8));
    reply::is_read_or_refused(WireFormat::Bedrock, &[head, &messages::of_lines(body)].concat());
});
