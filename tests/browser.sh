#!/usr/bin/env bash
# Finds a Chromium for the browser tests, or installs one where that needs nobody's answer: as root on Debian and its kin.
# Without one the browser tests are skipped and say so; nothing else depends on it.
set -euo pipefail

if [ -n "${CHROMIUM:-}" ]; then
  [ -x "$CHROMIUM" ] && exit 0
  echo "CHROMIUM names $CHROMIUM, which cannot be run"
fi
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  command -v "$name" >/dev/null && exit 0
done

skipped="no Chromium was found: the browser tests will be skipped (没有找到 Chromium,浏览器测试将跳过)"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "$skipped"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
echo "installing Chromium and Chinese fonts for the browser tests (正在安装 Chromium 与中文字体)"
if ! { apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium fonts-noto-cjk; } >/dev/null 2>&1; then
  echo "$skipped"
fi
