//! The interface that this guest imports beside those of `wasip3`.

wasip3::wit_bindgen::generate!({
    inline: "
        package wattle:tailor-p3;
        world imports { import wattle:cloth/loom@0.1.0; }
    ",
    path: ["../wit/wattle-cloth-p3"],
    runtime_path: "wasip3::wit_bindgen::rt",
    generate_all,
});
