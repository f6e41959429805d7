#![no_main]

use anymodel::provider::gemini::schema::{ordered_subset, subset};
use anymodel::wire::schema::{MAX_SIZE, inline_refs, openai_strict};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

// No schema makes a subset panic, overflow the stack or grow beyond bounds, and what is a subset already stays as it is
// (but for Gemini's, which tells a type of null from a branch of null).
fuzz_target!(|input: &[u8]| {
    let Ok(schema) = serde_json::from_slice::<Value>(input) else { return };
    for subset in [inline_refs, openai_strict] {
        if let Ok(once) = bounded(subset, &schema)
            && let Ok(twice) = subset(&once)
        {
            assert_eq!(twice, once);
        }
    }
    let _ = (bounded(subset, &schema), bounded(ordered_subset, &schema));
});

fn bounded(subset: fn(&Value) -> anymodel::Result<Value>, schema: &Value) -> anymodel::Result<Value> {
    let schema = subset(schema)?;
    assert!(schema.to_string().len() <= 4 * MAX_SIZE);
    Ok(schema)
}
