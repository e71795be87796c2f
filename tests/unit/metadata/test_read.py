"""Reading a meta-dataset, and what is refused."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from foretune.errors import MetaDatasetError
from foretune.metadata import read_meta_dataset, write_meta_dataset
from foretune.metadata.shipped import shipped_meta_datasets
from foretune.metadata.write import sha256


class TestFiles:
    @pytest.fixture
    def folder(self, rows, build, tmp_path):
        write_meta_dataset(build(rows), tmp_path)
        return tmp_path

    def test_a_folder_is_expected(self, tmp_path):
        with pytest.raises(MetaDatasetError, match="nowhere is not a folder; a meta-dataset is one with"):
            read_meta_dataset(tmp_path / "nowhere")
        with pytest.raises(MetaDatasetError, match=r"public-llm-v1 is not a folder \(replaced by public-llm-v2"):
            read_meta_dataset("public-llm-v1")

    def test_shipped_ones_have_names(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        assert "public-llm-v2" in shipped_meta_datasets()
        assert "tulu3" in "".join(read_meta_dataset("public-llm-v2").task_ids)

    def test_a_folder_goes_before_a_shipped_name(self, rows, build, monkeypatch, tmp_path):
        write_meta_dataset(build(rows), tmp_path / "public-llm-v2")
        monkeypatch.chdir(tmp_path)
        assert "tulu3" not in "".join(read_meta_dataset("public-llm-v2").task_ids)

    @pytest.mark.parametrize("name", ["metadata.json", "runs.parquet"])
    def test_a_missing_file_is_named(self, folder, name):
        (folder / name).unlink()
        with pytest.raises(MetaDatasetError, match=f"{name} is missing; restore it, or compile it again"):
            read_meta_dataset(folder)

    def test_a_changed_table_is_noticed(self, folder):
        (folder / "curves.parquet").write_bytes(b"PAR1")
        with pytest.raises(
            MetaDatasetError, match=r"curves.parquet is not the file that metadata.json was written for"
        ):
            read_meta_dataset(folder)

    def test_a_newer_schema_is_refused(self, folder):
        self.rewrite(folder, schema_version=3)
        with pytest.raises(MetaDatasetError, match="schema version 3, expected 2"):
            read_meta_dataset(folder)

    def test_damaged_metadata_is_named(self, folder):
        (folder / "metadata.json").write_text("{}")
        with pytest.raises(
            MetaDatasetError,
            match=r"metadata.json is not a meta-dataset's \(ValueError: schema_version is 'None', expected int\)",
        ):
            read_meta_dataset(folder)

    def test_defaults_are_configurations(self, folder):
        self.rewrite(folder, provenance={"defaults": {"m": "lora"}})
        with pytest.raises(MetaDatasetError, match=r"the header.provenance.defaults.m is 'lora', expected dict"):
            read_meta_dataset(folder)

    def test_metadata_without_checksums_is_refused(self, folder):
        self.rewrite(folder, sha256=None)
        with pytest.raises(MetaDatasetError, match="lacks sha256"):
            read_meta_dataset(folder)

    def rewrite(self, folder, **changes):
        path = folder / "metadata.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    def test_a_table_that_is_no_parquet_is_named(self, folder):
        (folder / "runs.parquet").write_bytes(b"PAR1nothing")
        checksums = json.loads((folder / "metadata.json").read_text())["sha256"]
        self.rewrite(folder, sha256={**checksums, "runs.parquet": sha256(folder / "runs.parquet")})
        with pytest.raises(
            MetaDatasetError, match=r"runs.parquet is not a Parquet table \(.*\); restore it, or compile"
        ):
            read_meta_dataset(folder)

    def test_a_fault_of_a_row_is_named_with_the_folder(self, folder):
        table = pq.read_table(folder / "runs.parquet")
        place = table.column_names.index("status")
        done = table.set_column(place, "status", pa.array(["done"] * len(table)))
        pq.write_table(done, folder / "runs.parquet")
        checksums = json.loads((folder / "metadata.json").read_text())["sha256"]
        self.rewrite(folder, sha256={**checksums, "runs.parquet": sha256(folder / "runs.parquet")})
        with pytest.raises(MetaDatasetError, match=rf"^{folder}: runs.parquet, row 1 .*unknown status 'done'"):
            read_meta_dataset(folder)
