# bash completion of tun2udp: source it, or put it where bash-completion looks, as tun2udp.
# shellcheck shell=bash

_tun2udp() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local options='--name --mtu --address --route --netns --user --peer --listen --accept --offload
    --no-offload --queues --stats --json --quiet --help --version'
  COMPREPLY=()
  case $prev in
    --accept) mapfile -t COMPREPLY < <(compgen -W 'peer any' -- "$cur") ;;
    --offload) mapfile -t COMPREPLY < <(compgen -W 'tso uso gso gro' -- "$cur") ;;
    --queues) mapfile -t COMPREPLY < <(compgen -W 'auto' -- "$cur") ;;
    --user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
    --peer) mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur") ;;
    --netns)
      mapfile -t COMPREPLY < <(compgen -W "$(ls /run/netns 2>/dev/null)" -- "$cur")
      ;;
    # What only its writer knows.
    --name | --mtu | --address | --route | --listen | --stats) ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur") ;;
  esac
}

complete -F _tun2udp tun2udp
