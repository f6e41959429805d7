//! Signatures held against botocore's.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use super::keys::Keys;
use super::sign::sign;

#[test]
fn signatures_are_those_of_botocore() {
    let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/aws_sigv4.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let vector = |name: &str| text(&vectors[name]);
    let cases = vectors["requests"].as_array().unwrap();
    assert!(cases.len() >= 9);
    for case in cases {
        let mut request = Request::builder().method(case["method"].as_str().unwrap()).uri(text(&case["url"]));
        for (name, value) in case["headers"].as_object().unwrap() {
            request = request.header(name, text(value));
        }
        let mut request = request.body(Bytes::from(text(&case["body"]))).unwrap();
        let token = case["session_token"].as_str().map(str::to_owned);
        let keys = Keys::of(Some(vector("access_key_id")), Some(vector("secret_access_key")), token).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(case["time"].as_u64().unwrap());
        sign(&mut request, &keys, &text(&case["region"]), &text(&case["service"]), time).unwrap();
        for (name, value) in case["expected"].as_object().unwrap() {
            let ours = &request.headers()[name.as_str()];
            assert_eq!(ours.to_str().unwrap(), value.as_str().unwrap(), "{}: {name}", case["name"]);
            assert_eq!(ours.is_sensitive(), name != "x-amz-date", "{}: {name}", case["name"]);
        }
    }
}
