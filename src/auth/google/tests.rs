use serde_json::json;

use super::document::{Document, project_of};
use crate::error::ErrorKind;

fn refused(text: &str) -> crate::error::Error {
    Document::read(text).err().unwrap()
}

#[test]
fn what_is_no_credential_of_google_is_an_error_that_shows_nothing_of_it() {
    for text in ["s3cret", "{}", r#"{"type": "s3cret-free", "private_key": "s3cret"}"#] {
        let error = refused(text);
        assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
        assert!(!format!("{error:?}").contains("s3cret\""), "{error:?}");
    }
    let lacking = refused(&json!({"type": "authorized_user", "client_id": "x"}).to_string());
    assert!(lacking.message().contains("authorized_user"), "{lacking}");
}

#[test]
fn a_service_account_names_its_project() {
    assert_eq!(project_of("robot@acme.iam.gserviceaccount.com").as_deref(), Some("acme"));
    assert_eq!(project_of("1-compute@developer.gserviceaccount.com"), None);
    assert_eq!(project_of("nobody"), None);
}

/// Google's own library for Python and this one make the same of the same account at the same time.
#[cfg(feature = "gcp")]
#[test]
fn an_assertion_is_what_google_auth_makes() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::Value;

    let vector: Value = serde_json::from_str(include_str!("../../../tests/vectors/google_jwt.json")).unwrap();
    let account = &vector["service_account"];
    let Ok(Document::ServiceAccount(document)) = Document::read(&account.to_string()) else { panic!("no account") };
    let ours = document.signed(vector["now"].as_u64().unwrap()).unwrap();
    let theirs = vector["jwt"].as_str().unwrap();
    let part = |jwt: &str, place: usize| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').nth(place).unwrap()).unwrap()).unwrap()
    };
    assert_eq!(part(&ours, 0), part(theirs, 0));
    assert_eq!(part(&ours, 1), part(theirs, 1));
    let key = account["private_key"].as_str().unwrap();
    assert!(crate::auth::jwt::tests::signs_alike(theirs, key), "the same bytes have the same signature");
    assert!(crate::auth::jwt::tests::signs_alike(&ours, key));
}

/// Google's own library for Python and this one sign the same, byte for byte.
#[cfg(feature = "aws")]
#[test]
fn a_subject_token_of_aws_is_what_google_auth_makes() {
    use std::time::{Duration, SystemTime};

    use crate::auth::aws::Keys;

    let vector: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/vectors/google_aws.json")).unwrap();
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(vector["time"].as_u64().unwrap());
    let cases = vector["cases"].as_array().unwrap();
    assert!(cases.len() >= 4);
    for case in cases {
        let (id, secret) = (text(&vector["access_key_id"]), text(&vector["secret_access_key"]));
        let keys = Keys::of(id, secret, text(&case["session_token"])).unwrap();
        let (region, url) =
            (case["region"].as_str().unwrap(), case["regional_cred_verification_url"].as_str().unwrap());
        let ours = super::aws::signed(&keys, region, url, vector["audience"].as_str().unwrap(), time).unwrap();
        assert_eq!(ours, case["subject_token"].as_str().unwrap(), "{region}");
    }
    let keys = Keys::of(Some("id".to_owned()), Some("s3cret".to_owned()), None).unwrap();
    for url in ["http://sts.{region}.amazonaws.com", "https://", "no address", ""] {
        let error = super::aws::signed(&keys, "r", url, "a", time).unwrap_err();
        assert!(
            error.kind() == ErrorKind::Configuration && !format!("{error:?}").contains("s3cret"),
            "{url}: {error:?}"
        );
    }
}
