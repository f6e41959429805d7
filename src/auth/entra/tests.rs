use super::source::{Level, Source, Told};
use crate::auth::Environment;
use crate::error::ErrorKind;

fn found(settings: &[(&str, &str)], environment: &[(&str, &str)], level: Level) -> Result<String, ErrorKind> {
    let settings: Vec<(String, String)> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let environment = Environment::of(environment.iter().copied());
    let told = Told { settings: &settings, environment: &environment };
    match Source::find(told, level) {
        Ok(source) => Ok(source.map_or_else(String::new, |source| source.name().replace('\n', " "))),
        Err(error) => Err(error.kind()),
    }
}

const APPLICATION: [(&str, &str); 3] =
    [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "s")];
const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

#[test]
fn each_source_is_found_by_what_it_needs() {
    let login = "https://login.microsoftonline.com";
    let environment = |more: &[(&str, &str)]| found(&[], more, Level::Environment).unwrap();
    assert_eq!(environment(&[("AZURE_AD_TOKEN", "x")]), "entra token x");
    assert_eq!(environment(&APPLICATION), format!("entra application {login} t c {SCOPE} secret s"));
    let certificate = [APPLICATION[0], APPLICATION[1], ("AZURE_CLIENT_CERTIFICATE_PATH", "/c.pem")];
    assert_eq!(environment(&certificate), format!("entra application {login} t c {SCOPE} certificate file /c.pem"));
    let workload = [APPLICATION[0], APPLICATION[1], ("AZURE_FEDERATED_TOKEN_FILE", "/token")];
    assert_eq!(environment(&workload), format!("entra application {login} t c {SCOPE} federated file /token"));
    let service = [("IDENTITY_ENDPOINT", "http://localhost/msi"), ("IDENTITY_HEADER", "h")];
    assert_eq!(environment(&service), format!("entra app service http://localhost/msi h  {SCOPE}"));
    let machine = [("AZURE_CREDENTIAL", "ManagedIdentityCredential"), ("AZURE_CLIENT_ID", "c")];
    assert_eq!(environment(&machine), format!("entra machine http://169.254.169.254 c {SCOPE}"));
    assert_eq!(environment(&[]), "");
    assert_eq!(environment(&[("AZURE_CLIENT_ID", "c"), ("AZURE_TENANT_ID", "t")]), "", "nothing proves who it is");
}

#[test]
fn a_call_decides_for_itself_and_is_completed_by_the_environment() {
    let call = |settings: &[(&str, &str)]| found(settings, &APPLICATION, Level::Call);
    assert_eq!(call(&[]).unwrap(), "", "what the environment has is not the call's");
    assert!(call(&[("client_secret", "other")]).unwrap().ends_with("secret other"));
    assert!(call(&[("azure_client_secret", "other"), ("tenant_id", "mine")]).unwrap().contains(" mine c "));
    assert!(call(&[("azure_ad_token", "x")]).unwrap().ends_with("token x"));
    assert!(
        call(&[("azure_scope", "https://ai.azure.com/.default"), ("client_secret", "o")])
            .unwrap()
            .contains("ai.azure.com")
    );
}

#[tokio::test]
async fn a_token_of_a_call_is_sent_and_not_kept() {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::auth::{ApiKey, Credentials, TokenCache};
    use crate::provider::Registry;
    use crate::transport::ReqwestTransport;

    let (provider, tokens) = (Registry::table().get("azure").unwrap(), TokenCache::default());
    let transport = Arc::new(ReqwestTransport::new(Duration::from_secs(1)).unwrap());
    for number in 0..3 {
        let settings = [("azure_ad_token".to_owned(), format!("t{number}"))];
        let entra = super::Entra::new(provider.spec(), ApiKey::nowhere(), &settings, transport.clone(), tokens.clone());
        let mut request = http::Request::new(bytes::Bytes::new());
        entra.authorize(provider.as_ref(), &mut request).await.unwrap();
        assert_eq!(request.headers()["authorization"], format!("Bearer t{number}"));
    }
    assert_eq!(tokens.len(), 0);
}

#[test]
fn what_is_missing_or_unknown_is_an_error() {
    let alone = found(&[("client_secret", "s")], &[], Level::Call);
    assert_eq!(alone, Err(ErrorKind::Authentication));
    let unknown = found(&[], &[("AZURE_CREDENTIAL", "Telepathy")], Level::Environment);
    assert_eq!(unknown, Err(ErrorKind::Authentication));
}

#[test]
fn each_cloud_has_its_own_scope() {
    for (host, scope) in [
        ("https://login.microsoftonline.us/", "https://cognitiveservices.azure.us/.default"),
        ("login.chinacloudapi.cn", "https://cognitiveservices.azure.cn/.default"),
        ("https://login.partner.microsoftonline.cn", "https://cognitiveservices.azure.cn/.default"),
        ("https://login.microsoftonline.com", SCOPE),
    ] {
        let environment = [&APPLICATION[..], &[("AZURE_AUTHORITY_HOST", host)]].concat();
        let name = found(&[], &environment, Level::Environment).unwrap();
        assert!(name.contains(scope), "{host}: {name}");
    }
}

/// Microsoft's own library for Python and this one make the same assertion. Its signature has chance in it (PSS), so each
/// is checked with the other's key instead of being compared.
#[cfg(feature = "azure")]
#[test]
fn an_assertion_is_what_msal_makes() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{Algorithm, DecodingKey};
    use serde_json::Value;

    let vector: Value = serde_json::from_str(include_str!("../../../tests/vectors/entra_assertion.json")).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap();
    let now = vector["now"].as_u64().unwrap();
    let sign = || super::assertion::sign(text("certificate"), text("audience"), text("client"), now, text("jti"));
    let ours = sign().unwrap();
    let part = |jwt: &str, place: usize| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').nth(place).unwrap()).unwrap()).unwrap()
    };
    let (mut header, mut claims) = (part(text("jwt"), 0), part(&ours, 1));
    let thumbprint = header["x5t#S256"].as_str().unwrap().trim_end_matches('=').to_owned();
    header["x5t#S256"] = thumbprint.into();
    assert_eq!(part(&ours, 0), header, "msal pads the thumbprint, RFC 7515 does not");
    assert_eq!(claims.as_object_mut().unwrap().remove("nbf"), Some(now.into()), "Microsoft's documentation has it");
    assert_eq!(claims, part(text("jwt"), 1));
    let key = DecodingKey::from_rsa_pem(text("public_key").as_bytes()).unwrap();
    for jwt in [ours.as_str(), text("jwt")] {
        let (message, signature) = jwt.rsplit_once('.').unwrap();
        assert!(jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, Algorithm::PS256).unwrap());
    }
    assert_ne!(sign().unwrap(), ours);
}

#[cfg(feature = "azure")]
#[test]
fn a_certificate_without_its_key_is_an_error() {
    for pem in ["", "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nx"]
    {
        let error = super::assertion::sign(pem, "a", "c", 0, "j").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{pem}");
    }
}
