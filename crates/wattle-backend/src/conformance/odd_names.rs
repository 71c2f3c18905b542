//! Names that are hard to keep apart.

/// Names that some store, file system or protocol treats specially, and pairs that look the same.
pub(super) fn odd_names() -> Vec<String> {
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
