//! Any text is a key and the name of a bucket.

use super::{all_keys, bucket, set, value};
use crate::key_value::KeyValue;

/// Names that some store, file system or protocol treats specially, and pairs that look the same.
fn odd_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        " ",
        "  ",
        "\0",
        "\0\0",
        "a",
        "a\0",
        "a\0b",
        ".",
        "..",
        "../..",
        "/",
        "//",
        "/a",
        "a/",
        "a/b",
        "a.b",
        "a:b",
        "*",
        ">",
        "a.*",
        "$JS",
        "%00",
        "\\",
        "\n",
        "\r\n",
        "\t",
        "\u{7f}",
        "A",
        "\"",
        "'",
        ";--",
        "{}",
        "[a]",
        "~",
        // One letter, composed and decomposed; two that differ in case only in some languages; joined and bidirectional.
        "\u{e9}",
        "e\u{301}",
        "ß",
        "ẞ",
        "ss",
        "İ",
        "ı",
        "👩\u{200d}👩",
        "👩👩",
        "\u{202e}a",
        "\u{feff}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{d7ff}",
        "\u{e000}",
    ]
    .map(str::to_owned)
    .into();
    names.push("k".repeat(1024));
    names.push("k".repeat(1023) + "l");
    names.push("ü".repeat(512));
    names
}

/// Any text is a key, and no two are taken for one.
pub async fn any_text_is_a_key(store: &dyn KeyValue) {
    let bucket = bucket("any-text-is-a-key");
    let mut names = odd_names();
    for name in &names {
        set(store, &bucket, name, &format!("value of {name:?}")).await;
    }
    for name in &names {
        let expected = format!("value of {name:?}").into_bytes();
        assert_eq!(value(store, &bucket, name).await, Some(expected), "key {name:?}");
    }
    names.sort_unstable();
    assert_eq!(all_keys(store, &bucket, 7).await, names, "they are listed in byte order");
    for name in &names {
        store.delete(&bucket, name).await.expect("delete");
        assert_eq!(value(store, &bucket, name).await, None, "key {name:?}");
    }
    assert_eq!(all_keys(store, &bucket, 7).await, Vec::<String>::new());
}

/// Any text is the name of a bucket, and no two are taken for one.
pub async fn any_text_is_a_bucket(store: &dyn KeyValue) {
    let names = odd_names();
    for name in &names {
        set(store, &bucket(name), "key", &format!("value of {name:?}")).await;
    }
    for name in &names {
        let expected = format!("value of {name:?}").into_bytes();
        assert_eq!(value(store, &bucket(name), "key").await, Some(expected), "bucket {name:?}");
        assert_eq!(all_keys(store, &bucket(name), 7).await, ["key"], "bucket {name:?}");
    }
}
