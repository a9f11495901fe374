#!/usr/bin/env bash
# What an offline GPU machine lacks, in parts that travel one at a time: this checkout as it is committed, and wheels for
# the machine's Python that its own torch, transformers and pandas are used with.
#
#   perf/gpu_bundle.sh FOLDER [PYTHON_VERSION]      # makes FOLDER/part-000, part-001, ..., 60 MB each, and unpack.sh
#
# There: bash FOLDER/unpack.sh TARGET, then
#   cd TARGET/sft-report && PYTHONPATH=$PWD:TARGET/packages python -m perf.gpu --output gpu.jsonl
#
# With VLLM=0.24.0 vLLM's wheel comes along, without what it depends on (that of torch 2.11; 279 MB, five more parts).
set -euo pipefail
folder="$(realpath -m "$1")" python="${2:-3.12}"
cd "$(dirname "$0")/.."
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$folder" "$scratch/wheels"

# The versions of the lock; a package that only vLLM needs is taken as it comes.
locked() { sed -nE "s/^($1==[^ ;]+).*/\1/p" envs/main.txt | head -n 1; }
wheels=()
for name in trl datasets dill multiprocess xxhash lighteval latex2sympy2-extended polars polars-runtime-32 filelock \
  snakemake pydantic pydantic-core psutil tqdm datasketch sklearn-crfsuite python-crfsuite tabulate gguf openai; do
  wheels+=("$(locked "$name")")
done
[ -z "${VLLM:-}" ] || wheels+=("vllm==$VLLM")
for wheel in "${wheels[@]}"; do
  [ -z "$wheel" ] || .venv/bin/pip download --quiet --no-deps --only-binary=:all: --python-version "$python" \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    --platform manylinux1_x86_64 --dest "$scratch/wheels" "$wheel" || echo "left out: $wheel has no wheel for Python $python" >&2
done
git archive --prefix sft-report/ --output "$scratch/sft-report.tar" HEAD
tar --create --file - --directory "$scratch" wheels sft-report.tar | split --bytes 60M --numeric-suffixes --suffix-length 3 - "$folder/part-"
cat > "$folder/unpack.sh" <<'UNPACK'
#!/usr/bin/env bash
set -euo pipefail
here="$(dirname "$(realpath "$0")")" target="$(realpath -m "$1")"
mkdir -p "$target/packages"
cat "$here"/part-* | tar --extract --file - --directory "$target"
tar --extract --file "$target/sft-report.tar" --directory "$target"
python -m pip install --quiet --no-index --no-deps --target "$target/packages" "$target"/wheels/*.whl
UNPACK
ls -l "$folder"
