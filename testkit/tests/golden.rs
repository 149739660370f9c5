//! Every golden file is a test.

#[test]
fn every_golden_file_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../operators/golden");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        println!("{}", file.display());
        testkit::golden::check(&file);
    }
}
