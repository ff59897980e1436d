//! The documentation that the gateway serves.

use std::time::Duration;

use crate::running::start;
use crate::world::World;

#[tokio::test]
async fn the_openapi_document_is_served_with_the_server_of_the_request() {
    const PRINTED: &str = "http://127.0.0.1:2212";
    let gateway = start(&World::new()).await;
    let own = format!("http://{}", gateway.address);
    let served = async |path: &str, content_type: &str, host: Option<&str>| {
        let request = gateway.get(path);
        let request = host.into_iter().fold(request, |request, host| request.header("host", host));
        let response = request.send().await.expect("a response");
        assert_eq!(response.headers()["content-type"], content_type);
        response.text().await.expect("text")
    };
    let printed = adapter_http::openapi_yaml();
    assert_eq!(printed.matches(PRINTED).count(), 1);
    let yaml = served("/openapi.yaml", "application/yaml", None).await;
    assert_eq!(yaml, printed.replace(PRINTED, &own));
    let named = served("/openapi.yaml", "application/yaml", Some("calls.example.com")).await;
    assert_eq!(named, printed.replace(PRINTED, "http://calls.example.com"));
    let hostile = served("/openapi.yaml", "application/yaml", Some("x y\"z")).await;
    assert_eq!(hostile, printed);
    let json = served("/openapi.json", "application/json", None).await;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json, serde_norway::from_str::<serde_json::Value>(&yaml).expect("YAML"));
}

#[tokio::test]
async fn the_documentation_loads_from_the_gateway_alone() {
    let gateway = start(&World::new()).await;
    let page = gateway.get("/docs").send().await.expect("a response");
    assert_eq!(page.url().path(), "/docs/");
    let policy = page.headers()["content-security-policy"].to_str().expect("ASCII").to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("http"), "{policy}");
    let html = page.text().await.expect("text");
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("src=\"//"), "{html}");
    // Every file that the page links to exists.
    let links = html
        .split(['"'])
        .filter(|text| text.ends_with(".js") || text.ends_with(".css") || text.ends_with(".png"));
    let links: Vec<_> = links.map(str::to_owned).collect();
    assert!(links.len() >= 5, "{html}");
    // The other forms of its bundles, which no browser loads, are not in the binary.
    for other in ["swagger-ui.js", "swagger-ui-es-bundle.js", "swagger-ui-es-bundle-core.js"] {
        let file = gateway.get(&format!("/docs/{other}")).send().await.expect("a response");
        assert_eq!(file.status(), 404, "{other}");
    }
    for link in links {
        let path = format!("/docs/{}", link.trim_start_matches("./"));
        let file = gateway.get(&path).timeout(Duration::from_secs(30)).send().await.expect("a response");
        assert_eq!(file.status(), 200, "{path}");
        assert_eq!(file.headers()["x-content-type-options"], "nosniff");
        assert!(!file.bytes().await.expect("a file").is_empty());
    }
}

#[tokio::test]
async fn the_documentation_stores_no_token_and_calls_no_outside_service() {
    let gateway = start(&World::new()).await;
    let script = gateway.get("/docs/swagger-initializer.js").send().await.expect("a response");
    let script = script.text().await.expect("text");
    assert!(script.contains("\"/openapi.yaml\""), "{script}");
    assert!(script.contains("persistAuthorization: false"), "{script}");
    assert!(script.contains("validatorUrl: \"none\""), "{script}");
}
