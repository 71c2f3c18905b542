//! Links that are led elsewhere while an app runs: what an app is then, and what is refused.

use std::path::Path;

use wattle_spec::app::App;
use wattle_spec::control::Refusal;
use wattle_spec::host_file::HostSpec;
use wattle_spec::manifest::Manifest;
use wattle_spec::resolve::{Relink, relinked, resolve};

use crate::case::{Case, found, offers};

const COMPONENTS: &str = "cart: 0.2 wasi:keyvalue/store@0.2.0-draft wasi:keyvalue/atomics@0.2.0-draft \
    wasi:http/types@0.2.3 acme:pricing/quote@1.0.0 wasmcloud:messaging/consumer@0.2.0 => \
    wasmcloud:messaging/handler@0.2.0\npricing: 0.2 => acme:pricing/quote@1.0.0\n\
    cheaper: 0.2 acme:pricing/quote@1.0.0 => acme:pricing/quote@1.0.0\n\
    rich: 0.2 => acme:pricing/quote@1.0.0!\ndisk: 0.2 => acme:pricing/quote@1.0.0\n\
    busy: 0.2 => wasi:cli/run@0.2.0 acme:pricing/quote@1.0.0";
const LINES: &str = "components.pricing.source = 'pricing.wasm'\ncomponents.rich.source = 'rich.wasm'\n\
    components.disk.source = 'disk.wasm'\nservices.busy.source = 'busy.wasm'\n\
    [components.cheaper]\nsource = 'cheaper.wasm'\nlinks = { 'acme:pricing' = 'pricing' }\n\
    [components.cart.links]\n'acme:pricing' = 'pricing'\n'wasi:keyvalue' = 'orders'\n'wasi:keyvalue#sessions' = 'memory'\n\
    [backends.orders]\ntype = 'disk'\n[[triggers.message]]\nsubject = 'a'\ncomponent = 'cart'\n";

fn host() -> HostSpec {
    HostSpec::parse(
        "[backends.cluster]\ntype = 'nats'\nservers = ['nats://a:4222']\n[backends.keys]\ntype = 'environment'",
    )
    .unwrap()
}

fn app() -> App {
    let text = Case { lines: LINES, components: COMPONENTS, host: "" }.text();
    let manifest = Manifest::parse(&text).unwrap();
    resolve(&manifest, &found(COMPONENTS), &offers(), &host(), Path::new("/app")).unwrap()
}

/// `app` with a link led to a backend, or with `-` back.
fn set(app: &App, component: &str, link: &str) -> Result<App, Refusal> {
    let (key, to) = link.split_once('=').unwrap();
    let to = (to != "-").then(|| to.parse().unwrap());
    let change = Relink { component: component.parse().unwrap(), key: key.parse().unwrap(), to };
    relinked(app, &self::app(), &host().backends, &change)
}

/// What the store, the counters and the sessions are kept in, and by which rule.
fn kept(app: &App) -> String {
    let links = &app.components[&"cart".parse().unwrap()].links;
    let keys = links.iter().filter(|link| link.what.to_string().starts_with("wasi:keyvalue"));
    keys.map(|link| format!("{}: {} ({})\n", link.what, link.provider, link.rule)).collect()
}

#[test]
fn what_is_led_elsewhere() {
    let set_all = set(&app(), "cart", "wasi:keyvalue=cluster").unwrap();
    insta::assert_snapshot!(kept(&set_all), @"
    wasi:keyvalue/store@0.2.0-draft: backend cluster (set while it runs)
    wasi:keyvalue/atomics@0.2.0-draft: backend cluster (set while it runs)
    wasi:keyvalue#sessions: backend memory (link on the component)
    ");
    let set_both = set(&set_all, "cart", "wasi:keyvalue#sessions=orders").unwrap();
    insta::assert_snapshot!(kept(&set_both), @"
    wasi:keyvalue/store@0.2.0-draft: backend cluster (set while it runs)
    wasi:keyvalue/atomics@0.2.0-draft: backend cluster (set while it runs)
    wasi:keyvalue#sessions: backend orders (set while it runs)
    ");
    let set_back = set(&set_both, "cart", "wasi:keyvalue=-").unwrap();
    insta::assert_snapshot!(kept(&set_back), @"
    wasi:keyvalue/store@0.2.0-draft: backend orders (link on the component)
    wasi:keyvalue/atomics@0.2.0-draft: backend orders (link on the component)
    wasi:keyvalue#sessions: backend orders (set while it runs)
    ");
    assert_eq!(set(&set_back, "cart", "wasi:keyvalue#sessions=-").unwrap(), app());
}

/// What the links of `component` lead to that do not lead to the host.
fn called(app: &App, component: &str) -> String {
    let links = &app.components[&component.parse().unwrap()].links;
    let called = links.iter().filter(|link| link.provider.component().is_some());
    called.map(|link| format!("{}: {} ({}), {}\n", link.what, link.provider, link.rule, link.reason)).collect()
}

#[test]
fn what_another_component_provides() {
    let set_cart = set(&app(), "cart", "acme:pricing=cheaper").unwrap();
    insta::assert_snapshot!(called(&set_cart, "cart"), @"acme:pricing/quote@1.0.0: component cheaper (apart) (set while it runs), set to `cheaper` while the app runs");
    assert_eq!(set(&set_cart, "cart", "acme:pricing=-").unwrap(), app());
    let refused = |app: &App, component: &str, link: &str| {
        let Refusal { code, message, hint, .. } = set(app, component, link).unwrap_err();
        format!("{} {message}\n  {}", code.as_str(), hint.unwrap_or_default())
    };
    insta::assert_snapshot!(refused(&app(), "cart", "acme:pricing=cart"), @"link-refused component `cart` cannot be linked to itself");
    insta::assert_snapshot!(refused(&app(), "cart", "acme:pricing=rich"), @r#"
    link-refused `acme:pricing/quote@1.0.0` of component `rich` passes resources, and only plain values go from one instance to another
      let them share one, as in
    links = { "acme:pricing/quote" = { to = "rich", mode = "together" } }
    "#);
    insta::assert_snapshot!(refused(&app(), "cart", "acme:pricing=busy"), @"
    link-refused the service `busy` cannot be called for `acme:pricing/quote@1.0.0`: it runs, and of WASI 0.2 an instance does one thing at a time
      build it for WASI 0.3, or export the interface from a component that is no service
    ");
    insta::assert_snapshot!(refused(&app(), "cart", "acme:pricing=disk"), @"
    link-refused `disk` is a component and a backend, and a link to it could mean either
      give one of the two another name
    ");
    insta::assert_snapshot!(refused(&app(), "cart", "acme:pricing=memory"), @"
    link-refused `acme:pricing/quote@1.0.0` is joined to component pricing (apart), and cannot lead to backend `memory` while the app runs
      change the link in the manifest, and start the app again
    ");
    insta::assert_snapshot!(refused(&app(), "cart", "wasi:keyvalue=pricing"), @"
    link-refused `wasi:keyvalue/store@0.2.0-draft` is joined to backend orders, and cannot lead to component `pricing` while the app runs
      change the link in the manifest, and start the app again
    ");
    insta::assert_snapshot!(refused(&app(), "cart", "acme:pricing=priccing"), @"
    no-such-backend there is no backend `priccing`, and no component of this name
      did you mean `pricing`? the backends are `cluster`, `disk`, `keys`, `memory` and `orders`, the components `busy`, `cart`, `cheaper`, `disk`, `pricing` and `rich`
    ");
}

/// No component calls itself through others, whatever was set before.
#[test]
fn circles() {
    let ring = "a: 0.2 acme:ring/next@1.0.0 => acme:ring/next@1.0.0\nb: 0.2 acme:ring/next@1.0.0 => acme:ring/next@1.0.0\n\
                cart: 0.2 => acme:ring/next@1.0.0";
    let lines = "[components.a]\nsource = 'a.wasm'\nlinks = { 'acme:ring' = 'cart' }\n\
                 [components.b]\nsource = 'b.wasm'\nlinks = { 'acme:ring' = 'a' }\n";
    let text = Case { lines, components: ring, host: "" }.text();
    let manifest = Manifest::parse(&text).unwrap();
    let app = resolve(&manifest, &found(ring), &offers(), &host(), Path::new("/app")).unwrap();
    let change =
        Relink { component: "a".parse().unwrap(), key: "acme:ring".parse().unwrap(), to: Some("b".parse().unwrap()) };
    let Refusal { code, message, .. } = relinked(&app, &app, &host().backends, &change).unwrap_err();
    insta::assert_snapshot!(format!("{} {message}", code.as_str()), @"link-refused components call each other in a circle: a -> b -> a");
}

#[test]
fn what_is_refused() {
    let check = |component: &str, link: &str| {
        let Refusal { code, message, hint, .. } = set(&app(), component, link).unwrap_err();
        format!("{} {message}\n  {}", code.as_str(), hint.unwrap_or_default())
    };
    insta::assert_snapshot!(check("crat", "wasi:keyvalue=memory"), @"
    no-such-component the app `default/shop` has no component `crat`
      did you mean `cart`? its components: `busy`, `cart`, `cheaper`, `disk`, `pricing` and `rich`
    ");
    insta::assert_snapshot!(check("cart", "wasi:blobstore=memory"), @"
    no-such-link component `cart` has no link of `wasi:blobstore` that can be set
      these can be set: `wasi:keyvalue/store@0.2.0-draft`, `wasi:keyvalue/atomics@0.2.0-draft`, `acme:pricing/quote@1.0.0`, `wasmcloud:messaging/consumer@0.2.0`, `wasmcloud:messaging/handler@0.2.0` and `wasi:keyvalue#sessions`
    ");
    insta::assert_snapshot!(check("cart", "wasi:http=memory"), @"
    no-such-link component `cart` has no link of `wasi:http` that can be set
      these can be set: `wasi:keyvalue/store@0.2.0-draft`, `wasi:keyvalue/atomics@0.2.0-draft`, `acme:pricing/quote@1.0.0`, `wasmcloud:messaging/consumer@0.2.0`, `wasmcloud:messaging/handler@0.2.0` and `wasi:keyvalue#sessions`
    ");
    insta::assert_snapshot!(check("cart", "acme:pricing=memory"), @"
    link-refused `acme:pricing/quote@1.0.0` is joined to component pricing (apart), and cannot lead to backend `memory` while the app runs
      change the link in the manifest, and start the app again
    ");
    insta::assert_snapshot!(check("cart", "wasi:keyvalue#carts=memory"), @"
    no-such-link component `cart` has no link of `wasi:keyvalue#carts` that can be set
      these can be set: `wasi:keyvalue/store@0.2.0-draft`, `wasi:keyvalue/atomics@0.2.0-draft`, `acme:pricing/quote@1.0.0`, `wasmcloud:messaging/consumer@0.2.0`, `wasmcloud:messaging/handler@0.2.0` and `wasi:keyvalue#sessions`
    ");
    insta::assert_snapshot!(check("cart", "wasi:keyvalue=clutser"), @"
    no-such-backend there is no backend `clutser`, and no component of this name
      did you mean `cluster`? the backends are `cluster`, `disk`, `keys`, `memory` and `orders`, the components `busy`, `cart`, `cheaper`, `disk`, `pricing` and `rich`
    ");
    insta::assert_snapshot!(check("cart", "wasi:keyvalue=keys"), @"backend-unfit backend `keys`, which is of the type `environment`, cannot keep keys and values");
    insta::assert_snapshot!(check("cart", "wasi:keyvalue/store=memory"), @"
    link-refused component `cart` would keep `wasi:keyvalue` in two backends, `memory` and `orders`
      its interfaces share what they open: set all of `wasi:keyvalue`
    ");
    insta::assert_snapshot!(check("pricing", "wasi:keyvalue=memory"), @"
    no-such-link component `pricing` has no link of `wasi:keyvalue` that can be set
      it imports nothing that a backend or a component provides
    ");
}
