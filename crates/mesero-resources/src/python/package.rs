//! The Python package `mesero_worker`, as it is sent to a worker process.

/// Program of `python3 -c`: receives the package through the inherited socket that its first argument names.
pub(super) const BOOT: &str = include_str!("../worker/boot.py");

/// Path and text of each file. The importer comes first.
const FILES: [(&str, &str); 17] = [
    ("mesero_worker/importer.py", include_str!("../worker/mesero_worker/importer.py")),
    ("mesero_worker/__init__.py", include_str!("../worker/mesero_worker/__init__.py")),
    ("mesero_worker/async_calls.py", include_str!("../worker/mesero_worker/async_calls.py")),
    ("mesero_worker/config.py", include_str!("../worker/mesero_worker/config.py")),
    ("mesero_worker/control.py", include_str!("../worker/mesero_worker/control.py")),
    ("mesero_worker/encoding.py", include_str!("../worker/mesero_worker/encoding.py")),
    ("mesero_worker/errors.py", include_str!("../worker/mesero_worker/errors.py")),
    ("mesero_worker/interrupt.py", include_str!("../worker/mesero_worker/interrupt.py")),
    ("mesero_worker/loop_watch.py", include_str!("../worker/mesero_worker/loop_watch.py")),
    ("mesero_worker/main.py", include_str!("../worker/mesero_worker/main.py")),
    ("mesero_worker/resolve.py", include_str!("../worker/mesero_worker/resolve.py")),
    ("mesero_worker/stacks.py", include_str!("../worker/mesero_worker/stacks.py")),
    ("mesero_worker/sync_calls.py", include_str!("../worker/mesero_worker/sync_calls.py")),
    ("mesero_worker/wire.py", include_str!("../worker/mesero_worker/wire.py")),
    ("mesero_worker/wsgi.py", include_str!("../worker/mesero_worker/wsgi.py")),
    ("mesero_worker/wsgi_request.py", include_str!("../worker/mesero_worker/wsgi_request.py")),
    ("mesero_worker/wsgi_response.py", include_str!("../worker/mesero_worker/wsgi_response.py")),
];

/// Returns the bytes that a worker receives: path and text of each file in turn, with a NUL in
/// between.
pub(super) fn stream() -> String {
    FILES.map(|(path, text)| [path, text].join("\0")).join("\0")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_package_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/worker/mesero_worker");
        let found: BTreeMap<_, _> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
            .map(|path| {
                let name = format!("mesero_worker/{}", path.file_name().unwrap().to_str().unwrap());
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        let embedded: BTreeMap<_, _> =
            FILES.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
        assert_eq!(found, embedded);
    }

    #[test]
    fn the_importer_comes_first_and_no_text_contains_the_separator() {
        assert_eq!(FILES[0].0, "mesero_worker/importer.py");
        assert!(FILES.iter().all(|(_, text)| !text.contains('\0')));
    }
}
