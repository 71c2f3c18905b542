//! Links with a label: for what a component opens by that name, and for an import that it calls so.

use wattle_spec::label::{Label, LinkKey};

use crate::case::{check, check_imports};

#[test]
fn labels() {
    let stores = "wasi:keyvalue/store@0.2.0-draft wasi:keyvalue/atomics@0.2.0-draft";
    let links = |links: &str| check_imports(stores, &format!("components.cart.links = {{ {links} }}"), "");
    insta::assert_snapshot!(links("'wasi:keyvalue' = 'disk', 'wasi:keyvalue#sessions' = 'memory'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (link on the component): the component's links say `"wasi:keyvalue" = "disk"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/atomics@0.2.0-draft -> backend disk (link on the component): the component's links say `"wasi:keyvalue" = "disk"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue#sessions -> backend memory (link on the component): the component's links say `"wasi:keyvalue#sessions" = "memory"`
    "#);
    insta::assert_snapshot!(links("'wasi:keyvalue/store#sessions' = 'memory', 'wasi:keyvalue#sessions' = 'disk'"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/atomics@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue#sessions -> backend memory (link on the component): the component's links say `"wasi:keyvalue/store#sessions" = "memory"`
        else backend disk (link on the component): the component's links say `"wasi:keyvalue#sessions" = "disk"`
    "#);
    let layers = "components.cart.links = { 'wasi:keyvalue' = 'memory' }\n[links]\n'wasi:keyvalue#sessions' = 'disk'";
    let host =
        "[links]\n'wasi:keyvalue#sessions' = 'memory'\n'wasi:keyvalue#queue' = 'main'\n[backends.main]\ntype = 'disk'";
    insta::assert_snapshot!(check_imports(stores, layers, host), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend memory (link on the component): the component's links say `"wasi:keyvalue" = "memory"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/atomics@0.2.0-draft -> backend memory (link on the component): the component's links say `"wasi:keyvalue" = "memory"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue#queue -> backend main (default of the host): the links of the host's file say `"wasi:keyvalue#queue" = "main"`
    cart wasi:keyvalue#sessions -> backend disk (link on the app): the app's links say `"wasi:keyvalue#sessions" = "disk"`
        else backend memory (default of the host): the links of the host's file say `"wasi:keyvalue#sessions" = "memory"`
    "#);

    let labelled = "wasi:keyvalue/store@0.2.0-draft#sessions wasi:keyvalue/store@0.2.0-draft#rest";
    insta::assert_snapshot!(check_imports(labelled, layers, ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft#sessions -> backend disk (link on the app): the app's links say `"wasi:keyvalue#sessions" = "disk"`
        else backend memory (link on the component): the component's links say `"wasi:keyvalue" = "memory"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/store@0.2.0-draft#rest -> backend memory (link on the component): the component's links say `"wasi:keyvalue" = "memory"`
        else backend disk (built-in): `defaults = "dev"` of the host keeps keys and values in `disk`
    "#);
    insta::assert_snapshot!(check_imports(labelled, "", ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft#sessions -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:keyvalue/store@0.2.0-draft#rest -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    "#);
    insta::assert_snapshot!(check_imports("wasi:clocks/wall-clock@0.2.0#mine", "", ""), @"
    cart wasi:clocks/wall-clock@0.2.0#mine -> refused: component `cart` imports `wasi:clocks/wall-clock@0.2.0` as `mine`, and there is only one of it
    2:26 component `cart` imports `wasi:clocks/wall-clock@0.2.0` as `mine`, and there is only one of it
      hint: it keeps no state: import it without a label
    ");
    insta::assert_snapshot!(check_imports("wasi:keyvalue/batch@0.2.0-draft#mine", "", ""), @"
    cart wasi:keyvalue/batch@0.2.0-draft#mine -> refused: component `cart` imports `wasi:keyvalue/batch@0.2.0-draft` as `mine`, and there is only one of it
    2:26 component `cart` imports `wasi:keyvalue/batch@0.2.0-draft` as `mine`, and there is only one of it
      hint: what it works on comes from `wasi:keyvalue/store@0.2.0-draft`: give the label to that
    ");
    insta::assert_snapshot!(check_imports("wasi:keyvalue/nope@0.2.0-draft#mine", "", ""), @"
    cart wasi:keyvalue/nope@0.2.0-draft#mine -> refused: component `cart` imports `wasi:keyvalue/nope@0.2.0-draft` as `mine`, which nothing here provides
    2:26 component `cart` imports `wasi:keyvalue/nope@0.2.0-draft` as `mine`, which nothing here provides
      hint: of `wasi:keyvalue` the host has `wasi:keyvalue/atomics@0.2.0-draft`, `wasi:keyvalue/batch@0.2.0-draft` and `wasi:keyvalue/store@0.2.0-draft`: build the component against those, or compose a component that exports `wasi:keyvalue/nope@0.2.0-draft` into this one, as with `wac plug`
    ");
}

#[test]
fn labels_that_nothing_has() {
    let link = |imports: &str, key: &str| {
        check_imports(imports, &format!("components.cart.links = {{ '{key}' = 'memory' }}"), "")
    };
    insta::assert_snapshot!(link("wasi:keyvalue/store@0.2.0-draft#rest", "wasi:keyvalue#sessions"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft#rest -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    3:27 component `cart` imports nothing of `wasi:keyvalue#sessions`
      hint: what it imports of that package under a label is called `rest`
    "#);
    insta::assert_snapshot!(link("wasi:keyvalue/store@0.2.0-draft#rest", "wasi:keyvalue#rset"), @r#"
    cart wasi:keyvalue/store@0.2.0-draft#rest -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    3:27 component `cart` imports nothing of `wasi:keyvalue#rset`
      hint: did you mean `wasi:keyvalue#rest`?
    "#);
    insta::assert_snapshot!(link("wasmcloud:secrets/store@2.1.0", "wasmcloud:secrets#mine"), @"
    cart wasmcloud:secrets/store@2.1.0 -> built-in (built-in): nothing links it, and the host implements it without a backend
    3:27 component `cart` imports nothing of `wasmcloud:secrets#mine`
      hint: nothing of `wasmcloud:secrets` has a name that could be `mine`: write `wasmcloud:secrets`
    ");
    insta::assert_snapshot!(link("wasi:http/types@0.2.3", "wasi:http#mine"), @"
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    3:27 component `cart` imports nothing of `wasi:http#mine`
      hint: nothing of `wasi:http` has a name that could be `mine`: write `wasi:http`
    ");
    insta::assert_snapshot!(link("wasi:http/types@0.2.3", "wasi:keyvalue#mine"), @"
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    3:27 component `cart` imports nothing of `wasi:keyvalue#mine`
      hint: the imports are of `wasi:http`
    ");
    let backend = "components.cart.links = { 'wasi:keyvalue#sessions' = 'cache' }";
    insta::assert_snapshot!(check(backend, ""), @r#"
    cart wasi:keyvalue/store@0.2.0-draft -> backend disk (built-in): nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
    cart wasi:http/types@0.2.3 -> built-in (built-in): the host implements it and it keeps no state
    cart wasi:keyvalue#sessions -> refused: there is no backend `cache`
    3:54 there is no backend `cache`
      hint: the backends are `disk` and `memory`; to have another, add:
      hint: [backends.cache]
      hint: type = "disk"
    "#);
}

#[test]
fn keys_are_parsed() {
    for text in ["wasi:keyvalue", "wasi:keyvalue#sessions", "wasi:keyvalue/store@0.2.0-draft#A_1.x-y"] {
        assert_eq!(text.parse::<LinkKey>().map(|key| key.to_string()), Ok(text.to_owned()));
    }
    let refused = |text: &str| text.parse::<LinkKey>().unwrap_err().to_string();
    insta::assert_snapshot!(refused("wasi:keyvalue#"), @"a label must not be empty");
    insta::assert_snapshot!(refused("wasi:keyvalue#a#b"), @"a label is made of letters, digits, `-`, `_` and `.`, '#' is not");
    insta::assert_snapshot!(refused("#sessions"), @"an interface is written namespace:package/name@version, as in wasi:keyvalue/store");
    insta::assert_snapshot!("x".repeat(64).parse::<Label>().unwrap_err(), @"a label has at most 63 characters, this one has 64");
}
