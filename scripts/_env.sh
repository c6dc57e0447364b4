# Sourced by the other scripts: goes to the repository root, and offers `environment [extras]`, which makes .venv if it
# is missing, installs rnnx into it if that was not done since the requirements changed, and sets $python.
# RNNX_PYTHON names the interpreter to use, RNNX_VENV another place for the environment.
# `--help` prints the header of a script, and nothing is made or installed.
set -euo pipefail
for argument in "$@"; do
    case "$argument" in
        -h | --help)
            awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
            exit 0
            ;;
    esac
done
cd "$(dirname "${BASH_SOURCE[0]}")/.."

environment() {
    local extras="${1:-}" venv="${RNNX_VENV:-.venv}" base stamp
    python="$venv/bin/python"
    if [ ! -x "$python" ]; then
        base=$(find_python)
        echo "making $venv with $("$base" --version)"
        "$base" -m venv "$venv"
    fi
    stamp="$venv/.installed${extras:+-$extras}-$(cat setup.cfg pyproject.toml | cksum | cut -d' ' -f1)"
    if [ ! -e "$stamp" ]; then
        echo "installing rnnx${extras:+[$extras]} (some 600 MB of packages the first time)"
        "$python" -m pip install --quiet --disable-pip-version-check -e ".${extras:+[$extras]}"
        touch "$stamp"
    fi
}

# jax 0.12 needs Python 3.12 and has CPU code that is several times faster than that of 0.10 under 3.11, so newer ones come
# first. pyenv's commands exist for versions that are not switched on; its folder tells what is really there.
find_python() {
    local candidate
    for candidate in ${RNNX_PYTHON:-python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12.*/bin/python \
        python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python python3 python3.11 python}; do
        candidate=$(command -v "$candidate" 2>/dev/null) || continue
        if "$candidate" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "no Python 3.11 or newer with venv was found${RNNX_PYTHON:+ as $RNNX_PYTHON}; install one or name one in RNNX_PYTHON." >&2
    return 2
}
