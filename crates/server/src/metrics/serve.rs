use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{App, HttpResponse, HttpServer, guard, web};

use super::Metrics;

const PATH: &str = "/metrics";
/// The text format of Prometheus.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves the metrics, and nothing else, on this listener.
pub(crate) fn serve(listener: TcpListener, metrics: &Metrics) -> std::io::Result<Server> {
    let metrics = metrics.clone();
    let app = move || {
        let get = guard::Any(guard::Get()).or(guard::Head());
        App::new().app_data(web::Data::new(metrics.clone())).route(PATH, web::route().guard(get).to(scrape))
    };
    let server = HttpServer::new(app).workers(1).worker_max_blocking_threads(1).disable_signals();
    Ok(server.listen(listener)?.run())
}

async fn scrape(metrics: web::Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, TEXT_FORMAT))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(metrics.render())
}
