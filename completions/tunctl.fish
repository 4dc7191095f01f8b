# fish completion of tunctl: put it into ~/.config/fish/completions.

function __tunctl_devices
    # The driver's devices alone have this file.
    for file in /sys/class/net/*/tun_flags
        string split -f 5 / $file
    end
end

function __tunctl_namespaces
    for file in /run/netns/*
        string replace /run/netns/ '' $file
    end
end

complete -c tunctl -f
complete -c tunctl -s b -d 'Print the name alone'
complete -c tunctl -s d -x -a '(__tunctl_devices)' -d 'Remove a device'
complete -c tunctl -s f -r -F -d 'Clone device'
complete -c tunctl -s g -x -a '(__fish_complete_groups)' -d 'Group that may attach'
complete -c tunctl -s t -x -a '(__tunctl_devices)' -d 'Name of the device'
complete -c tunctl -s u -x -a '(__fish_complete_users)' -d 'User who may attach'
complete -c tunctl -l tun -d 'A TUN device rather than a TAP device'
complete -c tunctl -l multi-queue -d 'A device that may have several queues'
complete -c tunctl -l netns -x -a '(__tunctl_namespaces)' -d 'Network namespace'
complete -c tunctl -l list -d 'Print the TUN and TAP devices'
complete -c tunctl -l json -d 'Print JSON'
complete -c tunctl -l help -d 'Print the help'
complete -c tunctl -l version -d 'Print the version'
