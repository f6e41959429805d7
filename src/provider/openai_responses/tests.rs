//! Chat requests in the form of the Responses API. The forms are those of `InputItem`, `FunctionTool`,
//! `ToolChoiceParam`, `ResponseTextParam` and `Reasoning` in OpenAI's OpenAPI description.

use serde_json::{Value, json};

use super::request::body;
use crate::chat::{
    CacheControl, ChatRequest, Message, Part, ResponseFormat, Seal, Tool, assistant, developer, system, tool_result,
    user,
};
use crate::error::{Error, ErrorKind};

fn written(request: &ChatRequest) -> Result<(Value, Vec<String>), Error> {
    let mut warnings = Vec::new();
    let body = body("openai", &request.messages, &request.params, "gpt-5", &mut warnings)?;
    let names = warnings.iter().map(|warning| warning.parameter.to_string()).collect();
    Ok((serde_json::from_slice(&body.to_bytes()).unwrap(), names))
}

fn input(messages: impl IntoIterator<Item = Message>) -> Value {
    let messages: Vec<Message> = messages.into_iter().collect();
    written(&ChatRequest::new("gpt-5", messages)).unwrap().0["input"].clone()
}

fn refused(message: Message) -> Error {
    written(&ChatRequest::new("gpt-5", message)).unwrap_err()
}

/// The body that these parameters in OpenAI's chat form make, without model and input.
fn params(params: Value) -> Value {
    let mut request = json!({"messages": [{"role": "user", "content": "Hi"}]});
    request.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
    let (mut body, _) = written(&serde_json::from_value(request).unwrap()).unwrap();
    assert_eq!(body["model"], "gpt-5");
    let fields = body.as_object_mut().unwrap();
    fields.shift_remove("model");
    fields.shift_remove("input");
    body
}

#[test]
fn messages_keep_their_roles_and_their_order() {
    assert_eq!(
        input([system("A"), developer("B"), user("C"), assistant("D"), system("E")]),
        json!([
            {"type": "message", "role": "system", "content": "A"},
            {"type": "message", "role": "developer", "content": "B"},
            {"type": "message", "role": "user", "content": "C"},
            {"type": "message", "role": "assistant", "content": "D"},
            {"type": "message", "role": "system", "content": "E"},
        ])
    );
}

#[test]
fn several_texts_are_a_list_whose_types_say_who_speaks() {
    assert_eq!(
        input([user(["a", "b"]), assistant(["c", "d"]), system(["e", "f"])]),
        json!([
            {"type": "message", "role": "user",
                "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]},
            {"type": "message", "role": "assistant",
                "content": [{"type": "output_text", "text": "c"}, {"type": "output_text", "text": "d"}]},
            {"type": "message", "role": "system",
                "content": [{"type": "input_text", "text": "e"}, {"type": "input_text", "text": "f"}]},
        ])
    );
}

#[test]
fn pictures_and_files_are_sent_by_address_bytes_or_id() {
    let mut close: Part = serde_json::from_value::<Message>(
        json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}}]}),
    )
    .unwrap()
    .parts
    .remove(0);
    close.cache_control = Some(CacheControl::ephemeral());
    let image_by_id = serde_json::from_value::<Message>(
        json!({"role": "user", "content": [{"type": "image_url", "image_url": {"file_id": "file-1"}}]}),
    )
    .unwrap()
    .parts
    .remove(0);
    let parts = [
        Part::text("Compare."),
        close,
        Part::image([1, 2, 3], "image/png"),
        image_by_id,
        Part::file_url("https://a/b.pdf"),
        Part::file([1, 2, 3], "application/pdf", "b.pdf"),
        Part::file_id("file-2"),
    ];
    assert_eq!(
        input([user(parts)])[0]["content"],
        json!([
            {"type": "input_text", "text": "Compare."},
            {"type": "input_image", "image_url": "https://a/b.png", "detail": "low"},
            {"type": "input_image", "image_url": "data:image/png;base64,AQID"},
            {"type": "input_image", "file_id": "file-1"},
            {"type": "input_file", "file_url": "https://a/b.pdf"},
            {"type": "input_file", "file_data": "data:application/pdf;base64,AQID", "filename": "b.pdf"},
            {"type": "input_file", "file_id": "file-2"},
        ])
    );
}

#[test]
fn calls_and_their_results_are_items_in_their_place() {
    let arguments = r#"{"city": "Paris",  "n":1.50}"#;
    let turn = assistant([
        Part::text("Let me see."),
        Part::tool_call("call_1", "weather", arguments),
        Part::tool_call("call_2", "time", ""),
        Part::text("Done."),
    ]);
    let two = tool_result("call_2", [Part::text("noon"), Part::image_url("https://a/clock.png")]);
    assert_eq!(
        input([turn, tool_result("call_1", "18 °C"), two, tool_result("call_3", Vec::<Part>::new())]),
        json!([
            {"type": "message", "role": "assistant", "content": "Let me see."},
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": arguments},
            {"type": "function_call", "call_id": "call_2", "name": "time", "arguments": "{}"},
            {"type": "message", "role": "assistant", "content": "Done."},
            {"type": "function_call_output", "call_id": "call_1", "output": "18 °C"},
            {"type": "function_call_output", "call_id": "call_2", "output": [
                {"type": "input_text", "text": "noon"}, {"type": "input_image", "image_url": "https://a/clock.png"}]},
            {"type": "function_call_output", "call_id": "call_3", "output": ""},
        ])
    );
}

#[test]
fn a_message_of_calls_alone_says_nothing_and_an_empty_one_says_so() {
    let calls = input([assistant([Part::tool_call("c", "f", "{}")])]);
    assert_eq!(calls.as_array().map(Vec::len), Some(1));
    let nothing = Vec::<Part>::new();
    assert_eq!(
        input([assistant(nothing.clone()), user(nothing)]),
        json!([{"type": "message", "role": "assistant", "content": ""}, {"type": "message", "role": "user", "content": ""}])
    );
}

#[test]
fn the_call_of_a_custom_tool_and_its_result_have_types_of_their_own() {
    let message: Message = serde_json::from_value(json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "c1", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}]}))
    .unwrap();
    assert_eq!(
        input([message, tool_result("c1", "1")]),
        json!([
            {"type": "custom_tool_call", "call_id": "c1", "name": "sql", "input": "select 1"},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": "1"},
        ])
    );
}

#[test]
fn a_refusal_is_one_and_what_others_sealed_is_left_out() {
    let refusal = serde_json::from_value(json!({"role": "assistant", "content": null, "refusal": "No."})).unwrap();
    let sealed = assistant([
        Part::reasoning("Hm.").sealed(Seal::new("anthropic", "c2lnbmVk")),
        Part::native("anthropic", json!({"type": "server_tool_use"})),
        Part::native("openai_responses", json!({"type": "web_search_call", "id": "ws_1", "status": "completed"})),
        Part::text("Yes."),
    ]);
    assert_eq!(
        input([refusal, sealed]),
        json!([
            {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"type": "message", "role": "assistant", "content": "Yes."},
        ])
    );
}

#[test]
fn content_that_there_is_no_item_for_is_an_error_that_names_it() {
    for (message, named) in [
        (user([Part::audio([1], "wav")]), "input_audio"),
        (user([Part::video_url("https://a/b.mp4")]), "video_url"),
        (assistant([Part::image_url("https://a/b.png")]), "media"),
        (Message::new(crate::chat::Role::Function, "x").named("f"), "use tools"),
    ] {
        let error = refused(message);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains(named), "{error}");
    }
    let mut result = tool_result("c", "x");
    result.tool_call_id = None;
    assert_eq!(refused(result).kind(), ErrorKind::InvalidRequest);
}

#[test]
fn a_speakers_name_is_left_out_with_a_warning() {
    let (body, warnings) =
        written(&ChatRequest::new("gpt-5", [user("Hi").named("Ada"), user("Ho").named("Bo")])).unwrap();
    assert_eq!(body["input"][0], json!({"type": "message", "role": "user", "content": "Hi"}));
    assert_eq!(warnings, ["messages[].name"]);
}

#[test]
fn functions_are_flat_complete_and_as_strict_as_in_a_chat() {
    let schema = json!({"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}});
    let mut request = ChatRequest::new("gpt-5", "Hi");
    let named: Tool = serde_json::from_value(json!({"type": "function", "defer_loading": true,
        "function": {"name": "h", "output_schema": {"type": "string"}}}))
    .unwrap();
    request.params.tools = Some(vec![
        Tool::function("f", "Does f.").parameters(schema.clone()).strict(true),
        Tool::function("g", "Does g."),
        named,
    ]);
    assert_eq!(
        written(&request).unwrap().0["tools"],
        json!([
            {"type": "function", "name": "f", "description": "Does f.", "parameters": schema, "strict": true},
            {"type": "function", "name": "g", "description": "Does g.", "parameters": null, "strict": false},
            {"type": "function", "name": "h", "parameters": null, "output_schema": {"type": "string"},
                "defer_loading": true, "strict": false},
        ])
    );
}

#[test]
fn other_tools_and_choices_are_flat_too() {
    let grammar = json!({"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: \"a\""}});
    let body = params(json!({
        "tools": [
            {"type": "custom", "custom": {"name": "sql", "description": "d", "format": grammar}},
            {"type": "web_search", "search_context_size": "low"},
        ],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required",
            "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "mcp", "server_label": "s"}]}},
    }));
    assert_eq!(
        body,
        json!({
            "tools": [
                {"type": "custom", "name": "sql", "description": "d",
                    "format": {"type": "grammar", "syntax": "lark", "definition": "start: \"a\""}},
                {"type": "web_search", "search_context_size": "low"},
            ],
            "tool_choice": {"type": "allowed_tools", "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "mcp", "server_label": "s"}]},
        })
    );
    for (given, sent) in [
        (json!("auto"), json!("auto")),
        (json!("none"), json!("none")),
        (json!("required"), json!("required")),
        (json!({"type": "function", "function": {"name": "f"}}), json!({"type": "function", "name": "f"})),
        (json!({"type": "custom", "custom": {"name": "sql"}}), json!({"type": "custom", "name": "sql"})),
    ] {
        assert_eq!(params(json!({"tool_choice": given})), json!({"tool_choice": sent}));
    }
}

#[test]
fn the_older_form_of_tools_becomes_the_newer() {
    let body =
        params(json!({"functions": [{"name": "f", "parameters": {"type": "object"}}], "function_call": {"name": "f"}}));
    assert_eq!(
        body,
        json!({"tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": false}],
            "tool_choice": {"type": "function", "name": "f"}})
    );
    assert_eq!(params(json!({"function_call": "none"})), json!({"tool_choice": "none"}));
}

#[test]
fn a_search_of_the_web_is_a_tool() {
    let place = json!({"type": "approximate", "approximate": {"city": "Lisbon"}});
    let body = params(json!({"web_search_options": {"search_context_size": "high", "user_location": place}}));
    assert_eq!(
        body["tools"],
        json!([{"type": "web_search", "search_context_size": "high",
            "user_location": {"type": "approximate", "city": "Lisbon"}}])
    );
    let given = params(json!({"web_search_options": {}, "tools": [{"type": "web_search_preview"}]}));
    assert_eq!(given["tools"], json!([{"type": "web_search_preview"}]));
}

#[test]
fn the_form_of_the_reply_its_length_and_the_reasoning_have_their_objects() {
    let schema = json!({"type": "object", "properties": {}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "description": "d", "strict": true, "schema": schema}});
    assert_eq!(
        params(json!({"response_format": format, "verbosity": "low", "reasoning_effort": "high"})),
        json!({
            "text": {"format": {"type": "json_schema", "name": "n", "description": "d", "strict": true, "schema": schema},
                "verbosity": "low"},
            "reasoning": {"effort": "high"},
        })
    );
    assert_eq!(
        params(
            json!({"response_format": {"type": "json_object"}, "reasoning_effort": {"effort": "low", "summary": "auto"}})
        ),
        json!({"text": {"format": {"type": "json_object"}}, "reasoning": {"effort": "low", "summary": "auto"}})
    );
    assert_eq!(params(json!({"response_format": {"type": "text"}})), json!({"text": {"format": {"type": "text"}}}));
    assert_eq!(params(json!({"parallel_tool_calls": false})), json!({"parallel_tool_calls": false}));
    let mut request = ChatRequest::new("gpt-5", "Hi");
    request.params.response_format =
        Some(ResponseFormat::Native(json!({"type": "grammar", "grammar": {"syntax": "lark"}})));
    assert_eq!(written(&request).unwrap().0["text"]["format"], json!({"type": "grammar", "syntax": "lark"}));
}

#[test]
fn a_text_that_came_as_a_list_or_with_a_field_of_its_own_stays_a_list() {
    let messages = [
        json!({"role": "user", "content": [{"type": "text", "text": "a"}]}),
        json!({"role": "user", "content": [
            {"type": "text", "text": "b", "prompt_cache_breakpoint": {"mode": "explicit"}}]}),
    ];
    let messages = messages.map(|message| serde_json::from_value::<Message>(message).unwrap());
    assert_eq!(
        input(messages),
        json!([
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "b", "prompt_cache_breakpoint": {"mode": "explicit"}}]},
        ])
    );
}
