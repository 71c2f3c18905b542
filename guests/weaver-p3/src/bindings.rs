//! The interface that this guest exports.

wasip3::wit_bindgen::generate!({
    inline: "
        package wattle:weaver-p3;
        world weaver { export wattle:cloth/loom@0.1.0; }
    ",
    path: ["../wit/wattle-cloth-p3"],
    runtime_path: "wasip3::wit_bindgen::rt",
    pub_export_macro: true,
    generate_all,
});
