//! Who may connect, and what they may do: each refusal is an error that names the server and what was refused.

use std::path::PathBuf;
use std::time::Duration;

use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::KeyValue;
use wattle_backend::nats::{
    NatsConnection, NatsIdentity, NatsKeyValue, NatsLayout, NatsLogin, NatsOptions, NatsOptionsError, NatsSecret,
    NatsState, NatsTls,
};
use wattle_testkit::{Authority, NatsServer};

use super::{RUNTIME, chain, connection};

/// What is unavailable is waited for so long.
const DEADLINE: Duration = Duration::from_secs(1);

/// What a write through these options comes to.
async fn written(options: NatsOptions) -> Result<(), BackendError> {
    let store = NatsKeyValue::new(connection(options), NatsLayout::default());
    let bucket = Bucket { owner: Owner::Shared, name: "bucket".to_owned() };
    store.set(&bucket, "key", "value".into()).await.map(drop)
}

fn with_login(server: &NatsServer, login: NatsLogin) -> NatsOptions {
    NatsOptions { login, deadline: DEADLINE, ..NatsOptions::new([server.url()]) }
}

fn text(text: &str) -> NatsSecret {
    NatsSecret::Text(text.to_owned())
}

fn password(password: &str) -> NatsLogin {
    NatsLogin::Password { user: "app".to_owned(), password: text(password) }
}

/// The error of a call, without the port.
async fn refused(server: &NatsServer, options: NatsOptions) -> String {
    let error = written(options).await.expect_err("it is refused");
    chain(&error).replace(&server.port().to_string(), "PORT")
}

#[tokio::test]
async fn a_wrong_password_is_told_at_once_and_never_shown() {
    let users = "authorization { users: [{ user: app, password: secret-one }] }";
    let Some(server) = NatsServer::builder().config(users).start() else { return };
    written(with_login(&server, password("secret-one"))).await.expect("the right password");
    let begun = std::time::Instant::now();
    let error = refused(&server, with_login(&server, password("secret-two"))).await;
    assert!(begun.elapsed() < DEADLINE, "a refusal is not waited out");
    let expected = "the backend nats://127.0.0.1:PORT refuses the login: authorization violation";
    assert_eq!(error, expected);
    let options = with_login(&server, password("secret-two"));
    assert!(!format!("{options:?}").contains("secret"), "{options:?}");
    assert!(refused(&server, with_login(&server, NatsLogin::Nobody)).await.contains("refuses the login"));
}

/// A password that the server changes while it is away is noticed when it comes back.
#[tokio::test]
async fn a_login_that_is_taken_away_is_told() {
    let users = "authorization { users: [{ user: app, password: before }] }";
    let Some(mut server) = NatsServer::builder().config(users).start() else { return };
    let connection = connection(with_login(&server, password("before")));
    let store = NatsKeyValue::new(connection.clone(), NatsLayout::default());
    let bucket = Bucket { owner: Owner::Shared, name: "bucket".to_owned() };
    store.set(&bucket, "key", "value".into()).await.expect("set");
    server.restart_with("password: before", "password: after");
    let denied = |state: &NatsState| matches!(state, NatsState::Down { error: Some(BackendError::Denied { .. }), .. });
    connection.state().wait_for(denied).await.expect("it is used");
    let error = store.get(&bucket, "key").await.expect_err("it is refused");
    assert!(chain(&error).contains("refuses the login"), "{}", chain(&error));
}

#[tokio::test]
async fn tokens_and_nkeys_are_logins() {
    let Some(server) = NatsServer::builder().config("authorization { token: letmein }").start() else { return };
    written(with_login(&server, NatsLogin::Token(text("letmein")))).await.expect("the right token");
    assert!(refused(&server, with_login(&server, NatsLogin::Token(text("x")))).await.contains("refuses the login"));

    // The pair of the documentation of NATS.
    let (public, seed) = (
        "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4",
        "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
    );
    let users = format!("authorization {{ users: [{{ nkey: {public} }}] }}");
    let Some(server) = NatsServer::builder().config(&users).start() else { return };
    written(with_login(&server, NatsLogin::NkeySeed(NatsSecret::File(server.file("seed", &format!("{seed}\n"))))))
        .await
        .expect("the right seed");
    assert!(refused(&server, with_login(&server, NatsLogin::Nobody)).await.contains("refuses the login"));
    let error = refused(&server, with_login(&server, NatsLogin::CredentialsFile(PathBuf::from("none.creds")))).await;
    assert!(error.contains("cannot read the credentials in none.creds: No such file"), "{error}");
}

#[tokio::test]
async fn addresses_are_checked_before_anything_is_opened() {
    let check = |address: &str, expected: NatsOptionsError| {
        let refused = NatsConnection::new(NatsOptions::new([address]), RUNTIME.clone()).err();
        assert_eq!(refused, Some(expected), "{address}");
    };
    check("http://127.0.0.1:1", NatsOptionsError::Address(1));
    check("nats://", NatsOptionsError::Address(1));
    check("nats://app:secret@127.0.0.1:1", NatsOptionsError::UserInAddress(1));
    let none = NatsConnection::new(NatsOptions::new(Vec::<String>::new()), RUNTIME.clone()).err();
    assert_eq!(none, Some(NatsOptionsError::NoServer));

    let nowhere = NatsOptions { deadline: DEADLINE, ..NatsOptions::new(["nats://nowhere.invalid:4222"]) };
    let error = chain(&written(nowhere).await.expect_err("no such host"));
    assert!(error.starts_with("the backend nats://nowhere.invalid:4222 is unavailable: DNS error"), "{error}");
}

#[tokio::test]
async fn certificates_are_checked() {
    let authority = Authority::new();
    let clients = Authority::new();
    let (good, expired) = (authority.pair(&["127.0.0.1"]), authority.pair_until(&["127.0.0.1"], 2010));
    let client = clients.pair(&["client"]);
    let Some(server) = NatsServer::builder().tls(&good, Some(&clients.root_pem())).start() else { return };
    let identity =
        NatsIdentity { certificate: server.file("c.pem", &client.cert), key: server.file("c.key", &client.key) };
    let tls = NatsTls {
        required: true,
        authorities: Some(server.file("root.pem", &authority.root_pem())),
        identity: Some(identity),
    };
    let with_tls =
        |server: &NatsServer, tls: NatsTls| NatsOptions { tls, deadline: DEADLINE, ..NatsOptions::new([server.url()]) };
    written(with_tls(&server, tls.clone())).await.expect("both certificates are good");
    let error = refused(&server, with_tls(&server, NatsTls { identity: None, ..tls.clone() })).await;
    assert!(error.contains("CertificateRequired"), "{error}");
    let untrusted = NatsTls { authorities: Some(server.file("r.pem", &clients.root_pem())), ..tls.clone() };
    let error = refused(&server, with_tls(&server, untrusted)).await;
    assert!(error.contains("is unavailable: invalid peer certificate: BadSignature"), "{error}");
    let unreadable = NatsTls { authorities: Some(PathBuf::from("none.pem")), ..tls.clone() };
    let error = refused(&server, with_tls(&server, unreadable)).await;
    assert!(error.contains("cannot read none.pem: No such file"), "{error}");

    let Some(server) = NatsServer::builder().tls(&expired, None).start() else { return };
    let error = refused(&server, with_tls(&server, tls.clone())).await;
    assert!(error.contains("is unavailable: invalid peer certificate: certificate expired"), "{error}");

    let Some(server) = NatsServer::builder().start() else { return };
    let error = refused(&server, with_tls(&server, tls)).await;
    let expected = "the backend nats://127.0.0.1:PORT is unavailable: the server does not answer in TLS (";
    assert!(error.starts_with(expected), "no TLS where it is required: {error}");
}

/// Files are looked at before anything is opened, and nothing of what they hold is told.
#[test]
fn files_are_checked() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("write");
        path
    };
    let check = |login: NatsLogin, tls: NatsTls| {
        let options = NatsOptions { login, tls, ..NatsOptions::new(["nats://127.0.0.1:1"]) };
        let checked = options.check_files().map_err(|error| chain(&error));
        checked.map_err(|error| error.replace(&*folder.path().to_string_lossy(), "DIR"))
    };
    let login = |login: NatsLogin| check(login, NatsTls::default());
    let secret = |content: &str| NatsSecret::File(file("secret", content));
    assert_eq!(login(NatsLogin::Token(secret("letmein\n"))), Ok(()));
    let empty = Err("DIR/secret cannot be used: its first line is empty".to_owned());
    assert_eq!(login(NatsLogin::Token(secret("\nletmein\n"))), empty);
    let missing = NatsSecret::File(folder.path().join("none"));
    let error = "cannot read the credentials in DIR/none: No such file or directory (os error 2)".to_owned();
    assert_eq!(login(NatsLogin::Password { user: "app".into(), password: missing }), Err(error));
    let error = "DIR/my.creds cannot be used: it does not hold a JWT and the seed of its key, as `nsc` writes them";
    assert_eq!(login(NatsLogin::CredentialsFile(file("my.creds", "canary"))), Err(error.to_owned()));

    let authority = Authority::new();
    let pair = authority.pair(&["client"]);
    let tls = |roots: &str, certificate: &str, key: &str| {
        let identity = NatsIdentity { certificate: file("c.pem", certificate), key: file("c.key", key) };
        let tls = NatsTls { required: true, authorities: Some(file("r.pem", roots)), identity: Some(identity) };
        check(NatsLogin::Nobody, tls)
    };
    assert_eq!(tls(&authority.root_pem(), &pair.cert, &pair.key), Ok(()));
    let told = tls("canary", &pair.cert, &pair.key).expect_err("no certificate");
    assert_eq!(told, "DIR/r.pem cannot be used: there is no certificate in it");
    let told = tls(&authority.root_pem(), &pair.cert, "canary").expect_err("no key");
    assert!(told.starts_with("DIR/c.key cannot be used: ") && !told.contains("canary"), "{told}");
}

/// What the user may not publish to is told at once and by its name.
#[tokio::test]
async fn what_a_user_may_not_do_is_told() {
    let users = |allowed: &str| {
        format!("authorization {{ users: [{{ user: app, password: p, permissions: {{ {allowed} }} }}] }}")
    };
    let check = async |allowed: &str, expected: &str| {
        let Some(server) = NatsServer::builder().config(&users(allowed)).start() else { return };
        let begun = std::time::Instant::now();
        let error = refused(&server, with_login(&server, password("p"))).await;
        assert_eq!(error, format!("the backend nats://127.0.0.1:PORT refuses {expected}"));
        assert!(begun.elapsed() < DEADLINE, "a refusal is not waited out");
    };
    check(r#"publish: { deny: "$KV.>" }"#, r#"to publish to "$KV.wattle_shared.bucket.key""#).await;
    let create = r#"to publish to "$JS.API.STREAM.CREATE.KV_wattle_shared""#;
    check(r#"publish: { deny: "$JS.API.STREAM.CREATE.>" }"#, create).await;
    let Some(server) = NatsServer::builder().config(&users(r#"subscribe: { deny: "_INBOX.>" }"#)).start() else {
        return;
    };
    let error = refused(&server, with_login(&server, password("p"))).await;
    assert!(error.contains(r#"refuses to subscribe to "_INBOX."#), "{error}");
}
