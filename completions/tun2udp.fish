# fish completion of tun2udp: put it into ~/.config/fish/completions.

function __tun2udp_namespaces
    for file in /run/netns/*
        string replace /run/netns/ '' $file
    end
end

complete -c tun2udp -f
complete -c tun2udp -l name -x -d 'Name of the interface'
complete -c tun2udp -l mtu -x -d 'MTU of the interface'
complete -c tun2udp -l address -x -d 'A further address of the interface'
complete -c tun2udp -l route -x -d 'A network to route into the interface'
complete -c tun2udp -l netns -x -a '(__tun2udp_namespaces)' -d 'Network namespace of the interface'
complete -c tun2udp -l user -x -a '(__fish_complete_users)' -d 'Drop root once set up'
complete -c tun2udp -l peer -x -a '(__fish_print_hostnames)' -d 'The other end'
complete -c tun2udp -l listen -x -d 'Local address of the socket'
complete -c tun2udp -l accept -x -a 'peer any' -d 'Whose datagrams are taken'
complete -c tun2udp -l offload -x -a 'tso uso gso gro' -d 'Shortcuts that may be used'
complete -c tun2udp -l no-offload -d 'No shortcuts'
complete -c tun2udp -l queues -x -a auto -d 'Queues of the interface'
complete -c tun2udp -l stats -x -d 'Print the counters this often'
complete -c tun2udp -l json -d 'Print JSON'
complete -c tun2udp -l quiet -d 'Print errors and what is asked for'
complete -c tun2udp -l help -d 'Print the help'
complete -c tun2udp -l version -d 'Print the version'
