#![no_main]

use anymodel::ChatRequest;
use libfuzzer_sys::fuzz_target;

mod encode;

// Whatever a caller asks is encoded or refused, in each wire format, and nothing is lost when it is kept as JSON.
// The first byte says which provider of each format is asked; the rest is the request.
fuzz_target!(|input: &[u8]| {
    let Some((&who, json)) = input.split_first() else { return };
    let Ok(mut request) = serde_json::from_slice::<ChatRequest>(json) else { return };
    let kept = serde_json::to_string(&request).expect("every request is JSON");
    match serde_json::from_str::<ChatRequest>(&kept) {
        Ok(again) => assert_eq!(again, request, "{kept}"),
        Err(error) => assert!(error.to_string().contains("recursion limit"), "{error}: {kept}"),
    }
    for wire in encode::WIRES {
        let provider = encode::pick(&encode::providers(wire), who);
        for drop_params in [false, true] {
            request.params.drop_params = drop_params;
            encode::is_json_or_refused(provider, &request);
        }
    }
});
