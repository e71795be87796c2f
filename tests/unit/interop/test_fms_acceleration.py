"""Benchmarks of fms-acceleration."""

import pytest

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs

NAMES = (
    "bf16,framework_config,fp16,learning_rate,lora_alpha,lora_dropout,mem_nvidia_mem_reserved,"
    "mem_peak_torch_mem_alloc_in_bytes,model_name_or_path,num_gpus,peft_method,per_device_train_batch_size,r,"
    "target_modules,torch_dtype,train_loss,train_runtime,train_samples_per_second,train_steps_per_second,"
    "train_tokens_per_second\n"
)
ATTENTION = "q_proj k_proj v_proj o_proj"
FULL = ",none,,2e-5,,,40000,30000000000,org/base-3B,2,,2,,,bfloat16,0.5,100.0,8.0,1.0,16384\n"
LORA = f"True,accelerated-peft-bnb,,2e-4,16,0.1,9,9e9,org/base-3B,1,lora,4,16,{ATTENTION} c_attn,bfloat16,1,50,8,2,9\n"
LOST = f",foak,True,2e-4,16,0.1,80000,,org/base-3B,1,lora,8,16,{ATTENTION},float16,,,,,\n"


def read(folder, *rows, name="a100_80gb.csv", options=None):
    (folder / name).write_text(NAMES + "".join(rows))
    return import_runs("fms-acceleration", [str(folder)], options)


def facts(meta, *names):
    return meta.runs[list(names)].values.tolist()


def test_a_run_has_the_seconds_steps_and_tokens_of_all_accelerators(tmp_path):
    meta = read(tmp_path, FULL)
    assert facts(meta, "hardware", "peak_memory_bytes", "status") == [["2 x NVIDIA A100 80GB", 30_000_000_000, "ok"]]
    curve = meta.curves.iloc[0]
    assert (curve["train_seconds"], curve["validation_value"]) == (100.0, 0.5)
    # 800 samples in batches of 2 rows on 2 devices, in 2 micro-batches a step; 16,384 tokens a second and device
    assert (curve["steps"], curve["tokens"]) == (100, 2 * 16384 * 100)
    assert meta.tasks[["dataset", "metric", "family"]].values.tolist() == [
        ["alpaca-cleaned (packed)", "train_loss", "instructions"]
    ]


def test_configurations_are_in_our_words(tmp_path):
    meta = read(tmp_path, FULL, LORA)
    common = {"dtype": "bfloat16", "gradient_checkpointing": True}
    full, lora = (dict(meta.configurations[run].values) for run in meta.runs["run"])
    assert full == {**common, "method": "full", "learning_rate": 2e-5, "batch_size": 8, "micro_batch_size": 2}
    assert lora == {
        **common,
        "method": "qlora",
        "variant": "accelerated-peft-bnb",
        "target_modules": "attention",
        "rank": 16,
        "alpha_over_rank": 1.0,
        "dropout": 0.1,
        "learning_rate": 2e-4,
        "mixed_precision": "bf16",
        "batch_size": 4,
        "micro_batch_size": 4,
    }


def test_the_attention_of_bigcode_has_other_names(tmp_path):
    meta = read(tmp_path, LORA.replace("org/base-3B", "bigcode/gpt_bigcode"))
    assert facts(meta, "config.target_modules") == [["c_attn"]]


def test_a_row_without_figures_ran_out_of_memory(tmp_path):
    meta = read(tmp_path, FULL, LOST)
    lost = meta.runs.iloc[1]
    assert (lost["status"], lost["config.method"], lost["config.batch_size"]) == ("out_of_memory", "lora", 8)
    assert lost["message"] == "the source has no figures of this run, which it does where memory ran out"
    assert not len(meta.curve(lost["run"]))


def test_rows_without_a_model_are_left_out_unless_it_is_given(tmp_path):
    nameless = FULL.replace("org/base-3B", "")
    meta = read(tmp_path, FULL, nameless)
    assert "1 rows of a100_80gb.csv are left out, for they do not name the model" in meta.provenance["notes"]
    assert len(meta.runs) == 1
    assert len(read(tmp_path, FULL, nameless, options=ImportOptions(model="org/base-3B")).runs) == 2


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (FULL.replace("0.5", "low"), "line 2: 'train_loss' is 'low', expected a number above 0"),
        (FULL.replace("0.5", ""), "line 2: 'train_loss' is '', expected a number above 0"),
        (FULL.replace(",2,,2,", ",two,,2,"), "line 2: 'num_gpus' is 'two'"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path, row, what):
    with pytest.raises(InteropError, match=what):
        read(tmp_path, row)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InteropError, match="no CSV file"):
        import_runs("fms-acceleration", [str(tmp_path)])
    (tmp_path / "a.csv").write_text("num_gpus\n1\n")
    with pytest.raises(InteropError, match="lacks the columns framework_config, per_device_train_batch_size"):
        import_runs("fms-acceleration", [str(tmp_path)])
    with pytest.raises(InteropError, match="the source does not say the dataset"):
        read(tmp_path, FULL, name="a.csv")
