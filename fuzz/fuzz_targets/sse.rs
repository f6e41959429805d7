#![no_main]

use anymodel::wire::Framer;
use libfuzzer_sys::fuzz_target;

mod common;

fuzz_target!(|input: &[u8]| common::same_frames_however_cut(Framer::sse, input));
