"""The manifest on disk."""

import hashlib

from softlabels.corpora.manifest import manifest_bytes, read_manifest


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    entry = {"wav": "{data_root}/a,.wav", "annotators": ["ann", "bob"], "votes": [["{"], []]}
    manifest = {"u1": entry, "u,2": {**entry, "more": {"x": [1, None]}, "votes": [["}"], ["a"]]}}
    data = manifest_bytes(manifest)
    (tmp_path / "manifest.json").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    assert read_manifest(tmp_path / "manifest.json") == (manifest, digest)
    (tmp_path / "manifest.json").write_bytes(manifest_bytes({}))
    assert read_manifest(tmp_path / "manifest.json")[0] == {}
