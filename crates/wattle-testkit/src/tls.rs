//! Certificates for tests, and a client of HTTP/1.1 over TLS that trusts them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::response::{Body, End, Head, Response};
use crate::wait::PATIENCE;

/// Who vouches for certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: Certificate,
}

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The certificate.
    pub cert: String,
    /// The key, as PKCS#8.
    pub key: String,
}

impl Pair {
    /// The certificate and its key as a server takes them.
    ///
    /// # Panics
    ///
    /// If they are no PEM.
    pub fn der(&self) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let cert = CertificateDer::from_pem_slice(self.cert.as_bytes()).expect("a certificate");
        (cert, PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key"))
    }
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    ///
    /// If there is no randomness.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let root = params.self_signed(&key).expect("a certificate");
        Self { issuer: Issuer::new(params, key), root }
    }

    /// A certificate for these names that is good for years.
    pub fn pair(&self, names: &[&str]) -> Pair {
        self.pair_until(names, 2100)
    }

    /// A certificate for these names that is good until the begin of this year.
    ///
    /// # Panics
    ///
    /// If the names are none.
    pub fn pair_until(&self, names: &[&str], year: i32) -> Pair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        Pair { cert: cert.pem(), key: key.serialize_pem() }
    }

    /// Its own certificate with its key: what no server may show.
    pub fn own_pair(&self) -> Pair {
        Pair { cert: self.root.pem(), key: self.issuer.key().serialize_pem() }
    }

    /// Its own certificate, as PEM.
    pub fn root_pem(&self) -> String {
        self.root.pem()
    }

    /// A client that trusts this authority alone.
    ///
    /// # Panics
    ///
    /// If the library does not know its own suites.
    pub fn client(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).expect("a root");
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("suites")
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    /// `GET` from the server called `name`.
    ///
    /// # Errors
    ///
    /// If the server cannot show that it has this name, or closes.
    pub fn get(&self, address: SocketAddr, name: &str, target: &str) -> Result<Response, String> {
        let name = name.to_owned();
        let mut stream = self.connect(address, &name)?;
        let request = format!("GET {target} HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n");
        let mut bytes = Vec::new();
        let exchanged = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut bytes));
        exchanged.map_err(|error| error.to_string())?;
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or("no head came")? + 4;
        let head = Head::parse(&bytes[..end])?;
        let mut decoder = Body::of(&head, "GET");
        let mut body = Vec::new();
        decoder.decode(&bytes[end..], &mut |piece: &[u8]| body.extend_from_slice(piece));
        let end = decoder.end().unwrap_or(End::Cut);
        Ok(Response { head, body, trailers: decoder.into_trailers(), end })
    }

    /// A connection over TLS to the server called `name`.
    ///
    /// # Errors
    ///
    /// If nobody accepts.
    pub fn connect(&self, address: SocketAddr, name: &str) -> Result<StreamOwned<ClientConnection, TcpStream>, String> {
        let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
        let socket = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| error.to_string())?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        let client = ClientConnection::new(Arc::new(self.client()), name).map_err(|error| error.to_string())?;
        Ok(StreamOwned::new(client, socket))
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
