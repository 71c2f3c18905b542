//! A server of the outside world that speaks TLS, and HTTP/1.1 or HTTP/2 as it is asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::tls::Authority;

/// A server with an authority of its own. Its thread ends with the process.
pub struct TlsUpstream {
    address: SocketAddr,
    /// That of its authority.
    certificate: String,
}

impl TlsUpstream {
    /// Starts one on a free port whose certificate is for `name`, and which speaks the first of `protocols` that the
    /// client speaks too. It answers with the protocol, the authority and the body of the request.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub fn start(name: &str, protocols: &[&str]) -> Self {
        let authority = Authority::new();
        let (chain, key) = authority.pair(&[name]).der();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("invariant: the provider knows the default versions")
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .expect("invariant: the key is that of the certificate");
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        thread::spawn(move || serve_all(listener, TlsAcceptor::from(Arc::new(config))));
        Self { address, certificate: authority.root_pem() }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of its authority, for whoever shall trust it.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }
}

fn serve_all(listener: std::net::TcpListener, acceptor: TlsAcceptor) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("start a runtime");
    runtime.block_on(async {
        listener.set_nonblocking(true).expect("a socket that does not block");
        let listener = TcpListener::from_std(listener).expect("take over a socket");
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(acceptor.clone(), stream));
        }
    });
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream) {
    // Who does not trust the certificate goes away here.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let stream = TokioIo::new(stream);
    let _ = match is_h2 {
        true => {
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(stream, service_fn(answer))
                .await
        }
        false => hyper::server::conn::http1::Builder::new().serve_connection(stream, service_fn(answer)).await,
    };
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let authority = request.uri().authority().map(ToString::to_string);
    let host = request.headers().get("host").and_then(|host| Some(host.to_str().ok()?.to_owned()));
    let protocol = request.version();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let authority = authority.or(host).unwrap_or_default();
    let text = format!("{protocol:?} {authority} {}", String::from_utf8_lossy(&body));
    Ok(Response::new(Full::from(text)))
}
