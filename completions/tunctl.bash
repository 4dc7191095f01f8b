# bash completion of tunctl: source it, or link it into ~/.local/share/bash-completion/completions as tunctl.
# shellcheck shell=bash

_tunctl() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local options='-b -d -f -g -t -u --tun --multi-queue --netns --list --json --help --version'
  local devices
  COMPREPLY=()
  case $prev in
    -u) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
    -g) mapfile -t COMPREPLY < <(compgen -g -- "$cur") ;;
    -f) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    -d | -t)
      # Only devices of the driver have this file.
      devices=$(cd /sys/class/net && printf '%s\n' */tun_flags)
      mapfile -t COMPREPLY < <(compgen -W "${devices//\/tun_flags/}" -X '\*' -- "$cur")
      ;;
    --netns)
      mapfile -t COMPREPLY < <(compgen -W "$(ls /run/netns 2>/dev/null)" -- "$cur")
      ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur") ;;
  esac
}

complete -F _tunctl tunctl tun2udp-tunctl
