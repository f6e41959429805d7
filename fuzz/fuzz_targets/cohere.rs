#![no_main]

use anymodel::provider::WireFormat;
use libfuzzer_sys::fuzz_target;

mod encode;
mod reply;

fuzz_target!(|input: &[u8]| reply::is_read_or_refused(WireFormat::Cohere, input));
